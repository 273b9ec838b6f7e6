#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-built.sh CONFIG-DOC SRC - a key that keys.c calls built is read by somebody outside of config
#
# What config itself reads: how annotations are allowed, and the features there are none of.
set -eu
config_doc=$1 src=$2
own=' valid_entropy_sources enable_annotations experimental '
failed=0
code=$(mktemp)
trap 'rm -f "$code"' EXIT
find "$src" -path "$src/engine/config" -prune -o -name '*.c' -print0 | xargs -0 cat >"$code"
for key in $("$config_doc" --built); do
	case $own in *" $key "*) continue ;; esac
	grep -qE -e "(->|\.)$key\>" "$code" || { echo "nobody reads '$key'"; failed=1; }
done
exit "$failed"
