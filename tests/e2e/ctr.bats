#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2030,SC2031,SC2034,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# containerd-shim-kata-v2 under containerd and ctr: what ctr can do with runc's shim, it can do with ours

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/ctr.bash"
bats_require_minimum_version 1.5.0

CTR_NAMESPACES=(default red blue)

setup_file() {
	ctr_setup
	# the group of a namespace stays, as runc leaves it
	export CENSUS_IGNORE="$CENSUS_IGNORE|^cgroup /sys/fs/cgroup/[^/]*/(red|blue)$"
}

teardown_file() {
	containerd_teardown
}

setup() {
	ID=c$BATS_TEST_NUMBER
}

teardown() {
	remove_all
}

@test "run: output, errors, exit code, a kernel of its own, nothing left" {
	run --separate-stderr run_ctr "$ID" sh -c 'echo out; echo err >&2; uname -r; exit 3'
	[ "$status" = 3 ]
	[ "${lines[0]}" = out ]
	[ "${lines[1]}" != "$(uname -r)" ]
	[ "${stderr_lines[0]}" = err ]
	assert_nothing_left
}

@test "run: a thousand lines come out, all of them and in order" {
	run_ctr "$ID" seq 1000 >"$BATS_TEST_TMPDIR/lines"
	diff "$BATS_TEST_TMPDIR/lines" <(seq 1000)
}

@test "run: ten megabytes in and out through slow pipes" {
	head -c 10485760 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	timeout "$CLIENT_LIMIT" "$CTR" -a /run/containerd/containerd.sock run --rm --runtime io.containerd.kata.v2 \
		localhost/busybox:1 "$ID" cat <"$BATS_TEST_TMPDIR/in" 3>&- | sha256sum >"$BATS_TEST_TMPDIR/sum"
	diff "$BATS_TEST_TMPDIR/sum" <(sha256sum <"$BATS_TEST_TMPDIR/in")
	assert_nothing_left
}

@test "run -t: a terminal, its size, and what is typed" {
	# ctr tells the size after the start. What is typed is echoed, and so does not have it in one piece.
	run in_terminal --limit 60 --size 33x77 --wait '#' \
		--type 'tty; until stty size | grep "3[3] 77"; do sleep 0.1; done; exit 7\n' -- "$CTR" -a /run/containerd/containerd.sock run --rm -t --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" sh
	[ "$status" = 7 ]
	[[ $output == */dev/pts/0* ]]
	[[ $output == *"33 77"* ]]
}

@test "exec: output, exit code, streams of its own; into one that has ended it is refused" {
	start_ctr "$ID" sleep 600
	run ctr task exec --exec-id e1 "$ID" sh -c 'echo hello; exit 5'
	[ "$status" = 5 ]
	[ "${lines[0]}" = hello ]
	run ctr task exec --exec-id e1 "$ID" echo again # the name is free once it has ended
	[ "$output" = again ]
	ctr task kill -s KILL "$ID"
	within 60 has_status "$ID" STOPPED
	run ctr task exec --exec-id e2 "$ID" true
	[ "$status" != 0 ]
	[[ $output == *"is stopped"* ]]
	remove "$ID"
	assert_nothing_left
}

@test "exec of a program that is not there: the reason, and the container goes on" {
	start_ctr "$ID" sleep 600
	run ctr task exec --exec-id e1 "$ID" /nonexistent
	[ "$status" != 0 ]
	[[ $output == *"/nonexistent"*"no such file"* ]]
	has_status "$ID" RUNNING
	remove "$ID"
	assert_nothing_left
}

@test "kill: TERM is heard, KILL ends it with 137, an unknown container is named" {
	start_ctr "$ID" sh -c 'trap "echo told" TERM; echo up; while :; do sleep 0.1; done'
	within 60 has_logged "$ID" up
	ctr task kill -s TERM "$ID"
	within 60 has_logged "$ID" told
	has_status "$ID" RUNNING
	ctr task kill -s KILL "$ID"
	within 60 has_status "$ID" STOPPED
	run ctr task rm "$ID"
	[ "$status" = 137 ] || [[ $output == *137* ]]
	ctr container rm "$ID"
	run ctr task kill nobody
	[ "$status" != 0 ]
	[[ $output == *"not found"* ]]
	assert_nothing_left
}

@test "pause and resume: the program stands still and goes on; states say so" {
	start_ctr "$ID" sh -c 'while :; do echo tick; sleep 0.1; done'
	within 60 has_logged "$ID" tick
	ctr task pause "$ID"
	has_status "$ID" PAUSED
	local before
	before=$(wc -l <"$BATS_TEST_TMPDIR/$ID.log")
	run ! within 1 more_lines_than "$((before + 2))" # one line may have been under way
	ctr task resume "$ID"
	has_status "$ID" RUNNING
	within 60 more_lines_than "$((before + 2))"
	remove "$ID"
}

more_lines_than() {
	[ "$(wc -l <"$BATS_TEST_TMPDIR/$ID.log")" -gt "$1" ]
}

@test "metrics: memory and CPU of the container in the guest, more after work" {
	start_ctr "$ID" sh -c 'head -c 20m /dev/zero | tail | cksum; echo done; sleep 600'
	within 60 has_logged "$ID" "done"
	ctr task metrics --format json "$ID" >"$BATS_TEST_TMPDIR/metrics"
	cat "$BATS_TEST_TMPDIR/metrics"
	python3 - "$BATS_TEST_TMPDIR/metrics" <<-'END'
	import json, sys
	m = json.load(open(sys.argv[1]))
	usage = m["memory"]["usage"]
	usage = usage["usage"] if isinstance(usage, dict) else usage
	assert 100_000 < usage < 512 << 20, usage
	cpu = m["cpu"]["usage"]["total"] if "usage" in m["cpu"] else m["cpu"]["usage_usec"] * 1000
	assert cpu > 5_000_000, cpu
	assert m["pids"]["current"] >= 1, m["pids"]
	END
	remove "$ID"
}

