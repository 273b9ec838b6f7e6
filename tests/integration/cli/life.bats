#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# create, start, run, kill, delete, state, list: the life of a container

load helper

setup() {
	setup_common
}

teardown() {
	census
}

@test "run: output, error output, input and the exit code" {
	bundle sh -c 'echo out; echo err >&2; cat; exit 7'
	run --separate-stderr kata run -b "$BUNDLE" c1 <<<"from stdin"
	[ "$status" -eq 7 ]
	[ "$output" = $'out\nfrom stdin' ]
	[ "$stderr" = err ]
}

@test "run: exit codes are those of the program, 128 and the signal when it was killed" {
	local code
	for code in 0 1 126 127 255; do
		bundle sh -c "exit $code"
		run kata run -b "$BUNDLE" c1 </dev/null
		[ "$status" -eq "$code" ]
	done
	bundle sh -c 'kill -9 $$'
	run kata run -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 137 ]
	bundle sh -c 'kill -15 $$'
	run kata run -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 143 ]
}

@test "run: 127 for a program that is not there, 126 for one that may not be run" {
	bundle no-such-program
	run -127 kata run -b "$BUNDLE" c1 </dev/null
	[[ "$output" == *'executable file not found in $PATH'* ]]
	bundle /etc/passwd
	run kata run -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 126 ]
	[[ "$output" == *"Permission denied"* ]]
	run kata create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
}

@test "run: the bundle is the current directory without --bundle" {
	bundle echo here
	cd "$BUNDLE"
	run kata run c1 </dev/null
	[ "$status" -eq 0 ]
	[ "$output" = here ]
}

@test "run: a signal reaches the program" {
	bundle sh -c 'trap "echo got TERM; exit 3" TERM; echo ready; while :; do sleep 0.05; done'
	"$KATA_RUNTIME" --config "$CONF" run -b "$BUNDLE" c1 </dev/null >"$DIR/out" &
	local pid=$!
	wait_for 5 grep -q ready "$DIR/out"
	kill -TERM "$pid"
	local status=0
	wait "$pid" || status=$?
	[ "$status" -eq 3 ]
	grep -q "got TERM" "$DIR/out"
}

@test "run --detach: returns at once, the container goes on" {
	bundle sleep 100
	kata run -d -b "$BUNDLE" --pid-file "$DIR/pid" c1 </dev/null >/dev/null 2>&1
	status_is c1 running
	[ "$(cat "$DIR/pid")" = "$(pid_of c1)" ]
	kata delete --force c1
}

@test "create and start: created, running, stopped; the pid is the stand-in's" {
	bundle sleep 100
	kata create -b "$BUNDLE" --pid-file "$DIR/pid" c1 </dev/null >/dev/null 2>&1
	status_is c1 created
	local pid
	pid=$(cat "$DIR/pid")
	[ "$pid" = "$(pid_of c1)" ]
	[ "$(cat "/proc/$pid/comm")" = kata-shim ]
	kata start c1
	status_is c1 running
	kata kill c1 KILL
	wait_for 5 status_is c1 stopped
	wait_for 5 has_ended "$pid"
	[ "$(pid_of c1)" = 0 ]
	kata delete c1
	run kata state c1
	[ "$status" -eq 1 ]
	[ "$output" = "Container ID (c1) does not exist" ]
}

@test "create: output that was written before the end is not lost" {
	bundle sh -c 'seq 1 1000'
	kata run -b "$BUNDLE" c1 </dev/null >"$DIR/out"
	seq 1 1000 | cmp - "$DIR/out"
}

@test "kill: names and numbers of signals; a container that has ended is not running" {
	bundle sh -c 'trap "echo one" USR1; trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done'
	kata run -d -b "$BUNDLE" c1 </dev/null >"$DIR/out" 2>&1
	wait_for 5 grep -q ready "$DIR/out"
	kata kill c1 USR1
	wait_for 5 grep -q one "$DIR/out"
	kata kill c1 SIGUSR1
	kata kill c1 10
	wait_for 5 sh -c "[ \$(grep -c one '$DIR/out') -ge 2 ]"
	run kata kill c1 NOSUCH
	[ "$status" -eq 1 ]
	[ "$output" = "unknown signal 'NOSUCH'" ]
	kata kill c1
	wait_for 5 status_is c1 stopped
	run kata kill c1 USR1
	[ "$status" -eq 1 ]
	[[ "$output" == *"container not running"* ]]
	kata kill --all c1 9
}

