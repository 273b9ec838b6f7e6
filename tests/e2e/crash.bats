#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2046,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# docker and podman when a process is killed with -9, theirs or ours, while a container runs, starts or stops: the client
# is told within five seconds, or after its own restart, and `rm -f` leaves nothing.

source "$BATS_TEST_DIRNAME/lib.bash"

LOST=255   # the code of a container whose VM is gone: nobody can tell its own
KILLED=137 # that of one whose stand-in was killed

setup_file() {
	podman_setup
	docker_setup # the census is taken after both
	# The daemon names its own sockets anew each time it starts; podman's storage is mounted now and then.
	export CENSUS_IGNORE="^socket (@|/run/docker/libnetwork/)|^mount $E2E_DIR/podman/overlay "
}

teardown_file() {
	podman_remove_all 2>/dev/null || true
	docker_down
	e2e_remove_dirs
}

setup() {
	SAID=$BATS_TEST_TMPDIR/said
}

# What a test that failed has left is not for the census of the next one.
teardown() {
	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	[ -z "${SUPERVISOR:-}" ] || kill -CONT "$SUPERVISOR" || true
	podman_remove_all || true
	docker version >/dev/null 2>&1 || docker_start_daemon
	docker ps -aq | xargs -r "$DOCKER" -H unix:///run/docker.sock rm -f
}

# --- who is killed ---

# victim_pid NAME: that process of the container ID, or of docker.
victim_pid() {
	case $1 in
	dockerd) cat "$E2E_DIR/dockerd.pid" ;;
	containerd) pgrep -P "$(cat "$E2E_DIR/dockerd.pid")" -x containerd ;;
	*) process_of "$ID" "$1" ;;
	esac
}

# Of what is seen some ends by itself: the first process of a program that daemonizes, as conmon does.
kill_victim() {
	within 5 kill_seen "$1"
	within 5 is_gone "$VICTIM"
}

kill_seen() {
	VICTIM=$(victim_pid "$1") && kill -KILL "$VICTIM"
}

# --- when: each returns at its moment, with a call of the client on its way ---

# in_background COMMAND...: its end is in $WAITING, its words in a file.
in_background() {
	"$@" >"$SAID" 2>&1 3>&- &
	WAITING=$!
}

client_options() {
	# A daemon that comes back ends the containers that it finds: how long it asks them nicely.
	[ "$1" = podman ] || echo --runtime kata-runtime --stop-timeout 1
	echo --network none
}

# It ignores SIGTERM, which is what makes a stop last.
create_container() {
	ID=$("$1" create $(client_options "$1") busybox sh -c 'trap "echo told" TERM; echo up; while :; do sleep 0.1; done')
}

start_container() {
	create_container "$1"
	"$1" start "$ID" >/dev/null
	within 60 has_said "$1" up
}

has_said() {
	"$1" logs "$ID" 2>&1 | grep -q "$2"
}

running() {
	start_container "$1"
	in_background "$1" wait "$ID"
}

# starting CLIENT PROCESS: as soon as there is such a process
starting() {
	create_container "$1"
	in_background "$1" start -a "$ID"
	within 60 victim_pid "$2"
}

# The client waits for the container to heed SIGTERM.
stopping() {
	start_container "$1"
	in_background "$1" stop -t 60 "$ID"
	within 60 has_said "$1" told
}

# The runtime is at work to end the container, and held there by a supervisor that is stopped.
removing() {
	start_container "$1"
	SUPERVISOR=$(process_of "$ID" kata-proxy)
	kill -STOP "$SUPERVISOR"
	in_background remove "$1"
	within 60 process_of "$ID" kata-runtime
}

# --- what has to hold ---

client_has_ended() {
	! kill -0 "$WAITING" 2>/dev/null
}

state() {
	"$1" inspect -f "{{.State.$2}}" "$ID"
}

has_ended() {
	[[ $(state "$1" Status) =~ ^(created|exited|stopped)$ ]]
}

is_alive() {
	[ "$("$1" exec "$ID" echo alive)" = alive ]
}

remove() {
	case $1 in
	podman) podman rm -f -t 0 "$ID" ;;
	docker) docker rm -f "$ID" ;;
	esac
}

is_removed() {
	"$1" ps -aq --no-trunc >"$BATS_TEST_TMPDIR/all" && ! grep -q "$ID" "$BATS_TEST_TMPDIR/all"
}

