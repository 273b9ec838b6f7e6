#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# What containerd is told of our tasks: `ctr events` is followed and compared, in order, with nothing twice.

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/ctr.bash"

setup_file() {
	ctr_setup
}

teardown_file() {
	containerd_teardown
}

setup() {
	ID=c$BATS_TEST_NUMBER
	EVENTS=$BATS_TEST_TMPDIR/events
	follow
}

teardown() {
	unfollow
	remove_all
	assert_nothing_left
}

# --- what is told ---

# events_of ID: "create", "exit e1 5", "delete 0", one a line
events_of() {
	/usr/bin/python3 - "$EVENTS" "$1" <<-'END'
	import json, sys
	for line in open(sys.argv[1]):
	    head, brace, rest = line.partition("{")
	    topic = head.split()[-1] if head.split() else ""
	    if not topic.startswith("/tasks/"):
	        continue
	    event = json.loads(brace + rest)
	    if event["container_id"] != sys.argv[2]:
	        continue
	    words = [topic[len("/tasks/"):]]
	    exec_id = event.get("exec_id") or event.get("id", "")
	    if exec_id and exec_id != sys.argv[2]:
	        words.append(exec_id)
	    if topic in ("/tasks/exit", "/tasks/delete"):
	        words.append(str(event.get("exit_status", 0)))
	    print(*words)
	END
}

# told ID EVENT...: these, in this order, and no other
told() {
	diff <(events_of "$1") <(printf '%s\n' "${@:2}")
}

was_told() {
	events_of "$1" | grep -qx -- "$2"
}

pids_of() {
	grep -F "\"container_id\":\"$1\"" "$EVENTS" | grep -o '"pid":[0-9]*' | sort -u
}

# --- tasks ---

# --- tests ---

@test "run: create, start, exit, delete, with the status and one pid" {
	run run_ctr "$ID" sh -c 'exit 3'
	[ "$status" = 3 ]
	within 30 told "$ID" create start 'exit 3' 'delete 3'
	[ "$(pids_of "$ID" | wc -l)" = 1 ]
}

@test "exec: added, started, its exit by its own id; nothing of its deletion" {
	start_ctr "$ID" sleep 600
	run ctr task exec --exec-id e1 "$ID" sh -c 'exit 5'
	[ "$status" = 5 ]
	ctr task exec --exec-id e2 "$ID" true
	qemu=$(process_of "$ID" qemu-system-x86_64)
	ctr task kill -s KILL "$ID"
	within 60 was_told "$ID" 'exit 137'
	remove "$ID"
	within 30 told "$ID" create start 'exec-added e1' 'exec-started e1' 'exit e1 5' \
		'exec-added e2' 'exec-started e2' 'exit e2 0' 'exit 137' 'delete 137'
	[ "$(pids_of "$ID")" = "\"pid\":$qemu" ]
}

@test "created, never started, deleted: it is killed, and so has an exit" {
	mkdir "$BATS_TEST_TMPDIR/.pid" # makes ctr fail after the task was created
	run ctr run -d --pid-file "$BATS_TEST_TMPDIR/pid" --runtime "$CTR_RUNTIME" localhost/busybox:1 "$ID" sleep 600
	[ "$status" != 0 ]
	has_status "$ID" CREATED
	remove "$ID"
	within 30 told "$ID" create 'exit 137' 'delete 137'
}

@test "an exec of a program that is not there is added and never started" {
	start_ctr "$ID" sleep 600
	run ctr task exec --exec-id e1 "$ID" /nonexistent
	[ "$status" != 0 ]
	remove "$ID"
	within 30 told "$ID" create start 'exec-added e1' 'exit 137' 'delete 137'
}

@test "pause and resume" {
	start_ctr "$ID" sleep 600
	ctr task pause "$ID"
	ctr task resume "$ID"
	remove "$ID"
	within 30 told "$ID" create start paused resumed 'exit 137' 'delete 137'
}

@test "an OOM kill is told before the exit that it is the reason of" {
	ctr run -d --memory-limit 33554432 --log-uri "file://$BATS_TEST_TMPDIR/$ID.log" \
		--runtime "$CTR_RUNTIME" localhost/busybox:1 "$ID" \
		sh -c 'head -c 200m /dev/zero | tail >/dev/null; exit 9'
	within 60 was_told "$ID" 'exit 9'
	remove "$ID"
	within 30 told "$ID" create start oom 'exit 9' 'delete 9'
}

