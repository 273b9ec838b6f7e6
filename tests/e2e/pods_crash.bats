#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the container's
#
# A process of a pod is killed with -9, or stopped with SIGSTOP, while the pod runs or starts: the CRI tells it, the pod can be
# stopped and removed within five seconds, and nothing is left.

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/cri.bash"

setup_file() {
	cri_setup
}

teardown_file() {
	containerd_teardown
}

teardown() {
	cri_census
}

# The process NAME of the pod: its arguments have the pod's id.
victim() {
	process_of "$(id_of pod)" "$1"
}

# took MILLISECONDS COMMAND...: it succeeds, and no later
takes() {
	local most=$1 began

	shift
	began=$(date +%s%3N)
	"$@"
	echo "# $*: $(($(date +%s%3N) - began)) ms"
	[ $(($(date +%s%3N) - began)) -le "$most" ]
}

is_dead() {
	container_is main EXITED && pod_is pod NOTREADY
}

# A running pod loses NAME by SIGNAL.
lose() {
	local pid

	run_pod pod
	run_container pod main . sleep 600
	pid=$(victim "$1")
	echo "# $1 is $pid"
	kill "-$2" "$pid"
}

# Each call has five seconds. The client's own start is not counted: on a busy machine that alone may take as long.
goes_in_time() {
	cri --limit 5 call StopPodSandbox "{\"pod_sandbox_id\": \"$(id_of pod)\"}" >/dev/null
	cri --limit 5 call RemovePodSandbox "{\"pod_sandbox_id\": \"$(id_of pod)\"}" >/dev/null
}

removed_in_time() {
	goes_in_time
	"$CENSUS" diff "$E2E_DIR/census" 10
}

@test "kill -9 of the shim: the pod is not ready, its container has exited, all goes" {
	lose containerd-shim KILL
	within 5 is_dead
	removed_in_time
}

@test "kill -9 of QEMU" {
	lose qemu-system-x86_64 KILL
	within 5 is_dead
	[ "$(status_of main exit_code)" = 255 ]
	removed_in_time
}

@test "kill -9 of virtiofsd" {
	lose virtiofsd KILL
	within 5 is_dead
	removed_in_time
}

@test "SIGTERM to QEMU, which then ends in order" {
	lose qemu-system-x86_64 TERM
	within 5 is_dead
	removed_in_time
}

@test "SIGSTOP of QEMU: the pod can be removed" {
	need_vm
	lose qemu-system-x86_64 STOP
	# The monitor is given two seconds; containerd may then wait up to two more.
	goes_in_time
}

@test "SIGSTOP of virtiofsd: the pod can be removed" {
	need_vm
	lose virtiofsd STOP
	goes_in_time
}

@test "SIGSTOP of the shim, then SIGCONT: the pod lives on" {
	lose containerd-shim STOP
	run cri --limit 2 exec "$(id_of main)" true
	[ "$status" -ne 0 ]
	kill -CONT "$(victim containerd-shim)"
	[ "$(in_container main echo alive)" = alive ]
	removed_in_time
}

# starting NAME: RunPodSandbox is under way and NAME is there
starting() {
	run_pod pod 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	waiting=$!
	within 60 new_process "$1" || { cat "$BATS_TEST_TMPDIR/said"; return 1; }
}

fails() {
	! wait "$1"
}

# Of the shim the supervisor, not the one that starts it and ends by itself: that has the program's path for a name.
new_process() {
	case $1 in
	containerd-shim) pgrep -f '^containerd-shim-kata-v2 ' ;;
	*) pgrep -x "${1:0:15}" ;;
	esac >"$BATS_TEST_TMPDIR/pids"
}

@test "kill -9 of QEMU, virtiofsd and the shim while the pod starts: RunPodSandbox fails soon, nothing is left" {
	need_vm
	for name in virtiofsd qemu-system-x86_64 containerd-shim; do
		echo "# $name"
		starting "$name"
		xargs kill -9 <"$BATS_TEST_TMPDIR/pids" || true # one may end with the other
		takes 10000 fails "$waiting"
		cat "$BATS_TEST_TMPDIR/said"
		within 10 "$CENSUS" diff "$E2E_DIR/census"
	done
}

@test "containerd is killed and starts again: the pod lives on, its end is told" {
	run_pod pod
	run_container pod main . sh -c 'while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 9'
	run_container pod other . sleep 600
	pid=$(containerd_pid)
	kill -9 "$pid"
	within 5 is_gone "$pid"
	containerd_start
	within 10 container_is main RUNNING
	pod_is pod READY
	[ "$(in_container other echo alive)" = alive ]
	in_container main touch /tmp/end
	ended main 9
	removed_in_time
}

@test "a container ends while containerd is away: its exit is told afterwards" {
	run_pod pod
	run_container pod main . sh -c 'sleep 2; exit 9'
	pid=$(containerd_pid)
	kill -9 "$pid"
	within 5 is_gone "$pid"
	# Nothing tells us of its end but the program's own time.
	read -rt 3 <> <(:) || true
	containerd_start
	ended main 9
	pod_is pod READY
	removed_in_time
}
