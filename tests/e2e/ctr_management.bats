#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# The management socket of containerd-shim-kata-v2, and the operator's commands on it

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/ctr.bash"

setup_file() {
	containerd_setup
	# With the debug console, which is off by default.
	CONFIG=$E2E_DIR/console.toml
	write_config "$CONFIG"
	printf '[agent.kata]\ndebug_console_enabled = true\n' >>"$CONFIG"
	export CONFIG
	ctr run -d --runtime io.containerd.kata.v2 --runtime-config-path "$CONFIG" localhost/busybox:1 mgmt-one sleep 600
}

teardown_file() {
	remove_all
	containerd_teardown
}

shim_pid() {
	grep -lzx -- '-id=mgmt-on[e]' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | grep .
}

# What it has for itself: a share of what others have too changes with them. Counted page by page: the kernel's
# running count in "status" is off by some dozens of pages for each CPU.
own_kb() {
	awk '$1 == "Anonymous:" { print $2 }' "/proc/$1/smaps_rollup"
}

@test "the bundle says where the socket is, and only root may open it" {
	address=$(cat /run/containerd/io.containerd.runtime.v2.task/default/mgmt-one/monitor_address)
	[ "$address" = unix:///run/vc/sbs/mgmt-one/shim-monitor.sock ]
	[ "$(stat -c '%F %a' "${address#unix://}")" = "socket 600" ]
}

@test "metrics of a sandbox, by the shim" {
	"$RUNTIME" metrics mgmt-one >"$BATS_TEST_TMPDIR/metrics"
	for name in kata_shim_threads kata_hypervisor_threads kata_virtiofsd_threads kata_shim_pod_overhead_memory_in_bytes \
		'kata_guest_load{item="load1"}' 'kata_shim_rpc_durations_histogram_milliseconds_count{action="create"}'; do
		grep -qF "$name " "$BATS_TEST_TMPDIR/metrics" || { echo "no '$name'"; return 1; }
	done
	[ "$(awk '$1 == "kata_shim_threads" { print $2 }' "$BATS_TEST_TMPDIR/metrics")" = 1 ]
}

@test "timeline of a sandbox, by the shim" {
	run "$RUNTIME" timeline mgmt-one
	[ "$status" = 0 ]
	[[ $output == "OPERATION"*"reach agent"*"create container in guest"*"total"* ]]
}

@test "a shell in the guest beside the agent, and exec in the container as ever" {
	run "$RUNTIME" exec mgmt-one <<<'echo "agent: $(readlink /proc/1/exe)"'
	[ "$status" = 0 ]
	[[ $output == *"agent: /init"* ]]
	[ "$(ctr task exec --exec-id e mgmt-one readlink /proc/1/exe)" = /bin/busybox ]
}

@test "a hundred scrapes cost no descriptor and no memory" {
	pid=$(shim_pid)
	for _ in $(seq 30); do "$RUNTIME" metrics mgmt-one >/dev/null; done
	fds=$(n_fds "$pid")
	kb=$(own_kb "$pid")
	for _ in $(seq 100); do "$RUNTIME" metrics mgmt-one >/dev/null; done
	within 10 fds_at_most "$pid" "$fds"
	now=$(own_kb "$pid")
	echo "$kb kB, then $now kB"
	[ "$now" -le $((kb + 128)) ]
}
