#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-runtime-page.sh PROGRAM PAGE - every command and flag that the program prints is in the page
set -eu
program=$1 page=$2
missing=0
commands=$("$program" --help | sed -n '/^COMMANDS:/,/^GLOBAL FLAGS:/s/^   \([a-z]*\) .*/\1/p')
[ -n "$commands" ]

flags() {
	"$program" "$@" --help | grep -oE '^   --[a-z0-9-]+' | tr -d ' '
}

for command in $commands; do
	grep -qE "^(\*[a-z]+\* _ID_, )?\*$command\*" "$page" || { echo "command $command is missing"; missing=1; }
done
for flag in $(flags); do
	grep -qF -e "*$flag*" "$page" || { echo "flag $flag is missing"; missing=1; }
done
for command in $commands; do
	for flag in $(flags "$command"); do
		[ "$flag" = --help ] && continue
		grep -qF -e "*$flag*" "$page" || { echo "$command $flag is missing"; missing=1; }
	done
done
exit "$missing"
