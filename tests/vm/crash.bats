#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154,SC2016,SC2013 # lib.bash is found at run time; $stderr is set by run
#
# Whatever fails, dies or stops, at any moment: the command line answers within 5 seconds and nothing is left

source "$BATS_TEST_DIRNAME/lib.bash"

SANDBOX_STEPS=("choose accelerator" "make host cgroup" "limit host cgroup" "make shared directory" "start virtiofsd"
	"plan virtual machine" "connect network" "start virtual machine" "plug network devices" "reach agent"
	"configure guest network" "create guest sandbox" "watch guest")
CONTAINER_STEPS=("open streams" "mount root file system" "share root file system" "plan mounts" "share mounts" "write guest's spec"
	"create container in guest")
PROCESSES=(kata-proxy kata-shim qemu-system-x86_64 virtiofsd)

setup_file() {
	vm_setup_file
	write_config "$FILE_DIR/configuration.toml" 'extra_monitor_socket = "qmp"'
}

setup() {
	netns_make pod
	vm_setup
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
}

teardown() {
	vm_teardown
	netns_remove pod
}

# One of the sandbox's processes by its name.
pid_of() {
	local pid

	for pid in $(sandbox_pids "$ID"); do
		[ "$(process_name "$pid")" != "${1:0:15}" ] || echo "$pid"
	done | head -n 1
}

is_stopped_process() {
	grep -q '^State:.T' "/proc/$(pid_of "$1")/status"
}

# Answers, whichever, within five seconds.
answers() {
	LIMIT=5 run kata "$@" </dev/null
	echo "$* -> $status: $output"
	[ "$status" -lt 124 ]
}

# What an operator or a container engine does after an accident.
clean_up() {
	answers state "$ID"
	answers kill "$ID" KILL
	answers delete --force "$ID"
	[ "$status" = 0 ]
	assert_nothing_left
}

fail_step() {
	echo "# fail $1"
	KATA_TEST_STEP="fail:$1" run --separate-stderr kata create --bundle "$BUNDLE" "$ID" </dev/null
	echo "status $status: $stderr"
	[ "$status" = 1 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"$1"*"KATA_TEST_STEP"* ]]
	assert_nothing_left
}

kill_step() {
	echo "# kill $1"
	KATA_TEST_STEP="kill:$1" run --separate-stderr kata create --bundle "$BUNDLE" "$ID" </dev/null
	echo "status $status: $stderr"
	[ "$status" = 1 ]
	[ "${#stderr_lines[@]}" = 1 ]
	clean_up
}

stop_step() {
	local creator

	echo "# stop $1"
	KATA_TEST_STEP="stop:$1" kata create --bundle "$BUNDLE" "$ID" </dev/null >"$BUNDLE/out" 2>&1 &
	creator=$!
	within 60 is_stopped_process kata-proxy
	clean_up
	kill "$creator" 2>/dev/null || true
	wait "$creator" || true
}

bats_require_minimum_version 1.5.0

# apart NUMBER ACTION STEP: with an id, a bundle and a network of its own.
apart() {
	trap 'netns_remove "$NETNS_OWN"' EXIT
	ID=$ID-${1}s # no beginning of another one
	BUNDLE=$BUNDLE-$1
	NETNS_OWN=pod$1
	netns_make "$NETNS_OWN"
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	"$2" "$3"
}

# at_each ACTION STEP...: most of it is waiting, for guests or for what does not answer, so three at a time.
at_each() {
	local action=$1 jobs=() failed=0

	shift
	for i in $(seq $#); do
		apart "$i" "$action" "${!i}" >"$BATS_TEST_TMPDIR/step$i" 2>&1 3>&- &
		jobs+=($!)
		(( i % 3 && i < $# )) || {
			for job in "${jobs[@]}"; do wait "$job" || failed=1; done
			jobs=()
		}
	done
	[ "$failed" = 0 ] || { cat "$BATS_TEST_TMPDIR"/step*; false; }
}

@test "each step of the sandbox's start made to fail" {
	at_each fail_step "${SANDBOX_STEPS[@]}"
}

@test "each step of the container's creation made to fail" {
	at_each fail_step "${CONTAINER_STEPS[@]}"
}

@test "the step lists of this test are those of the engine" {
	names() { sed -n "/flow_step $1\[\]/,/^};/s/^	{ \"\([^\"]*\)\",.*/\1/p" "$SOURCE_DIR/src/engine/$2"; }
	diff <(printf '%s\n' "${SANDBOX_STEPS[@]}") <(names sandbox_up_steps sandbox_up.c)
	diff <(printf '%s\n' "${CONTAINER_STEPS[@]}") <(names container_up_steps container_up.c)
}

@test "the supervisor killed at each step" {
	at_each kill_step "${SANDBOX_STEPS[@]}" "${CONTAINER_STEPS[@]}"
}

@test "the supervisor stopped at each step" {
	at_each stop_step "${SANDBOX_STEPS[@]}" "${CONTAINER_STEPS[@]}"
}

@test "each process killed under a running container" {
	for name in "${PROCESSES[@]}"; do
		echo "# kill $name"
		kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
		kata start "$ID"
		kill -KILL "$(pid_of "$name")"
		clean_up
	done
}

# As containerd does it: the pid has ended, so the container has, and no --force is needed.
@test "the stand-in killed, and deleted at once" {
	kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
	kata start "$ID"
	kill -KILL "$(pid_of kata-shim)"
	kata delete "$ID"
	assert_nothing_left
}

@test "each process stopped under a running container" {
	for name in "${PROCESSES[@]}"; do
		echo "# stop $name"
		kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
		kata start "$ID"
		kill -STOP "$(pid_of "$name")"
		clean_up
	done
}

@test "QEMU told to quit or terminated under a running container" {
	kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
	kata start "$ID"
	monitor=$(find /run/vc/vm -name extra-monitor.sock -path "*$ID*")
	printf '{"execute":"qmp_capabilities"}{"execute":"quit"}' | timeout 5 socat -t 2 - "UNIX-CONNECT:$monitor" >/dev/null
	within 5 has_status stopped
	clean_up

	kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
	kata start "$ID"
	kill -TERM "$(pid_of qemu-system-x86_64)"
	within 5 has_status stopped
	clean_up
}

@test "a running container whose VM dies ends with an exit code, at once" {
	kata run --bundle "$BUNDLE" "$ID" </dev/null >"$BUNDLE/out" 2>&1 &
	runner=$!
	within 60 has_status running
	kill -KILL "$(pid_of qemu-system-x86_64)"
	within 5 eval "! kill -0 $runner"
	status=0
	wait "$runner" || status=$?
	[ "$status" != 0 ]
	assert_nothing_left
}

@test "delete of a container that was never started, twice" {
	kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
	answers delete --force "$ID"
	[ "$status" = 0 ]
	answers delete --force "$ID"
	[ "$status" = 0 ]
	assert_nothing_left
}
