#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2012,SC2016,SC2046,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# docker 20.10 with kata-runtime where it gets rough: the daemon restarts, other networks, what cannot work

source "$BATS_TEST_DIRNAME/lib.bash"

setup_file() {
	docker_setup
	# docker keeps a name for the host's network from the first container on that is in it.
	docker run --rm --network host busybox true
	"$CENSUS" save "$E2E_DIR/census"
	run_kata -d --name lasting busybox sleep 3600 >/dev/null
}

teardown_file() {
	docker_teardown
}

state() {
	docker inspect -f "{{.State.$2}}" "$1"
}

@test "pid, ipc and network of another container are refused by name" {
	run run_kata --rm --pid container:lasting busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"share pid namespace '/proc/"*"outside of this container's virtual machine"* ]]
	docker run -d --name shareable --runtime kata-runtime --network none --ipc shareable busybox sleep 600 >/dev/null
	run run_kata --rm --ipc container:shareable busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"share ipc namespace"* ]]
	docker rm -f shareable >/dev/null
	run docker run --rm --runtime kata-runtime --network container:lasting busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"share network namespace"* ]]
}

@test "pid, ipc and uts of the host are the virtual machine's" {
	run run_kata --rm --pid host --ipc host --uts host busybox sh -c 'ps | grep -c "[d]ockerd"; uname -r'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" != "$(uname -r)" ]
}

@test "devices: null works, one of the host is refused by its name" {
	[ "$(run_kata --rm --device /dev/null:/dev/nothing busybox sh -c 'echo x >/dev/nothing && ls /dev/nothing')" = /dev/nothing ]
	run run_kata --rm --device /dev/loop-control busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"device '/dev/loop-control'"*"the virtual machine has no such device"* ]]
}

@test "the host's network is refused with the reason, and its links stay as they are" {
	before=$(ip -o link; tc qdisc)
	run docker run --rm --runtime kata-runtime --network host busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"share network namespace '/run/docker/netns/default': it is the host's own"* ]]
	[ "$(ip -o link; tc qdisc)" = "$before" ]
}

@test "exec while the container stops: an answer, whichever, and no hang" {
	run_kata -d --name stopping busybox sh -c 'trap "sleep 1; exit 0" TERM; while :; do sleep 0.1; done' >/dev/null
	docker stop -t 10 stopping >/dev/null &
	stopper=$!
	for _ in 1 2 3 4 5; do
		run timeout 40 "$DOCKER" -H unix:///run/docker.sock exec stopping true
		[ "$status" -ne 124 ]
	done
	wait "$stopper"
	[ "$(state stopping Status)" = exited ]
	docker rm stopping >/dev/null
}

@test "an OOM kill: 137, and docker calls it one" {
	run run_kata --name hungry --memory 32m --memory-swap 32m busybox sh -c 'x=a; while :; do x=$x$x$x; done'
	[ "$status" -eq 137 ]
	was_oom() { [ "$(state hungry OOMKilled)" = true ]; }
	within 10 was_oom
	docker events --since 5m --until "$(($(date +%s) + 1))" --filter event=oom --format '{{.Actor.Attributes.name}}' | grep -qx hungry
	docker rm hungry >/dev/null
}

@test "nothing is left of all these containers" {
	assert_census
}

@test "the daemon restarts under a running container (live-restore): it goes on, and dies when told" {
	docker_stop_daemon
	sed -i 's/^{/{ "live-restore": true,/' "$E2E_DIR/daemon.json"
	docker_start_daemon
	run_kata -d --name surviving busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 1; done' >/dev/null
	before=$(state surviving Pid)
	docker_stop_daemon
	[ -d "/proc/$before" ]
	docker_start_daemon
	[ "$(state surviving Status)" = running ]
	[ "$(state surviving Pid)" = "$before" ]
	[ "$(docker exec surviving echo alive)" = alive ]
	docker logs surviving | grep -q '^1$'
	docker stop -t 1 surviving
	[ "$(state surviving ExitCode)" = 137 ]
	docker rm surviving >/dev/null
	# The daemon's own sockets have other names now: only what is ours counts.
	local ours='^process [0-9]+ (kata-|qemu-|virtiofsd)|^dir /run/vc/(sbs|vm)/' now=$BATS_TEST_TMPDIR/now
	nothing_of_ours() { "$CENSUS" list >"$now" && ! grep -qE "$ours" "$now"; }
	within 10 nothing_of_ours || { cat "$now"; false; }
	# Without it the daemon takes its mounts away when it ends.
	docker_stop_daemon
	sed -i 's/"live-restore": true,//' "$E2E_DIR/daemon.json"
	docker_start_daemon
}