# Nobody waits for it longer than for the container's end.
drop_client() {
	kill "$WAITING" 2>/dev/null || true
	wait "$WAITING" || true
}

# The client's own processes can be killed without the container's noticing. A conmon that goes between the
# container's creation and its start leaves it "initialized".
holds_after() {
	case $2 in
	dockerd)
		within 5 client_has_ended
		docker_start_daemon
		has_ended docker || is_alive docker
		;;
	containerd) within 40 eval 'is_alive docker || has_ended docker' ;;
	conmon) within 5 eval 'is_alive podman || has_ended podman || [[ $(state podman Status) =~ ^(initialized|stopping)$ ]]' ;;
	*)
		within 5 client_has_ended
		within 5 has_ended "$1"
		;;
	esac
}

# A number that is not the program's own is explained.
tells_code() {
	[ "$2" != - ] || return 0
	[ "$(state "$1" ExitCode)" = "$2" ]
	[ "$2" != "$LOST" ] || has_said "$1" 'kata-shim: container lost: .*\(QEMU\|virtiofsd\|kata-proxy\)'
}

# crash CLIENT VICTIM CODE MOMENT...: kill it at each of the moments, which are running, starting:PROCESS, stopping and
# removing. CODE is what a container that ran ends with, - if it lives on.
crash() {
	local client=$1 victim=$2 code=$3 moment process

	shift 3
	for moment; do
		echo "# $victim killed, $moment"
		IFS=: read -r moment process <<<"$moment"
		SUPERVISOR=
		"$moment" "$client" "$process"
		kill_victim "$victim"
		[ -z "$SUPERVISOR" ] || kill -CONT "$SUPERVISOR" || true
		[ "$moment" = removing ] || holds_after "$client" "$victim" || explain "$client"
		[ "$moment" != running ] || tells_code "$client" "$code"
		drop_client
		within 40 eval "remove $client || is_removed $client"
		"$CENSUS" diff "$E2E_DIR/census" 8
	done
}

explain() {
	"$1" inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' "$ID"
	"$1" logs "$ID"
	cat "$SAID"
	return 1
}

@test "podman: kata-shim" {
	crash podman kata-shim "$KILLED" running starting:kata-shim stopping
}

@test "podman: kata-proxy" {
	crash podman kata-proxy "$LOST" running starting:kata-proxy starting:qemu-system-x86_64 starting:kata-shim stopping removing
}

@test "podman: qemu-system-x86_64" {
	crash podman qemu-system-x86_64 "$LOST" running starting:qemu-system-x86_64 starting:kata-shim stopping
}

@test "podman: virtiofsd" {
	crash podman virtiofsd "$LOST" running starting:virtiofsd stopping
}

@test "podman: conmon" {
	crash podman conmon - running starting:conmon starting:qemu-system-x86_64 starting:kata-shim stopping removing
}

@test "docker: kata-shim" {
	crash docker kata-shim "$KILLED" running starting:kata-shim stopping
}

@test "docker: kata-proxy" {
	crash docker kata-proxy "$LOST" running starting:kata-proxy starting:qemu-system-x86_64 starting:kata-shim stopping removing
}

@test "docker: qemu-system-x86_64" {
	crash docker qemu-system-x86_64 "$LOST" running starting:qemu-system-x86_64 starting:kata-shim stopping
}

@test "docker: virtiofsd" {
	crash docker virtiofsd "$LOST" running starting:virtiofsd stopping
}

@test "docker: containerd-shim" {
	crash docker containerd-shim "$KILLED" running starting:qemu-system-x86_64 stopping removing
}

@test "docker: containerd" {
	crash docker containerd - running starting:kata-shim
}

# A shim whose container had not come yet is left by containerd, with runc too.
ignore_lost_shims() {
	CENSUS_IGNORE+='|^process [0-9]+ containerd-shim|^socket /run/containerd/s/'
}

@test "docker: dockerd" {
	ignore_lost_shims
	crash docker dockerd - running starting:containerd-shim starting:kata-shim stopping
}

@test "docker: dockerd with live-restore: the container goes on" {
	ignore_lost_shims # of the test before
	docker_stop_daemon
	sed -i 's/^{/{ "live-restore": true,/' "$E2E_DIR/daemon.json"
	docker_start_daemon
	start_container docker
	kill_victim dockerd
	docker_start_daemon
	[ "$(state docker Status)" = running ]
	is_alive docker
	remove docker
	"$CENSUS" diff "$E2E_DIR/census" 8
}
