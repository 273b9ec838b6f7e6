#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# size-report.sh - the ten longest files, headers and functions, so that growth is seen
#
# A report, not a check. Functions are measured from the line with the opening brace in the first
# column to the closing one.
set -euo pipefail

src=${1:-$(dirname "$(readlink -f "$0")")/../src}
cd "$src"

longest() {
	sort -k 1,1nr -k 2 | awk 'NR <= 10'
}

lines_of() {
	find . -name "$1" -exec wc -l {} + | awk '$2 != "total" { print $1, $2 }'
}

functions() {
	find . -name '*.c' -print | while read -r file; do
		awk -v file="$file" '
			/^[a-zA-Z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
			/^{/ { start = NR }
			/^}/ && start { print NR - start - 1, file ": " name "()"; start = 0 }' "$file"
	done
}

echo "Longest files (lines)"
lines_of '*.c' | longest
echo
echo "Longest headers (lines)"
lines_of '*.h' | longest
echo
echo "Longest functions (lines)"
functions | longest
