#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check-binaries.sh - what the compiler and linker really made of our wishes
#
#	check-binaries.sh [BUILD]
#
# Each program: PIE, all relocations read-only before main() (full RELRO), no executable stack, no
# RPATH, stack protector. The agent besides: one static file, at most 1.5 MB stripped. One line a
# mistake, exit code 1 if there is any.
set -euo pipefail
export LC_ALL=C

build=${1:-build}
agent_max=1500000
mistakes=0

wrong() {
	echo "$1: $2"
	mistakes=$((mistakes + 1))
}

check() {
	local file=$1 header segments dynamic symbols

	header=$(readelf -hW "$file")
	segments=$(readelf -lW "$file")
	dynamic=$(readelf -dW "$file" 2>/dev/null || true)
	symbols=$(readelf -sW "$file")
	grep -q 'Type: *DYN' <<<"$header" || wrong "$file" "is not position independent"
	grep -q GNU_RELRO <<<"$segments" || wrong "$file" "has no RELRO"
	grep -qE 'BIND_NOW|FLAGS_1.*NOW' <<<"$dynamic" || wrong "$file" "binds lazily: RELRO is not full"
	grep -qE 'GNU_STACK .* RW +0x' <<<"$segments" || wrong "$file" "has an executable stack"
	! grep -qE 'RPATH|RUNPATH' <<<"$dynamic" || wrong "$file" "has an RPATH"
	! grep -q TEXTREL <<<"$dynamic" || wrong "$file" "has text relocations"
	grep -q __stack_chk_fail <<<"$symbols" || wrong "$file" "has no stack protector"
}

check_agent() {
	local file=$1 copy size segments dynamic

	segments=$(readelf -lW "$file")
	dynamic=$(readelf -dW "$file")
	! grep -q INTERP <<<"$segments" || wrong "$file" "is not static"
	! grep -q NEEDED <<<"$dynamic" || wrong "$file" "needs shared libraries"
	copy=$(mktemp)
	strip -o "$copy" "$file"
	size=$(stat -c %s "$copy")
	rm -f "$copy"
	echo "$file: $size bytes stripped"
	[ "$size" -le "$agent_max" ] || wrong "$file" "is $size bytes stripped, more than $agent_max"
}

n=0
for program in cli/kata-runtime shim/containerd-shim-kata-v2 proxy/kata-proxy kata-shim/kata-shim agent/kata-agent; do
	file=$build/src/$program
	[ -f "$file" ] || { wrong "$file" "was not built"; continue; }
	check "$file"
	n=$((n + 1))
done
[ ! -f "$build/src/agent/kata-agent" ] || check_agent "$build/src/agent/kata-agent"
echo "$n programs, $mistakes mistakes"
[ "$mistakes" = 0 ]