@test "delete: refuses what is running, --force ends it" {
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	local pid
	pid=$(pid_of c1)
	run kata delete c1
	[ "$status" -eq 1 ]
	[[ "$output" == *"Container still running, should be stopped"* ]]
	status_is c1 running
	kata delete --force c1
	wait_for 5 has_ended "$pid"
}

@test "delete: a created container, several at once, and an unknown one with --force" {
	bundle sleep 100
	kata create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	kata create -b "$BUNDLE" c2 </dev/null >/dev/null 2>&1
	kata delete c1 c2
	run kata delete c1
	[ "$status" -eq 1 ]
	kata delete --force c1
}

@test "the stand-in killed by -9 takes the program with it" {
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	kill -9 "$(pid_of c1)"
	wait_for 5 status_is c1 stopped
	kata delete c1
}

@test "the supervisor killed by -9: stopped, and delete cleans up" {
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	local shim
	shim=$(pid_of c1)
	kill -9 "$(supervisor_of c1)"
	wait_for 5 status_is c1 stopped
	wait_for 5 has_ended "$shim"
	run kata kill c1 TERM
	[ "$status" -eq 1 ]
	[[ "$output" == *"container not running"* ]]
	kata delete c1
	[ ! -e /run/vc/sbs/c1 ]
}

@test "the supervisor stopped by SIGSTOP: state and delete --force answer within 5 seconds" {
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	kill -STOP "$(supervisor_of c1)"
	SECONDS=0
	run timeout 5 "$KATA_RUNTIME" --config "$CONF" state c1
	[ "$status" -eq 1 ]
	timeout 5 "$KATA_RUNTIME" --config "$CONF" delete --force c1
	[ ! -e /run/vc/sbs/c1 ]
}

@test "a machine that is lost ends the program with 255" {
	bundle sh -c 'echo before; sleep 100'
	"$KATA_RUNTIME" --config "$CONF" run -b "$BUNDLE" c1 </dev/null >"$DIR/out" &
	local pid=$!
	wait_for 5 grep -q before "$DIR/out"
	kill -USR1 "$(supervisor_of c1)"
	local status=0
	wait "$pid" || status=$?
	[ "$status" -eq 255 ]
}

@test "list: table, JSON and ids" {
	run kata list
	[ "$output" = "ID          PID         STATUS      BUNDLE      CREATED     OWNER" ]
	run kata list --format json
	[ "$output" = "[]" ]
	bundle sleep 100
	kata create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	kata create -b "$BUNDLE" a2 </dev/null >/dev/null 2>&1
	run kata list -q
	[ "$output" = $'a2\nc1' ]
	run kata list
	[ "${#lines[@]}" -eq 3 ]
	[[ "${lines[1]}" == "a2 "*" created "*"$BUNDLE"*" root" ]]
	run kata list --kata-all
	[[ "${lines[0]}" == *"HYPERVISOR"*"KERNEL"*"IMAGE" ]]
	run kata list --format json
	python3 -c 'import json, sys
rows = json.loads(sys.argv[1])
assert [r["id"] for r in rows] == ["a2", "c1"]
assert list(rows[0]) == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"]
assert rows[0]["status"] == "created" and rows[0]["pid"] > 1' "$output"
}

@test "state: the JSON of the specification" {
	ANNOTATIONS='"com.example.key": "value/with/slash"' bundle sleep 100
	kata create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	run kata state c1
	[ "$output" = "{
  \"ociVersion\": \"1.0.2\",
  \"id\": \"c1\",
  \"status\": \"created\",
  \"pid\": $(pid_of c1),
  \"bundle\": \"$BUNDLE\",
  \"annotations\": {
    \"com.example.key\": \"value/with/slash\"
  }
}" ]
}

@test "a pod: the second container lives in the sandbox of the first" {
	ANNOTATIONS='"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod1"' \
		bundle sleep 100
	kata run -d -b "$BUNDLE" pod1 </dev/null >/dev/null 2>&1
	ANNOTATIONS='"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod1"' \
		bundle sleep 100
	kata run -d -b "$BUNDLE" c2 </dev/null >/dev/null 2>&1
	[ -d /run/kata-containers/containers-mapping/c2/pod1 ]
	[ "$(ls /run/vc/sbs)" = pod1 ]
	kata delete --force c2
	status_is pod1 running
	kata delete --force pod1
	[ -z "$(ls /run/vc/sbs)" ]
}

@test "two creates of one id: one wins, the other says that it is in use" {
	bundle sleep 100
	kata create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	run kata create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"ID already in use, unique ID should be provided"* ]]
	status_is c1 created
	run kata --root "$DIR/other" create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"already in use"* ]]
	status_is c1 created
}
