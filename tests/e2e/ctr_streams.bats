#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# Streams under ctr: FIFOs with clients that come late, go early, or never; loggers; terminals

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/ctr.bash"

setup_file() {
	ctr_setup
}

teardown_file() {
	containerd_teardown
}

setup() {
	ID=s$BATS_TEST_NUMBER
}

teardown() {
	remove_all
}

# ctr with a standard input of ours
ctr_in() {
	timeout "$CLIENT_LIMIT" "$CTR" -a /run/containerd/containerd.sock "$@" 3>&-
}

has_text() {
	grep -q "$2" "$1"
}

# make_logger SCRIPT: a program for binary://, with $1 and $2 a key and its value
make_logger() {
	printf '#!/bin/sh\nPATH=/usr/bin:/bin\n%s\n' "$1" >"$BATS_TEST_TMPDIR/logger"
	chmod +x "$BATS_TEST_TMPDIR/logger"
}

@test "a logger gets both streams whole, is told who it serves, and is gone afterwards" {
	make_logger 'exec 5>&-; { echo "$CONTAINER_NAMESPACE/$CONTAINER_ID"; cat <&3; cat <&4; echo end; } >$2'
	ctr run --rm --log-uri "binary://$BATS_TEST_TMPDIR/logger?to=$BATS_TEST_TMPDIR/log" \
		--runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" sh -c 'seq 10000; echo oops >&2'
	within 60 has_text "$BATS_TEST_TMPDIR/log" '^end$'
	diff "$BATS_TEST_TMPDIR/log" <(echo "default/$ID"; seq 10000; echo oops; echo end)
	assert_nothing_left
}

@test "a logger that cannot be run is told, and nothing is left" {
	run ctr run --rm --log-uri "binary:///nonexistent" --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" true
	[ "$status" != 0 ]
	[[ $output == *"start logger '/nonexistent'"*"No such file"* ]]
	ctr container rm "$ID" || true
	assert_nothing_left
}

@test "output that goes nowhere does not stop the program" {
	run ctr run --rm --null-io --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" sh -c 'yes | head -c 2000000; cat; exit 4'
	[ "$status" = 4 ]
	assert_nothing_left
}

@test "exec: what is piped in comes out, and ends it" {
	ctr run -d --null-io --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" sleep 600
	[ "$(seq 100000 | ctr_in task exec --exec-id e1 "$ID" sha256sum)" = "$(seq 100000 | sha256sum)" ]
	remove "$ID"
}

@test "exec: a client that keeps its end of the input open does not keep the exec" {
	ctr run -d --null-io --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" sleep 600
	mkfifo "$BATS_TEST_TMPDIR/open"
	exec 8<>"$BATS_TEST_TMPDIR/open"
	run ctr_in task exec --exec-id e1 "$ID" sh -c 'echo out; exit 6' <&8
	exec 8>&-
	[ "$status" = 6 ]
	[ "$output" = out ]
	remove "$ID"
}

# start_late COMMAND: it begins when `ctr run -d` is gone, which reads what comes before
start_late() {
	ctr run -d --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" \
		sh -c "until [ -e /go ]; do sleep 0.1; done; $1"
	ctr task exec --exec-id go "$ID" touch /go
}

@test "nobody reads: the program waits, and who attaches gets everything" {
	start_late 'seq 50000; exit 8'
	has_status "$ID" RUNNING
	run ctr task attach "$ID"
	[ "$status" = 8 ]
	diff <(echo "$output") <(seq 50000)
	ctr container rm "$ID"
	assert_nothing_left
}

@test "who attaches after the end gets what is left, and the end" {
	start_late 'echo early; exit 7'
	within 60 has_status "$ID" STOPPED
	run ctr task attach "$ID"
	[ "$status" = 7 ]
	[ "$output" = early ]
	ctr container rm "$ID"
	assert_nothing_left
}

@test "exec -t: a terminal of its own, with the size of the client's" {
	ctr run -d --null-io --runtime io.containerd.kata.v2 localhost/busybox:1 "$ID" sleep 600
	# ctr tells the size after the start. What is typed is echoed, and so does not have it in one piece.
	run in_terminal --limit 60 --size 44x99 --wait '#' \
		--type 'until stty size | grep "4[4] 99"; do sleep 0.1; done; exit 5\n' -- "$CTR" -a /run/containerd/containerd.sock task exec -t --exec-id e1 "$ID" sh
	echo "$output"
	[ "$status" = 5 ]
	[[ $output == *"44 99"* ]]
	remove "$ID"
}

@test "the machine dies: what was said is there, the code is 255" {
	run_ctr "$ID" sh -c 'seq 5000; sleep 600' >"$BATS_TEST_TMPDIR/out" &
	local client=$! code=0
	within 60 has_text "$BATS_TEST_TMPDIR/out" '^5000$' # a machine starts meanwhile
	kill -KILL "$(process_of "$ID" qemu-system-x86_64)"
	wait "$client" || code=$?
	[ "$code" = 255 ]
	diff "$BATS_TEST_TMPDIR/out" <(seq 5000)
	assert_nothing_left
}