@test "a hundred execs: three events each, in order, none twice" {
	local expected=(create start) i

	start_ctr "$ID" sleep 600
	for i in $(seq 100); do
		ctr task exec --exec-id "e$i" "$ID" true
		expected+=("exec-added e$i" "exec-started e$i" "exit e$i 0")
	done
	remove "$ID"
	within 30 told "$ID" "${expected[@]}" 'exit 137' 'delete 137'
}

@test "a machine that dies: every process has its exit, the container last" {
	start_ctr "$ID" sleep 600
	ctr task exec -d --log-uri "file://$BATS_TEST_TMPDIR/e.log" --exec-id e1 "$ID" sleep 600
	within 30 was_told "$ID" 'exec-started e1'
	kill -KILL "$(process_of "$ID" qemu-system-x86_64)"
	within 30 was_told "$ID" 'exit 255'
	remove "$ID"
	within 30 told "$ID" create start 'exec-added e1' 'exec-started e1' 'exit e1 255' 'exit 255' 'delete 255'
	[ "$(pids_of "$ID" | wc -l)" = 1 ]
}

@test "containerd stands still: what happens meanwhile is told once it moves, and once only" {
	start_ctr "$ID" sh -c 'while [ ! -e /stop ]; do sleep 0.1; done; sleep 1; exit 4'
	ctr task exec --exec-id e1 "$ID" touch /stop
	kill -STOP "$(containerd_pid)"
	sleep 4 # the container's second, and longer than any pause between two tries of the shim's
	kill -CONT "$(containerd_pid)"
	within 60 was_told "$ID" 'exit 4'
	remove "$ID"
	within 30 told "$ID" create start 'exec-added e1' 'exec-started e1' 'exit e1 0' 'exit 4' 'delete 4'
}

@test "containerd does not take events for a while: they wait, and come in order" {
	local socket=/run/containerd/containerd.sock.ttrpc

	start_ctr "$ID" sleep 600
	within 30 was_told "$ID" start # before the one that is told it is killed
	# A new one, to which the shim has no connection until something happens.
	kill -KILL "$(containerd_pid)"
	within 5 is_gone "$(containerd_pid)"
	unfollow
	containerd_start
	mv "$socket" "$socket.away"
	follow
	run ctr task exec --exec-id e1 "$ID" sh -c 'exit 5'
	[ "$status" = 5 ]
	ctr task exec --exec-id e2 "$ID" true
	ctr task pause "$ID"
	told "$ID" create start
	mv "$socket.away" "$socket"
	within 60 was_told "$ID" paused
	ctr task resume "$ID"
	remove "$ID"
	within 30 told "$ID" create start 'exec-added e1' 'exec-started e1' 'exit e1 5' \
		'exec-added e2' 'exec-started e2' 'exit e2 0' paused resumed 'exit 137' 'delete 137'
}

@test "containerd is killed, the container ends meanwhile: it hears of it when it is back" {
	start_ctr "$ID" sh -c 'echo up; sleep 1; exit 6'
	within 60 has_logged "$ID" up
	kill -KILL "$(containerd_pid)"
	within 5 is_gone "$(containerd_pid)"
	unfollow
	sleep 2 # the container's second
	containerd_start
	follow
	# Who follows may have come after it was told; containerd itself has not.
	within 60 has_status "$ID" STOPPED
	remove "$ID"
	within 30 was_told "$ID" 'delete 6'
	[ "$(events_of "$ID" | grep -c '^exit')" -le 1 ]
}

@test "metrics of one that has ended: there are none, and containerd complains of nothing" {
	start_ctr "$ID" true
	within 60 was_told "$ID" 'exit 0'
	run ctr task metrics "$ID"
	[ "$status" != 0 ]
	[[ $output == *"no metrics received"* ]]
	[ "$(grep -c "collecting metrics for $ID" "$E2E_DIR/containerd.log")" = 0 ]
	remove "$ID"
}

@test "metrics of a paused container, as ever; of a machine that stands still none, and that in time" {
	start_ctr "$ID" sleep 600
	ctr task pause "$ID"
	ctr task metrics --format json "$ID" | grep -q '"pids"'
	ctr task resume "$ID"
	qemu=$(process_of "$ID" qemu-system-x86_64)
	kill -STOP "$qemu"
	SECONDS=0
	run ctr task metrics "$ID"
	elapsed=$SECONDS
	kill -CONT "$qemu"
	[ "$status" != 0 ]
	[ "$elapsed" -le 5 ]
	grep "collecting metrics for $ID" "$E2E_DIR/containerd.log" | grep -q "no answer within"
	within 10 eval 'ctr task metrics --format json "$ID" | grep -q "\"pids\""'
	remove "$ID"
}
