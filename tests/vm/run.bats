#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154,SC2016,SC2013 # lib.bash is found at run time; $stderr is set by run
#
# Containers in real virtual machines: output, input, exit codes, terminals, further programs

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

setup_file() {
	vm_setup_file
}

setup() {
	vm_setup
}

teardown() {
	vm_teardown
}

@test "the kernel is another one, the process is the first one" {
	run run_in_vm sh -c 'echo "pid $$"; uname -r' </dev/null
	[ "$status" = 0 ]
	[ "${lines[0]}" = "pid 1" ]
	[ "${lines[1]}" = "$(basename "$(readlink "$GUEST_DIR/vmlinux.container")" | sed 's/^vmlinux-//')" ]
	assert_nothing_left
}

@test "stdout and stderr stay apart" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'echo to-out; echo to-err >&2'
	kata run --bundle "$BUNDLE" "$ID" </dev/null >"$BUNDLE/out" 2>"$BUNDLE/err"
	[ "$(cat "$BUNDLE/out")" = to-out ]
	[ "$(cat "$BUNDLE/err")" = to-err ]
}

@test "exit codes come back: 0, 7, 126, 127" {
	run -0 run_in_vm true </dev/null
	run -7 run_in_vm sh -c 'exit 7' </dev/null
	run -126 run_in_vm sh -c /etc/passwd </dev/null
	run -127 run_in_vm sh -c no-such-program </dev/null
	assert_nothing_left
}

@test "a killed container exits with 137, one that ends itself on SIGTERM with 143" {
	start_in_vm sleep 600
	has_status running
	kata kill "$ID" KILL
	within 60 has_status stopped
	kata delete "$ID"
	assert_nothing_left

	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'echo ready; sleep 600'
	kata run --bundle "$BUNDLE" "$ID" </dev/null >"$BUNDLE/out" &
	runner=$!
	within 60 grep -q ready "$BUNDLE/out"
	kata kill "$ID" KILL
	status=0
	wait "$runner" || status=$?
	[ "$status" = 137 ]

	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'trap "exit 143" TERM; echo ready; while :; do sleep 1; done'
	kata run --bundle "$BUNDLE" "$ID" </dev/null >"$BUNDLE/out" &
	runner=$!
	within 60 grep -q ready "$BUNDLE/out"
	kata kill "$ID"
	status=0
	wait "$runner" || status=$?
	[ "$status" = 143 ]
	assert_nothing_left
}

@test "a program that is not there is one clear line, exit code 1 or 127, and nothing is left" {
	run run_in_vm /no/such/program </dev/null
	[ "$status" = 1 ] || [ "$status" = 127 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *"/no/such/program"* ]]
	assert_nothing_left
}

@test "100 MB piped in come out unchanged" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" cat
	mkfifo "$BUNDLE/in.sum"
	sha256sum <"$BUNDLE/in.sum" >"$BUNDLE/in.hash" &
	head -c 100000000 /dev/urandom | tee "$BUNDLE/in.sum" |
		LIMIT=300 kata run --bundle "$BUNDLE" "$ID" | sha256sum >"$BUNDLE/out.hash"
	wait $!
	cmp "$BUNDLE/in.hash" "$BUNDLE/out.hash"
	assert_nothing_left
}

@test "stdin that ends is seen by the program" {
	run run_in_vm wc -l < <(printf '%s\n' one two three)
	[ "$status" = 0 ]
	[ "$output" = 3 ]
}

@test "1000 lines of a program that exits at once, 20 times, every line" {
	for i in $(seq 20); do
		run_in_vm seq 1000 </dev/null >"$BUNDLE/out"
		seq 1000 | cmp - "$BUNDLE/out" || { echo "run $i: $(wc -l <"$BUNDLE/out") lines"; return 1; }
	done
	assert_nothing_left
}

@test "a terminal has the size of ours, and follows when it changes" {
	TTY=true bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'stty size; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 1; done'
	run "$SOURCE_DIR/tests/vm/terminal" --size 31x97 --wait ready --resize 42x113 --limit 60 -- \
		"$RUNTIME" --kata-config "$CONFIG" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	echo "$output"
	[ "$status" = 5 ]
	[ "${lines[0]}" = "31 97" ]
	[ "${lines[2]}" = "42 113" ]
	assert_nothing_left
}

