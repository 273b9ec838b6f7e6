#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The checks themselves: each fails when it should.
# shellcheck disable=SC2030,SC2031 # bats runs each test in a subshell

root=$(readlink -f "$BATS_TEST_DIRNAME/../..")

# tree FILE INCLUDE: a source tree with one file that includes another
tree() {
	mkdir -p "$BATS_TEST_TMPDIR/src/$(dirname "$1")"
	printf '#include <stdio.h>\n#include "%s"\n' "$2" >"$BATS_TEST_TMPDIR/src/$1"
	run "$root/tools/check-layers.sh" "$BATS_TEST_TMPDIR/src"
}

@test "layers: this tree is in order" {
	"$root/tools/check-layers.sh"
}

@test "layers: downward is fine" {
	tree engine/a.c lib/base/err.h
	[ "$status" -eq 0 ]
	tree task/a.c engine/engine.h
	[ "$status" -eq 0 ]
	tree agent/launch/a.c agent/launch/launch.h
	[ "$status" -eq 0 ]
}

@test "layers: upward is a mistake that names the file" {
	tree lib/base/a.c lib/ttrpc/frame.h
	[ "$status" -eq 1 ]
	[[ "$output" == *"lib/base/a.c: includes 'lib/ttrpc/frame.h'"* ]]
}

@test "layers: engine and agent may not meet" {
	tree agent/a.c engine/engine.h
	[ "$status" -eq 1 ]
	rm -r "$BATS_TEST_TMPDIR/src"
	tree engine/a.c agent/launch/launch.h
	[ "$status" -eq 1 ]
}

@test "layers: a folder nobody has placed may use nothing" {
	tree new/a.c lib/base/err.h
	[ "$status" -eq 1 ]
}

@test "layers: an empty tree is an error" {
	mkdir "$BATS_TEST_TMPDIR/src"
	run "$root/tools/check-layers.sh" "$BATS_TEST_TMPDIR/src"
	[ "$status" -eq 1 ]
}

# program FLAGS: every program of the build folder, made with these flags
program() {
	local build=$BATS_TEST_TMPDIR/build file

	mkdir -p "$build/src"/{cli,shim,proxy,kata-shim,agent}
	printf '#include <string.h>\nint main(int c, char **v) { char b[64]; strcpy(b, v[0]); return b[c]; }\n' |
		gcc -O1 -w -U_FORTIFY_SOURCE -x c "$@" -o "$build/p" -
	for file in cli/kata-runtime shim/containerd-shim-kata-v2 proxy/kata-proxy kata-shim/kata-shim; do
		cp "$build/p" "$build/src/$file"
	done
	printf 'int main(void) { return 0; }\n' |
		gcc -fstack-protector-all -static-pie -Wl,-z,relro,-z,now -x c -o "$build/src/agent/kata-agent" -
	run "$root/tools/check-binaries.sh" "$build"
}

good=(-fstack-protector-all -pie -fPIE "-Wl,-z,relro,-z,now,-z,noexecstack")

@test "binaries: good ones pass" {
	program "${good[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "binaries: each missing protection is named" {
	program "${good[@]}" -no-pie -fno-PIE
	[[ "$status" -eq 1 && "$output" == *"kata-runtime: is not position independent"* ]]
	program "${good[@]}" -Wl,-z,lazy
	[[ "$status" -eq 1 && "$output" == *"binds lazily"* ]]
	program "${good[@]}" -Wl,-z,norelro
	[[ "$status" -eq 1 && "$output" == *"has no RELRO"* ]]
	program "${good[@]}" -Wl,-z,execstack
	[[ "$status" -eq 1 && "$output" == *"has an executable stack"* ]]
	program "${good[@]}" -Wl,-rpath,/tmp
	[[ "$status" -eq 1 && "$output" == *"has an RPATH"* ]]
	program "${good[@]}" -fno-stack-protector
	[[ "$status" -eq 1 && "$output" == *"has no stack protector"* ]]
}

@test "binaries: a program that was not built is a mistake" {
	program "${good[@]}"
	rm "$BATS_TEST_TMPDIR/build/src/cli/kata-runtime"
	run "$root/tools/check-binaries.sh" "$BATS_TEST_TMPDIR/build"
	[ "$status" -eq 1 ]
}

# project TEST...: a meson project whose tests are shell scripts "NAME=SCRIPT"
project() {
	local dir=$BATS_TEST_TMPDIR/project test

	mkdir -p "$dir"
	echo "project('p')" >"$dir/meson.build"
	for test; do
		printf '#!/bin/sh\n%s\n' "${test#*=}" >"$dir/${test%%=*}"
		chmod +x "$dir/${test%%=*}"
		echo "test('${test%%=*}', find_program('${test%%=*}'), protocol: '${protocol:-exitcode}', timeout: 2)" >>"$dir/meson.build"
	done
	meson setup "$dir/build" "$dir" >/dev/null
	run "$root/tests/run" -C "$dir/build"
}

last_line() {
	echo "$output"
	[ "${lines[-1]}" = "$1" ]
}

@test "run: programs without tests of their own count as one each" {
	project a=true b=false "c=exit 77"
	last_line "1 passed, 1 failed, 1 skipped"
	[ "$status" -eq 1 ]
}

@test "run: cmocka's tests are counted one by one" {
	project "a=echo '[  PASSED  ] 3 test(s).'" \
		"b=echo '[  PASSED  ] 2 test(s).'; echo '[  FAILED  ] 1 test(s), listed below:'; exit 1"
	last_line "5 passed, 1 failed, 0 skipped"
	[ "$status" -eq 1 ]
}

@test "run: TAP is counted one by one, and skips are named" {
	protocol=tap project "a=echo 1..3; echo ok 1 x; echo 'ok 2 y # skip no KVM'; echo ok 3 z"
	last_line "2 passed, 0 failed, 1 skipped"
	[ "$status" -eq 0 ]
	[[ "$output" == *"no KVM"* ]]
}

@test "run: a skip is a failure when STRICT=1" {
	STRICT=1 project "c=exit 77"
	last_line "0 passed, 0 failed, 1 skipped"
	[ "$status" -eq 1 ]
}

@test "run: a crash and a timeout are failures" {
	project "a=kill -SEGV \$\$" "b=sleep 30"
	last_line "0 passed, 2 failed, 0 skipped"
	[ "$status" -eq 1 ]
}

@test "run: a test program that crashes after its tests have passed is a failure" {
	project "a=echo '[  PASSED  ] 3 test(s).'; exit 1"
	last_line "3 passed, 1 failed, 0 skipped"
	[ "$status" -eq 1 ]
}

@test "run: no test at all is a failure" {
	project
	last_line "0 passed, 1 failed, 0 skipped"
	[ "$status" -eq 1 ]
}

@test "run: totals add up" {
	project a=true
	"$root/tests/run" -C "$BATS_TEST_TMPDIR/project/build" --total "$BATS_TEST_TMPDIR/total"
	run "$root/tests/run" -C "$BATS_TEST_TMPDIR/project/build" --total "$BATS_TEST_TMPDIR/total"
	last_line "2 passed, 0 failed, 0 skipped"
}

@test "deps: what is installed needs neither root nor network" {
	run timeout 20 "$root/tools/deps" build
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "deps: an unknown list is an error" {
	run "$root/tools/deps" nothing
	[ "$status" -eq 1 ]
}
