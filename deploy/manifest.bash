# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# manifest.bash - what deploy/install has made, for deploy/uninstall
#
# One line a thing: "dir PATH", "link PATH TARGET", "file PATH SHA256". Paths are without DESTDIR.
# Sourced; $name is the script, $destdir where the root of the tree is.

# shellcheck disable=SC2034,SC2154 # for those who source this; $name is theirs
MANIFEST=/var/lib/kata-containers/deploy.manifest

die() {
	echo "$name: $*" >&2
	exit 1
}

sum_of() {
	sha256sum <"$1" | cut -d' ' -f1
}

# is_ours PATH: it is there just as we have made it. While an update is under way a path has two lines, either will do.
is_ours() {
	local kind what

	[ -f "$destdir$MANIFEST" ] || return 1
	while read -r kind what; do
		case $kind in
		link) [ ! -L "$destdir$1" ] || [ "$(readlink "$destdir$1")" != "$what" ] || return 0 ;;
		file) [ ! -f "$destdir$1" ] || [ -L "$destdir$1" ] || [ "$(sum_of "$destdir$1")" != "$what" ] || return 0 ;;
		esac
	done < <(awk -v path="$1" '$2 == path { print $1, $3 }' "$destdir$MANIFEST")
	return 1
}
