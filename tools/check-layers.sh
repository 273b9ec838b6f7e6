#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check-layers.sh - includes point downward
#
#	check-layers.sh [SRC]		the tree to check, by default ../src
#
#	lib/base <- lib/* <- engine <- task <- management <- shim, proxy        lib <- agent
#
# engine and agent never include one another; kata-shim and the tools use lib only; cli uses
# engine and lib. A module may include itself. One line a mistake, exit code 1 if there is any.
set -euo pipefail

src=${1:-$(dirname "$(readlink -f "$0")")/../src}

# What each layer may include besides itself. A layer that is not listed may include nothing:
# a new folder has to say where it stands.
declare -A may=(
	[lib/base]=""
	[lib]="lib/base lib"
	[engine]="lib/base lib"
	[task]="lib/base lib engine"
	[management]="lib/base lib engine task"
	[shim]="lib/base lib engine task management"
	[proxy]="lib/base lib engine task management"
	[cli]="lib/base lib engine"
	[kata-shim]="lib/base lib"
	[monitor]="lib/base lib"
	[agent-ctl]="lib/base lib"
	[agent]="lib/base lib"
)

layer_of() {
	case $1 in
	lib/base/*) echo lib/base ;;
	lib/*) echo lib ;;
	*) echo "${1%%/*}" ;;
	esac
}

mistakes=0
n=0
while IFS=: read -r file include; do
	from=$(layer_of "$file")
	to=$(layer_of "$include")
	n=$((n + 1))
	if [ "$from" != "$to" ] && [[ " ${may[$from]-} " != *" $to "* ]]; then
		echo "$file: includes '$include': $from may not use $to"
		mistakes=$((mistakes + 1))
	fi
done < <(cd "$src" && grep -rhoE --with-filename --include='*.[ch]' --include='*.cpp' '^[[:space:]]*#[[:space:]]*include[[:space:]]+"[^"]+/[^"]+"' . |
	sed -E 's|^\./([^:]+):.*"([^"]+)"|\1:\2|' | sort)

# A check that has looked at nothing has found nothing.
[ "$n" -gt 0 ] || { echo "check-layers: no include found below '$src'" >&2; exit 1; }
echo "$n includes, $mistakes of them upward"
[ "$mistakes" = 0 ]
