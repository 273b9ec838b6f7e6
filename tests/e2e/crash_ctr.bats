#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2030,SC2031,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# containerd when a process of ours is killed or stopped, at every step of a start and while a container runs: State
# and Delete answer within five seconds, the exit is told, nothing is left

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/ctr.bash"
bats_require_minimum_version 1.5.0

STEPS=("choose accelerator" "make host cgroup" "limit host cgroup" "make shared directory" "start virtiofsd"
	"plan virtual machine" "connect network" "start virtual machine" "plug network devices" "reach agent"
	"configure guest network" "create guest sandbox" "watch guest"
	"open streams" "mount root file system" "share root file system" "plan mounts" "share mounts" "write guest's spec"
	"create container in guest")
SHIM=containerd-shim-kata-v2
STEP_FILE=/run/kata-test-step

# containerd finds a wrapper in front of the shim, which makes a step fail when a test says so.
setup_file() {
	e2e_setup_dirs
	mkdir -p "$E2E_DIR/bin"
	cat >"$E2E_DIR/bin/$SHIM" <<-END
	#!/bin/sh
	[ ! -e $STEP_FILE ] || export KATA_TEST_STEP="\$(cat $STEP_FILE)"
	exec $BUILD_DIR/src/shim/$SHIM "\$@"
	END
	chmod 755 "$E2E_DIR/bin/$SHIM"
	export SHIM_DIR=$E2E_DIR/bin
	ctr_setup
}

teardown_file() {
	containerd_teardown
}

setup() {
	ID=c$BATS_TEST_NUMBER
	EVENTS=$BATS_TEST_TMPDIR/events
	follow
}

teardown() {
	rm -f "$STEP_FILE"
	remove_all
	unfollow
}

# Of ctr.bash, but within five seconds, whatever the answer is; a task that containerd has given up is gone already.
status_of() {
	CLIENT_LIMIT=5 ctr task ls | awk -v id="$1" '$1 == id { print $3 }'
}

remove() {
	CLIENT_LIMIT=5 run ctr task rm -f "$1"
	echo "remove $1 -> $status: $output"
	[ "$status" != 124 ]
	CLIENT_LIMIT=5 ctr container rm "$1"
}

has_exit_event() {
	grep -q "/tasks/exit .*\"$1\"" "$EVENTS"
}

# --- at every step of a start ---

@test "a step that fails is named in one line, and nothing is left" {
	local step

	for step in "${STEPS[@]}"; do
		echo "fail:$step" >"$STEP_FILE"
		run start_ctr "$ID" sleep 600
		echo "$step -> $status: $output"
		[ "$status" = 1 ]
		[[ $output == *"$step"*KATA_TEST_STEP* ]]
		CLIENT_LIMIT=5 ctr container rm "$ID" 2>/dev/null || true
		assert_nothing_left
	done
}

@test "the shim is killed at a step: the start fails, and nothing is left" {
	local step

	for step in "${STEPS[@]}"; do
		echo "kill:$step" >"$STEP_FILE"
		run start_ctr "$ID" sleep 600
		echo "$step -> $status: $output"
		[ "$status" = 1 ]
		[ -z "$(status_of "$ID")" ]
		CLIENT_LIMIT=5 ctr container rm "$ID" 2>/dev/null || true
		assert_nothing_left
	done
}

is_stopped() {
	grep -q '^State:.T' "/proc/$(supervisor)/status"
}

supervisor() {
	pgrep -f "^$SHIM .*-id=$ID " | head -n 1
}

@test "the shim is stopped at a step: containerd answers, and once the shim is killed nothing is left" {
	local step pid

	for step in "make host cgroup" "start virtiofsd" "start virtual machine" "create container in guest"; do
		echo "stop:$step" >"$STEP_FILE"
		start_ctr "$ID" sleep 600 2>"$BATS_TEST_TMPDIR/said" &
		pid=$!
		within 60 is_stopped
		rm "$STEP_FILE"
		run ctr task ls # whatever it says, it says it
		[ "$status" = 0 ]
		kill -KILL "$(supervisor)"
		if wait "$pid"; then false; fi
		cat "$BATS_TEST_TMPDIR/said"
		CLIENT_LIMIT=5 ctr container rm "$ID" 2>/dev/null || true
		assert_nothing_left
	done
}

# --- while a container runs ---

# is_ended ID: containerd knows that it has ended, or has given it up
is_ended() {
	[[ $(status_of "$1") =~ ^(STOPPED|)$ ]]
}

process_for() {
	case $1 in
	"$SHIM") supervisor ;;
	*) process_of "$ID" "$1" ;;
	esac
}

@test "QEMU, virtiofsd or the shim is killed under a running container: it has ended, and the exit is told" {
	local name

	for name in qemu-system-x86_64 virtiofsd "$SHIM"; do
		ID=k$BATS_TEST_NUMBER-${name:0:4}
		start_ctr "$ID" sleep 600
		kill -KILL "$(process_for "$name")"
		within 5 is_ended "$ID"
		within 5 has_exit_event "$ID"
		remove "$ID"
		assert_nothing_left
	done
}

@test "QEMU or virtiofsd is stopped: State and Delete answer, the exit is told, nothing is left" {
	local name

	for name in qemu-system-x86_64 virtiofsd; do
		ID=s$BATS_TEST_NUMBER-${name:0:4}
		start_ctr "$ID" sleep 600
		kill -STOP "$(process_for "$name")"
		has_status "$ID" RUNNING
		remove "$ID"
		within 5 has_exit_event "$ID"
		assert_nothing_left
	done
}

@test "the shim is stopped: State answers, after it was killed the exit is told and nothing is left" {
	start_ctr "$ID" sleep 600
	kill -STOP "$(supervisor)"
	run status_of "$ID"
	[ "$status" = 0 ]
	kill -KILL "$(supervisor)"
	within 5 is_ended "$ID"
	within 5 has_exit_event "$ID"
	remove "$ID"
	assert_nothing_left
}

@test "QEMU is killed with an exec under way: both have ended" {
	local pid

	start_ctr "$ID" sleep 600
	ctr task exec --exec-id e1 "$ID" sleep 600 >/dev/null 2>&1 &
	pid=$!
	within 60 exec_runs
	kill -KILL "$(process_for qemu-system-x86_64)"
	if wait "$pid"; then false; fi
	within 5 is_ended "$ID"
	within 5 has_exit_event e1
	remove "$ID"
	assert_nothing_left
}

exec_runs() {
	grep -q '/tasks/exec-started .*"e1"' "$EVENTS"
}