@test "a shell with a terminal can be started in a running container" {
	start_in_vm sleep 600
	run "$SOURCE_DIR/tests/vm/terminal" --size 24x80 --wait '# ' --type 'tty; echo $((6 * 7)); exit 3\r' --limit 60 -- \
		"$RUNTIME" --kata-config "$CONFIG" --root "$ROOT" exec --tty "$ID" sh
	echo "$output"
	[ "$status" = 3 ]
	[[ $output == *"/dev/pts/"* ]]
	[[ $output == *42* ]]
	has_status running
}

@test "further programs: output, input, exit codes, signals, working directory, environment, user" {
	start_in_vm sleep 600
	run kata exec "$ID" sh -c 'echo out; exit 9' </dev/null
	[ "$status" = 9 ]
	[ "$output" = out ]
	run kata exec "$ID" cat < <(echo piped)
	[ "$output" = piped ]
	run kata exec --cwd /etc --env A=b --user 1000:1000 "$ID" sh -c 'pwd; echo $A; id -u' </dev/null
	[ "$output" = "$(printf '/etc\nb\n1000')" ]
	run kata exec "$ID" sh -c 'kill -TERM $$' </dev/null
	[ "$status" = 143 ]
	run kata exec "$ID" sh -c 'kill -KILL $$' </dev/null
	[ "$status" = 137 ]
	has_status running
	kata kill "$ID" KILL
	within 60 has_status stopped
	kata delete "$ID"
	assert_nothing_left
}

@test "create, state, start, kill, delete: the life of a container under docker" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	kata create --bundle "$BUNDLE" --pid-file "$BUNDLE/pid" "$ID" </dev/null >/dev/null
	has_status created
	[ "$(process_name "$(cat "$BUNDLE/pid")")" = kata-shim ]
	kata start "$ID"
	has_status running
	run kata delete "$ID"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	run kata create --bundle "$BUNDLE" "$ID"
	[ "$status" = 1 ]
	[[ $output == *"in use"* ]]
	kata kill "$ID" KILL
	within 60 has_status stopped
	kata delete "$ID"
	run kata state "$ID"
	[ "$status" = 1 ]
	kata delete --force "$ID"
	assert_nothing_left
}

@test "a container can be paused and goes on" {
	start_in_vm sh -c 'while :; do echo tick; sleep 0.1; done'
	within 60 grep -q tick "$BATS_TEST_TMPDIR/out"
	kata pause "$ID"
	has_status paused
	size=$(stat -c %s "$BATS_TEST_TMPDIR/out")
	grew() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/out")" -gt $((size + 20)) ]; }
	run within 1 grew
	[ "$status" = 1 ]
	kata resume "$ID"
	has_status running
	within 60 grew
}

@test "a Debian root file system made by mmdebstrap" {
	debian_rootfs
	bundle "$BUNDLE" "$DEBIAN_ROOTFS" bash -c 'cat /etc/debian_version; dpkg -l bash | tail -n 1 | cut -c -2; exit 4'
	run kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output"
	[ "$status" = 4 ]
	[ "${lines[0]}" = "$(cat "$DEBIAN_ROOTFS/etc/debian_version")" ]
	[ "${lines[1]}" = ii ]
	assert_nothing_left
}

# The user that a sandbox's QEMU runs as.
qemu_user() {
	local pid

	for pid in $(sandbox_pids "$1"); do
		[[ $(process_name "$pid") != qemu-* ]] || stat -c %u "/proc/$pid"
	done
}

@test "QEMU as a user of its own is given kernel and initrd from where only root can go" {
	CONFIG=$BATS_TEST_TMPDIR/configuration.toml
	mkdir -m 700 "$BATS_TEST_TMPDIR/guest"
	cp -L "$GUEST_DIR/vmlinux.container" "$GUEST_DIR/kata-containers-initrd.img" "$BATS_TEST_TMPDIR/guest"
	GUEST_DIR=$BATS_TEST_TMPDIR/guest write_config "$CONFIG" 'rootless = true'
	start_in_vm sleep 600
	[ "$(qemu_user "$ID")" -gt 65535 ]
	run kata exec "$ID" echo alive </dev/null
	[ "$output" = alive ]
}
