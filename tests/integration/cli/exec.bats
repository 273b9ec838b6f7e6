#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# exec: one more program in a container

load helper

setup() {
	setup_common
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
}

teardown() {
	census
}

sent() {
	grep '^Exec c1' /run/vc/sbs/c1/proxy.log | tail -n 1
}

@test "exec: streams and exit code" {
	run --separate-stderr kata exec c1 sh -c 'echo out; echo err >&2; cat; exit 3' <<<"input"
	[ "$status" -eq 3 ]
	[ "$output" = $'out\ninput' ]
	[ "$stderr" = err ]
}

@test "exec: flags of the program are not ours" {
	run kata exec c1 sh -c 'echo "$@"' sh --detach -t --env x </dev/null
	[ "$output" = "--detach -t --env x" ]
}

@test "exec: what the flags put into the process" {
	kata exec --env A=1 -e B=2 --cwd /tmp --user 1000:1001 -g 5 -g 6 --cap CAP_SYS_PTRACE \
		--no-new-privs --apparmor profile --process-label label c1 true </dev/null
	python3 -c 'import json, sys
p = json.loads(sys.argv[1].split(" ", 2)[2])
assert p["args"] == ["true"], p
assert p["env"] == ["PATH=/usr/bin:/bin", "GREETING=hello", "A=1", "B=2"], p
assert p["cwd"] == "/tmp"
assert p["user"] == {"uid": 1000, "gid": 1001, "additionalGids": [5, 6]}, p
assert "CAP_SYS_PTRACE" in p["capabilities"]["bounding"]
assert p["noNewPrivileges"] is True
assert p["apparmorProfile"] == "profile" and p["selinuxLabel"] == "label"
assert p["terminal"] is False' "$(sent)"
}

@test "exec --process: a file, as docker and podman give it" {
	cat >"$DIR/process.json" <<-'END'
		{ "terminal": false, "user": { "uid": 0, "gid": 0 }, "cwd": "/",
		  "args": ["sh", "-c", "echo from the file; exit 4"], "env": ["PATH=/bin"] }
	END
	run kata exec --process "$DIR/process.json" --pid-file "$DIR/pid" c1 </dev/null
	[ "$status" -eq 4 ]
	[ "$output" = "from the file" ]
	echo '{ "args": 5 }' >"$DIR/process.json"
	run kata exec -p "$DIR/process.json" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"process.json"*"args"* ]]
	run kata exec -p "$DIR/none.json" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"none.json"* ]]
}

@test "exec --detach: the pid is the stand-in's, and killing that kills the program" {
	kata exec -d --pid-file "$DIR/pid" c1 sleep 77 </dev/null >/dev/null 2>&1
	local pid program
	pid=$(cat "$DIR/pid")
	[ "$(cat "/proc/$pid/comm")" = kata-shim ]
	program=$(program_of "sleep 77")
	[ -n "$program" ]
	kill -TERM "$pid"
	wait_for 5 has_ended "$program"
	wait_for 5 has_ended "$pid"
}

@test "exec: 127 and 126; exit 1 and the reason with --detach" {
	run -127 kata exec c1 no-such-program </dev/null
	[ "$status" -eq 127 ]
	[[ "$output" == *"executable file not found"* ]]
	run kata exec c1 /etc/passwd </dev/null
	[ "$status" -eq 126 ]
	run kata --log "$DIR/log" --log-format json exec -d c1 no-such-program </dev/null
	[ "$status" -eq 1 ]
	grep -q '"level":"error".*executable file not found in $PATH' "$DIR/log"
	# Nothing of it is left in the supervisor.
	[ "$(grep -c '^Delete c1 ' /run/vc/sbs/c1/proxy.log)" -eq 3 ]
}

@test "exec: signals reach the program" {
	"$KATA_RUNTIME" --config "$CONF" exec c1 \
		sh -c 'trap "exit 8" TERM; echo ready; while :; do sleep 0.05; done' </dev/null >"$DIR/out" &
	local pid=$! status=0
	wait_for 5 grep -q ready "$DIR/out"
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 8 ]
}

@test "exec: refused without a program, with descriptors, with a bad user, when stopped" {
	run kata exec c1
	[ "$status" -eq 1 ]
	[[ "$output" == *"no program"* ]]
	run kata exec --preserve-fds 2 c1 true
	[ "$status" -eq 1 ]
	[[ "$output" == *"--preserve-fds 2"* ]]
	kata exec --preserve-fds 0 c1 true </dev/null
	run kata exec --user nobody c1 true
	[ "$status" -eq 1 ]
	[[ "$output" == *"--user"*"nobody"* ]]
	run kata exec --tty --detach c1 true
	[ "$status" -eq 1 ]
	[[ "$output" == *"cannot allocate tty"* ]]
	kata kill c1 KILL
	wait_for 5 status_is c1 stopped
	run kata exec c1 true
	[ "$status" -eq 1 ]
	[ "$output" = "cannot exec in a stopped container" ]
}