@test "ps and the task's pid: the process on the host that stands for the container is the VM" {
	start_ctr "$ID" sleep 600
	local pid
	pid=$(ctr task ls | awk -v id="$ID" '$1 == id { print $2 }')
	[ "$(process_name "$pid")" = qemu-system-x86 ]
	ctr task ps "$ID" | grep -qw "$pid"
	remove "$ID"
}

@test "one id in two namespaces is two machines" {
	local ns

	for ns in red blue; do
		ctr -n "$ns" images import <("$BATS_TEST_DIRNAME/image" localhost/busybox:1 "$E2E_DIR/rootfs" sh) >/dev/null
		ctr -n "$ns" run -d --runtime io.containerd.kata.v2 localhost/busybox:1 same sleep 600
		ctr -n "$ns" task exec --exec-id e "same" sh -c "echo $ns >/mine"
	done
	for ns in red blue; do
		[ "$(ctr -n "$ns" task exec --exec-id e same cat /mine)" = "$ns" ]
	done
	for ns in red blue; do
		ctr -n "$ns" task rm -f same >/dev/null
		ctr -n "$ns" container rm same
	done
	assert_nothing_left
}

@test "configuration: a path in the options, one in the environment; what may not be chosen is named" {
	write_config /etc/kata-containers/other.toml 'kernel_params = "other=1"'
	run ctr run --rm --runtime io.containerd.kata.v2 --runtime-config-path /etc/kata-containers/other.toml \
		localhost/busybox:1 "$ID" cat /proc/cmdline
	[[ $output == *other=1* ]]
	run run_ctr "$ID" cat /proc/cmdline
	[[ $output != *other=1* ]]
	run ctr run --rm --runtime io.containerd.kata.v2 --runtime-config-path /nonexistent.toml localhost/busybox:1 "$ID" true
	[ "$status" != 0 ]
	[[ $output == *"/nonexistent.toml"* ]]
	ctr container rm "$ID" || true
	containerd_stop
	KATA_CONF_FILE=/etc/kata-containers/other.toml containerd_start
	run run_ctr "$ID" cat /proc/cmdline
	[[ $output == *other=1* ]]
	containerd_stop
	containerd_start
	assert_nothing_left
}

@test "annotations: denied unless the configuration names them, then followed" {
	run ctr run --rm --runtime io.containerd.kata.v2 --annotation io.katacontainers.config.hypervisor.default_memory=300 \
		localhost/busybox:1 "$ID" true
	[ "$status" != 0 ]
	[[ $output == *default_memory* ]]
	ctr container rm "$ID" || true
	write_config /etc/kata-containers/allow.toml 'enable_annotations = ["default_memory"]'
	run ctr run --rm --runtime io.containerd.kata.v2 --runtime-config-path /etc/kata-containers/allow.toml \
		--annotation io.katacontainers.config.hypervisor.default_memory=300 localhost/busybox:1 "$ID" \
		awk '/MemTotal/ { print $2 }' /proc/meminfo
	[ "$status" = 0 ]
	[ "$output" -lt 310000 ]
	assert_nothing_left
}

@test "containerd restarts in the middle: the container runs on, its output is whole, its end is told" {
	start_ctr "$ID" sh -c 'i=0; while [ ! -e /stop ]; do i=$((i + 1)); echo $i; done; exit 9'
	within 60 has_logged "$ID" '^100$'
	containerd_stop
	containerd_start
	has_status "$ID" RUNNING
	[ "$(ctr task exec --exec-id e "$ID" echo alive)" = alive ]
	ctr task exec --exec-id e "$ID" touch /stop
	within 60 has_status "$ID" STOPPED
	run ctr task rm "$ID"
	[[ $status = 9 || $output == *9* ]]
	ctr container rm "$ID"
	awk '$1 != NR { exit 1 }' "$BATS_TEST_TMPDIR/$ID.log"
	assert_nothing_left
}

@test "containerd is killed, the container ends meanwhile: its end is there when containerd is back" {
	start_ctr "$ID" sh -c 'echo up; while [ ! -e /proc/stop ]; do sleep 0.1; done'
	within 60 has_logged "$ID" up
	kill -KILL "$(containerd_pid)"
	within 5 is_gone "$(containerd_pid)"
	kill -KILL "$(process_of "$ID" qemu-system-x86_64)"
	containerd_start
	within 5 has_status "$ID" STOPPED
	remove "$ID"
	assert_nothing_left
}

@test "containerd is killed between create and start: the task is there afterwards, and goes without a trace" {
	: >"$BATS_TEST_TMPDIR/.pid" # makes ctr fail after the task was created
	run ctr run -d --pid-file "$BATS_TEST_TMPDIR/pid" --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" sleep 600
	echo "$output"
	[ "$status" != 0 ]
	has_status "$ID" CREATED
	kill -KILL "$(containerd_pid)"
	within 5 is_gone "$(containerd_pid)"
	containerd_start
	has_status "$ID" CREATED
	remove "$ID"
	assert_nothing_left
}

@test "checkpoint is refused by name" {
	start_ctr "$ID" sleep 600
	run ctr task checkpoint "$ID"
	[ "$status" != 0 ]
	[[ $output == *heckpoint* ]]
	remove "$ID"
}
