#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What commands print, and what they ask of the supervisor

load helper

setup() {
	setup_common
}

teardown() {
	census
}

running() {
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
}

sent() {
	grep "^$1" /run/vc/sbs/c1/proxy.log | tail -n 1
}

@test "version" {
	run kata version
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	[[ "${lines[0]}" == "kata-runtime  : "* ]]
	[[ "${lines[1]}" == "   commit   : "* ]]
	[ "${lines[2]}" = "   OCI specs: 1.0.2" ]
	local text=$output
	run kata --version
	[ "$output" = "$text" ]
	run kata -v
	[ "$output" = "$text" ]
}

@test "help: of everything, and of each command" {
	run kata --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"GLOBAL FLAGS"* ]]
	run kata
	[ "$status" -eq 0 ]
	local command
	for command in create start run exec kill delete state list ps pause resume update events \
		spec timeline features version; do
		run kata "$command" --help
		[ "$status" -eq 0 ]
		[[ "$output" == "kata-runtime $command - "* ]]
	done
}

@test "the search path of the configuration" {
	run kata --kata-show-default-config-paths
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = /etc/kata-containers/configuration.toml ]
}

@test "features: JSON of the specification" {
	kata features | python3 -c 'import json, sys
f = json.load(sys.stdin)
assert f["ociVersionMin"] == "1.0.0"
assert "createContainer" not in f["hooks"] and "createRuntime" in f["hooks"]
assert "rbind" in f["mountOptions"]
assert "network" in f["linux"]["namespaces"]
assert f["linux"]["seccomp"]["enabled"] is True'
}

@test "spec: a config.json that create takes; one that is there is kept" {
	rm "$BUNDLE/config.json"
	kata spec -b "$BUNDLE"
	python3 -m json.tool "$BUNDLE/config.json" >/dev/null
	run kata create -b "$BUNDLE" c1 </dev/null
	[[ "$output" == *"cannot allocate tty"* ]]
	run kata spec -b "$BUNDLE"
	[ "$status" -eq 1 ]
	[[ "$output" == *"File exists"* ]]
}

@test "ps: the guest's table, the host's pids as JSON" {
	running
	run kata ps c1
	[ "$output" = $'PID   CMD\n1     guest-program' ]
	[ "$(sent ListProcesses)" = "ListProcesses table -ef" ]
	kata ps c1 aux
	[ "$(sent ListProcesses)" = "ListProcesses table aux" ]
	run kata ps --format json c1
	[ "$output" = "[$(pid_of c1)]" ]
	run kata ps --format xml c1
	[ "$status" -eq 1 ]
	[[ "$output" == *"xml"* ]]
}

@test "pause and resume" {
	running
	kata pause c1
	status_is c1 paused
	run kata exec c1 true
	[ "$status" -eq 1 ]
	[ "$output" = "cannot exec in a paused container" ]
	kata resume c1
	status_is c1 running
}

@test "events: the shape of runc's" {
	running
	run kata events --stats c1
	python3 -c 'import json, sys
e = json.loads(sys.argv[1])
assert e["type"] == "stats" and e["id"] == "c1"
d = e["data"]
assert d["cpu"]["usage"]["total"] == 12345
assert d["memory"]["usage"]["usage"] == 4096
assert d["memory"]["usage"]["limit"] == 2 ** 64 - 1
assert d["pids"]["current"] == 3
assert set(d) >= {"blkio", "hugetlb", "intel_rdt"}' "$output"
	"$KATA_RUNTIME" --config "$CONF" events --interval 50ms c1 >"$DIR/events" &
	local pid=$!
	wait_for 5 sh -c "[ \$(wc -l <'$DIR/events') -ge 3 ]"
	kill -INT "$pid"
	wait "$pid"
	run kata events --interval 0 c1
	[ "$status" -eq 1 ]
	[[ "$output" == *"--interval"* ]]
}

@test "update: flags, a file and standard input" {
	running
	kata update --memory 1048576 --memory-swap -1 --cpu-quota 50000 --cpu-period 100000 \
		--cpu-share 512 --cpuset-cpus 0-1 --pids-limit 10 c1
	[[ "$(sent Update)" == *"/LinuxResources "* ]]
	python3 -c 'import json, sys
r = json.loads(sys.argv[1].split(" ", 3)[3])
assert r == {"memory": {"limit": 1048576, "swap": -1}, "pids": {"limit": 10},
  "cpu": {"quota": 50000, "period": 100000, "shares": 512, "cpus": "0-1"}}, r' "$(sent Update)"
	echo '{ "pids": { "limit": 7 } }' >"$DIR/resources"
	kata update -r "$DIR/resources" c1
	[[ "$(sent Update)" == *'"limit": 7'* ]]
	kata update --resources - c1 <<<'{ "pids": { "limit": 8 } }'
	[[ "$(sent Update)" == *'"limit": 8'* ]]
	run kata update --resources - c1 <<<'{ "pids": 8 }'
	[ "$status" -eq 1 ]
	[[ "$output" == *"pids"* ]]
	run kata update --memory lots c1
	[ "$status" -eq 1 ]
	[[ "$output" == *"--memory"*"lots"* ]]
	run kata update --blkio-weight 10 c1
	[ "$status" -eq 1 ]
	[[ "$output" == *"--blkio-weight"*"not supported"* ]]
	run kata update c1
	[ "$status" -eq 1 ]
}

@test "timeline: each step with its time" {
	running
	run kata timeline c1
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "OPERATION"*"STEP"*"MS" ]]
	[[ "${lines[1]}" == "sandbox up"*"start vmm"*"41.5" ]]
	[[ "${lines[3]}" == "total"*"50.0" ]]
}

@test "what docker and podman pass is understood" {
	bundle sleep 100
	kata --root /run/docker/runtime-kata --log "$DIR/log.json" --log-format json --systemd-cgroup \
		create --bundle "$BUNDLE" --pid-file "$DIR/pid" --no-pivot --no-new-keyring \
		--preserve-fds 0 c1 </dev/null >/dev/null 2>&1
	local root="--root /run/docker/runtime-kata --log $DIR/log.json --log-format json"
	# shellcheck disable=SC2086
	{
		kata $root start c1
		kata $root state c1
		kata $root ps --format json c1
		kata $root events --stats c1
		kata $root update --resources - c1 <<<'{}'
		kata $root pause c1
		kata $root resume c1
		kata $root kill --all c1 9
		wait_for 5 kata $root delete c1
		kata $root delete --force c1
	}
	kata --log-format=json --log="$DIR/oci-log" create --bundle "$BUNDLE" --pid-file "$DIR/pid" c1 \
		</dev/null >/dev/null 2>&1
	kata --log-format=json --log="$DIR/oci-log" delete --force c1
}
