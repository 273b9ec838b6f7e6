#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# docker and podman when a process is killed with -9, theirs or ours, while a container runs, starts or stops: the client
# is told within five seconds, or after its own restart, and `rm -f` leaves nothing.

source "$BATS_TEST_DIRNAME/lib.bash"

setup_file() {
	e2e_setup_dirs
	podman_setup
	docker_setup # the census is taken after both
}

teardown_file() {
	podman_teardown
	docker_teardown
}

setup() {
	NAME=crash$BATS_TEST_NUMBER
}

# --- who is killed ---

is_daemon() {
	[[ $1 == dockerd || $1 == containerd ]]
}

# victim_pid NAME: that process of the container ID, or of docker.
victim_pid() {
	case $1 in
	dockerd) cat "$E2E_DIR/dockerd.pid" ;;
	containerd) pgrep -P "$(cat "$E2E_DIR/dockerd.pid")" -x containerd ;;
	*) process_of "$ID" "$1" ;;
	esac
}

kill_victim() {
	local pid

	pid=$(victim_pid "$1")
	kill -KILL "$pid"
	within 5 is_gone "$pid"
}

# --- when ---

# in_background COMMAND...: a call of the client; its end is in $WAITING and its words in a file.
in_background() {
	"$@" >"$BATS_TEST_TMPDIR/client" 2>&1 3>&- &
	WAITING=$!
}

make_container() {
	ID=$("$1" create --name "$NAME" $(client_options "$1") busybox sh -c \
		'trap "echo told" TERM; echo up; while :; do sleep 0.1; done')
}

client_options() {
	[ "$1" = podman ] || echo --runtime kata-runtime
	echo --network none
}

has_said() {
	"$1" logs "$ID" 2>&1 | grep -q "$2"
}

# Each returns when its moment has come: $2 is there and may be killed.
running() {
	make_container "$1"
	"$1" start "$ID" >/dev/null
	in_background "$1" wait "$ID"
}

# As soon as there is such a process.
starting() {
	make_container "$1"
	in_background "$1" start -a "$ID"
	within 30 victim_pid "$2"
}

# The VM is up, and the container is made but does not run yet.
starting_late() {
	make_container "$1"
	in_background "$1" start -a "$ID"
	within 30 process_of "$ID" kata-shim
}

stopping() {
	make_container "$1"
	"$1" start "$ID" >/dev/null
	within 10 has_said "$1" up
	in_background "$1" stop -t 60 "$ID"
	within 10 has_said "$1" told
}

# --- what has to hold ---

client_has_ended() {
	! kill -0 "$WAITING" 2>/dev/null
}

is_ended() {
	local status

	status=$("$1" inspect -f '{{.State.Status}}' "$ID")
	[[ $status == exited || $status == created || $status == stopped ]]
}

show() {
	echo "# $1 $2 $3: $("$1" inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' "$ID" 2>&1 | tail -n 1); client said: $(cat "$BATS_TEST_TMPDIR/client")" >&3
}

crash() {
	local moment

	for moment in running starting starting_late stopping; do
		"$moment" "$1" "$2"
		kill_victim "$2"
		[ "$2" != dockerd ] || docker_start_daemon
		local t0=$(date +%s%N)
		is_daemon "$2" || within 5 client_has_ended || echo "# client hangs" >&3
		is_daemon "$2" || within 5 is_ended "$1" || echo "# not ended" >&3
		show "$1" "$2" "$moment"
		kill "$WAITING" 2>/dev/null || true
		wait "$WAITING" || true
		within 10 remove "$1" || echo "# not removed" >&3
		nothing_left || { echo "# LEFT" >&3; "$CENSUS" save "$E2E_DIR/census"; }
	done
}

remove() {
	case $1 in
	podman) podman rm -f -t 0 "$ID" ;;
	docker) docker rm -f "$ID" ;;
	esac
}

nothing_left() {
	"$CENSUS" diff "$E2E_DIR/census" 5 >"$BATS_TEST_TMPDIR/left" || { sed 's/^/# /' "$BATS_TEST_TMPDIR/left" >&3; return 1; }
}

@test "podman: kata-shim" {
	crash podman kata-shim
}

@test "podman: kata-proxy" {
	crash podman kata-proxy
}

@test "podman: qemu-system-x86_64" {
	crash podman qemu-system-x86_64
}

@test "podman: virtiofsd" {
	crash podman virtiofsd
}

@test "podman: conmon" {
	crash podman conmon
}

@test "docker: kata-shim" {
	crash docker kata-shim
}

@test "docker: kata-proxy" {
	crash docker kata-proxy
}

@test "docker: qemu-system-x86_64" {
	crash docker qemu-system-x86_64
}

@test "docker: virtiofsd" {
	crash docker virtiofsd
}

@test "docker: containerd-shim" {
	crash docker containerd-shim
}

@test "docker: containerd" {
	crash docker containerd
}

@test "docker: dockerd" {
	crash docker dockerd
}
