#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Terminals: our own, and those that go through --console-socket

load helper

setup() {
	setup_common
}

teardown() {
	census
}

# play [-c] SCRIPT ARGUMENT...: see play.py
play() {
	python3 "$BATS_TEST_DIRNAME/play.py" "$@"
}

@test "run on a terminal: raw while it runs, restored afterwards, size and resize passed on" {
	TERMINAL=true bundle sh -c 'stty size; read -r line; echo "got $line"; stty size; exit 3'
	play own "$KATA_RUNTIME" --config "$CONF" run -b "$BUNDLE" c1 <<-'END'
		size 30 100
		expect 30 100
		raw
		size 40 120
		logged TtyWinResize 40 120
		send hello
		expect got hello
		expect 40 120
		end 3
		cooked
	END
}

@test "run on a terminal: Ctrl-C goes to the program in the guest" {
	TERMINAL=true bundle sh -c 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.05; done'
	play own "$KATA_RUNTIME" --config "$CONF" run -b "$BUNDLE" c1 <<-'END'
		expect ready
		send-raw 03
		expect interrupted
		end 9
	END
}

@test "create --console-socket: the master comes over the socket" {
	TERMINAL=true bundle sh -c 'stty size; read -r line; echo "got $line"; stty size; sleep 100'
	play console "$KATA_RUNTIME" --config "$CONF" <<-END
		run create -b $BUNDLE --console-socket @ c1
		receive
		size 25 90
		run start c1
		logged TtyWinResize 25 90
		expect 25 90
		send hello
		expect got hello
		expect 25 90
		run kill c1 KILL
		run delete --force c1
	END
}

@test "exec --tty --console-socket --detach, as docker and podman do it" {
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	play console "$KATA_RUNTIME" --config "$CONF" <<-END
		run exec --tty --detach --console-socket @ --pid-file $DIR/pid c1 sh -c "tty; read l; echo \$l"
		receive
		expect /dev/pts/
		send over the console
		expect over the console
	END
}
