#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time; $stderr is set by run
#
# The management socket of a sandbox with a real guest, and the debug console

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

# with_console: this test's guests have a debug console.
with_console() {
	CONFIG=$BATS_TEST_TMPDIR/configuration.toml
	write_config "$CONFIG"
	printf '[agent.kata]\ndebug_console_enabled = true\n' >>"$CONFIG"
}

# get PATH: what the sandbox's socket answers.
get() {
	/usr/bin/python3 - "/run/vc/sbs/$ID/shim-monitor.sock" "$1" <<-'END'
	import http.client, socket, sys
	class Connection(http.client.HTTPConnection):
	    def connect(self):
	        self.sock = socket.socket(socket.AF_UNIX)
	        self.sock.settimeout(20)
	        self.sock.connect(sys.argv[1])
	c = Connection("localhost")
	c.request("GET", sys.argv[2])
	r = c.getresponse()
	print(r.status, r.read().decode(), end="")
	END
}

# value METRIC: of the file with metrics.
value() {
	awk -v name="$1" '$1 == name { print $2 }' "$BATS_TEST_TMPDIR/metrics" | grep .
}

@test "metrics: the supervisor's, the VM's, virtiofsd's, and the guest's own" {
	start_in_vm sleep 600
	kata metrics "$ID" >"$BATS_TEST_TMPDIR/metrics"
	for name in kata_shim_threads kata_shim_fds 'kata_shim_proc_status{item="vmrss"}' \
		'kata_shim_io_stat{item="rchar"}' kata_hypervisor_threads kata_hypervisor_fds \
		'kata_hypervisor_proc_stat{item="utime"}' 'kata_hypervisor_netdev{interface="lo",item="recv_bytes"}' \
		kata_virtiofsd_threads 'kata_virtiofsd_proc_status{item="vmrss"}' \
		'kata_shim_rpc_durations_histogram_milliseconds_count{action="create"}' \
		'kata_shim_agent_rpc_durations_histogram_milliseconds_count{action="grpc.CreateSandboxRequest"}' \
		kata_agent_scrape_count 'kata_agent_proc_status{item="vmrss"}' \
		'kata_guest_load{item="load1"}' 'kata_guest_meminfo{item="memtotal"}'; do
		value "$name"
	done
	[ "$(value 'kata_shim_rpc_durations_histogram_milliseconds_count{action="start"}')" = 1 ]
	# A guest of 512 MiB has touched some of it, and cannot have more than that.
	overhead=$(value kata_shim_pod_overhead_memory_in_bytes)
	[ "$overhead" -gt 30000000 ] && [ "$overhead" -lt 700000000 ]
	# Every line is one that a scraper reads, and every family comes once.
	run ! grep -vE '^(# (HELP|TYPE) )?kata_[a-z_]+(\{[^}]*\})? ' "$BATS_TEST_TMPDIR/metrics"
	[ -z "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$BATS_TEST_TMPDIR/metrics" | sort | uniq -d)" ]
}

@test "metrics: a container that works hard is no overhead, the emulator's share of it is" {
	start_in_vm sh -c 'while :; do :; done'
	kata metrics "$ID" >/dev/null
	read -rt 2 <> <(:) || true
	kata metrics "$ID" >"$BATS_TEST_TMPDIR/metrics"
	awk '/^kata_shim_pod_overhead_cpu / { found = 1; ok = $2 >= 0 && $2 < 60 } END { exit !(found && ok) }' \
		"$BATS_TEST_TMPDIR/metrics"
}

@test "the other pages: agent-url, timeline, vars; what is not built says so" {
	start_in_vm sleep 600
	[ "$(get /agent-url)" = "200 unix:///run/vc/vm/$ID/kata.sock" ] || [[ $(get /agent-url) == "200 vsock://"*:1024 ]]
	[[ $(get /debug/timeline) == "200 "*"reach agent"*"create container in guest"* ]]
	[[ $(get /debug/vars) == "200 "*'"containers":[{"id":"'"$ID"'","status":"running"}]'* ]]
	[[ $(get /policy) == "501 '/policy'"* ]]
	[[ $(get /iptables) == "501 "*"the guest's image has no 'iptables-save': make it with osbuilder/initrd -t"* ]]
	[[ $(get /nothing) == "404 "*/metrics* ]]
}

@test "a sandbox that is not there is named" {
	run -1 kata metrics no-such-sandbox
	[ "$output" = "'/metrics' of sandbox 'no-such-sandbox': there is no such sandbox" ]
	run -1 kata exec no-such-sandbox
	[[ $output == *"no program to run"* ]]
}

@test "a guest without debug console: the error says how to get one" {
	start_in_vm sleep 600
	run -1 kata exec "$ID" </dev/null
	[[ $output == "debug console of sandbox '$ID': it has no debug console; set 'debug_console_enabled = true'"* ]]
}

@test "debug console: a shell beside the agent, again and again, and exec into the container as ever" {
	with_console
	start_in_vm sleep 600
	for _ in 1 2 3; do
		run -0 kata exec "$ID" <<<'echo "first is $(cat /proc/1/comm)"; grep -c sleep /proc/[0-9]*/comm | grep -c :1'
		[[ $output == *"first is init"* ]] || [[ $output == *"first is kata-agent"* ]]
	done
	run -0 kata exec "$ID" cat /proc/1/comm </dev/null
	[ "$output" = sleep ]
}

@test "debug console: input without an end of its own is ended by the shell" {
	with_console
	start_in_vm sleep 600
	run -0 kata exec "$ID" < <(echo 'echo gone-$((6 * 7)); exit'; exec sleep 20)
	[[ $output == *gone-42* ]]
	[[ $output == *"the debug shell has ended"* ]]
}

@test "debug console: on a terminal it shows a prompt by itself, and Ctrl-] leaves" {
	with_console
	start_in_vm sleep 600
	run -0 "$BATS_TEST_DIRNAME/terminal" --wait 'guest:' --type '\x1d' -- \
		"$RUNTIME" --kata-config "$CONFIG" --root "$ROOT" exec "$ID"
	# The next one has a shell of its own.
	run -0 "$BATS_TEST_DIRNAME/terminal" --wait 'guest:' --type 'tty; exit\r' -- \
		"$RUNTIME" --kata-config "$CONFIG" --root "$ROOT" exec "$ID"
	[[ $output == */dev/pts/* ]]
}
