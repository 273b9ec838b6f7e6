#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kata-shim's streams: every kind of descriptor, every pace

load helper

setup() {
	setup_common
}

teardown() {
	census
}

@test "100 MB through cat: pipe to pipe, the hash is equal" {
	bundle cat
	head -c 100000000 /dev/urandom >"$DIR/data"
	local sum
	sum=$(sha256sum <"$DIR/data")
	[ "$(kata run -b "$BUNDLE" c1 <"$DIR/data" | sha256sum)" = "$sum" ]
}

@test "100 MB through cat: file to file" {
	bundle cat
	head -c 100000000 /dev/urandom >"$DIR/data"
	kata run -b "$BUNDLE" c1 <"$DIR/data" >"$DIR/copy"
	cmp "$DIR/data" "$DIR/copy"
}

@test "standard input is empty, closed or /dev/null" {
	bundle cat
	run kata run -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run sh -c '"$@" <&-' sh "$KATA_RUNTIME" --config "$CONF" run -b "$BUNDLE" c1
	[ "$status" -eq 0 ]
	: >"$DIR/empty"
	run kata run -b "$BUNDLE" c1 <"$DIR/empty"
	[ "$status" -eq 0 ]
}

@test "standard output and error are sockets" {
	bundle sh -c 'seq 1 20000; seq 1 20000 >&2'
	python3 - "$KATA_RUNTIME" "$CONF" "$BUNDLE" <<-'END'
		import socket, subprocess, sys
		runtime, conf, bundle = sys.argv[1:]
		ours, theirs = socket.socketpair()
		p = subprocess.Popen([runtime, "--config", conf, "run", "-b", bundle, "c1"],
		                     stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT)
		theirs.close()
		ours.shutdown(socket.SHUT_WR)
		got = b"".join(iter(lambda: ours.recv(65536), b""))
		assert p.wait() == 0
		assert len(got) == 2 * len("".join("%d\n" % i for i in range(1, 20001)))
	END
}

@test "a slow reader gets everything, and the descriptor stays blocking for others" {
	bundle sh -c 'seq 1 200000'
	seq 1 200000 >"$DIR/want"
	python3 - "$KATA_RUNTIME" "$CONF" "$BUNDLE" "$DIR/want" <<-'END'
		import fcntl, os, select, subprocess, sys
		runtime, conf, bundle, want = sys.argv[1:]
		r, w = os.pipe()
		p = subprocess.Popen([runtime, "--config", conf, "run", "-b", bundle, "c1"],
		                     stdin=subprocess.DEVNULL, stdout=w)
		got = os.read(r, 100)
		assert fcntl.fcntl(w, fcntl.F_GETFL) & os.O_NONBLOCK == 0
		os.close(w)
		select.select([], [], [], 1)            # not reading for a while
		while chunk := os.read(r, 4096):
		    got += chunk
		assert p.wait() == 0
		assert got == open(want, "rb").read()
	END
}

@test "a reader that stops reading does not stop signals" {
	bundle sh -c 'trap "exit 9" TERM; yes & while :; do sleep 0.05; done'
	python3 - "$KATA_RUNTIME" "$CONF" "$BUNDLE" <<-'END'
		import os, select, signal, subprocess, sys
		runtime, conf, bundle = sys.argv[1:]
		r, w = os.pipe()
		p = subprocess.Popen([runtime, "--config", conf, "run", "-b", bundle, "c1"],
		                     stdin=subprocess.DEVNULL, stdout=w)
		os.close(w)
		assert os.read(r, 2) == b"y\n"
		select.select([], [], [], 0.5)          # now the pipe is full
		state = subprocess.run([runtime, "--config", conf, "kill", "c1", "TERM"])
		assert state.returncode == 0
		os.close(r)                             # what is left of `yes` has nobody to write to
		assert p.wait(timeout=20) == 9, p.returncode
	END
}

@test "a reader that goes away does not end the program" {
	bundle sh -c 'seq 1 100000; exit 4'
	kata run -b "$BUNDLE" c1 </dev/null | head -n 1 >"$DIR/out"
	[ "$(cat "$DIR/out")" = 1 ]
	bundle sh -c 'seq 1 100000; exit 4'
	set +o pipefail
	status=0
	{ kata run -b "$BUNDLE" c1 </dev/null || echo $? >"$DIR/code"; } | head -n 1
	[ "$(cat "$DIR/code")" -eq 4 ]
}

@test "a child in the background that holds the output open does not hold the end" {
	bundle sh -c 'sleep 60 & echo done; exit 6'
	SECONDS=0
	run kata run -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 6 ]
	[ "$output" = "done" ]
	[ "$SECONDS" -lt 10 ]
	kill "$(program_of "sleep 60")" 2>/dev/null || :
}

@test "input while the program does not read, then its end" {
	bundle sh -c 'sleep 0.5; exit 3'
	local status=0
	head -c 5000000 /dev/zero | kata run -b "$BUNDLE" c1 || status=$?
	[ "$status" -eq 3 ]
}

@test "runs that print 200 lines and end at once: every line, every time" {
	bundle seq 1 200
	seq 1 200 >"$DIR/want"
	local i
	for ((i = 0; i < ${RUNS:-100}; i++)); do
		kata run -b "$BUNDLE" c1 </dev/null >"$DIR/out"
		cmp "$DIR/want" "$DIR/out"
	done
}

@test "kata-shim: arguments of Kata 1.x, and what is wrong with others" {
	run "$KATA_SHIM" -version
	[ "$status" -eq 0 ]
	[[ "$output" == "kata-shim version "* ]]
	run "$KATA_SHIM" -agent vsock://3:1024 -container c1
	[ "$status" -eq 1 ]
	[[ "$output" == *"only unix:// is understood"* ]]
	run "$KATA_SHIM" -agent unix:///nowhere/proxy.sock -container c1 -exec-id c1 -log warn -debug \
		-proxy-exit-code=true -agent-logs-socket /x -trace
	[ "$status" -eq 1 ]
	[[ "$output" == *"/nowhere/proxy.sock"* ]]
	run "$KATA_SHIM" -nonsense
	[ "$status" -eq 1 ]
}
