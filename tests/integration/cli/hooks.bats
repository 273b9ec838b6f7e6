#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# OCI hooks on the host

load helper

setup() {
	setup_common
	# Notes which hook it is, and the state that it gets.
	cat >"$DIR/hook" <<-'END'
		#!/bin/sh
		echo "$1 $MARK $(tr -d ' \n')" >>"$2"
	END
	chmod +x "$DIR/hook"
}

teardown() {
	census
}

hook() {
	printf '"%s": [{ "path": "%s", "args": ["hook", "%s", "%s"], "env": ["MARK=mark", "PATH=/bin:/usr/bin"] }]' \
		"$1" "$DIR/hook" "$1" "$DIR/notes"
}

@test "prestart and createRuntime before the VM, poststart after the start, poststop at last" {
	HOOKS="$(hook prestart), $(hook createRuntime), $(hook poststart), $(hook poststop)" bundle sleep 100
	kata create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	[[ "$(sed -n 1p "$DIR/notes")" == 'prestart mark {'*'"id":"c1","status":"creating","pid":'[1-9]* ]]
	[[ "$(sed -n 2p "$DIR/notes")" == "createRuntime "*"\"bundle\":\"$BUNDLE\""* ]]
	[ "$(wc -l <"$DIR/notes")" -eq 2 ]
	kata start c1
	[[ "$(sed -n 3p "$DIR/notes")" == *poststart*'"status":"running"'* ]]
	kata delete --force c1
	[[ "$(sed -n 4p "$DIR/notes")" == *poststop*'"status":"stopped","pid":0'* ]]
	[ "$(wc -l <"$DIR/notes")" -eq 4 ]
}

@test "a prestart hook finds the sandbox's network namespace through state.pid" {
	cat >"$DIR/hook" <<-'END'
		#!/bin/sh
		pid=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
		readlink "/proc/$pid/ns/net" >"$2"
	END
	HOOKS="$(hook prestart)" bundle sleep 100
	kata create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	[[ "$(cat "$DIR/notes")" == "net:["*"]" ]]
	[ "$(cat "$DIR/notes")" != "$(readlink /proc/self/ns/net)" ]
	[ "$(cat "$DIR/notes")" = "$(readlink "/proc/$(supervisor_of c1)/ns/net")" ]
}

@test "a prestart hook that fails undoes the create, with its words" {
	printf '#!/bin/sh\necho "no network today" >&2\nexit 3\n' >"$DIR/hook"
	HOOKS="$(hook prestart)" bundle sleep 100
	run kata create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"prestart hook '$DIR/hook': exit code 3: no network today" ]]
}

@test "a hook that takes too long is killed; poststart's failure is no failure" {
	printf '#!/bin/sh\nexec sleep 60\n' >"$DIR/hook"
	HOOKS="\"createRuntime\": [{ \"path\": \"$DIR/hook\", \"timeout\": 1 }]" bundle sleep 100
	SECONDS=0
	run kata create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
	[ "$SECONDS" -lt 10 ]
	[[ "$output" == *"within 1 s"* ]]
	printf '#!/bin/sh\nexit 1\n' >"$DIR/hook"
	HOOKS="$(hook poststart), $(hook poststop)" bundle sleep 100
	kata --log "$DIR/log" run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	grep -q "level=warning.*poststart hook" "$DIR/log"
	kata delete --force c1
}

@test "createContainer hooks are refused, and so are bad ones" {
	HOOKS="$(hook createContainer)" bundle true
	run kata create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"hooks.createContainer"*"not supported"* ]]
	HOOKS="$(hook startContainer)" bundle true # the guest's to run
	kata create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	kata delete c1
	HOOKS='"prestart": [{ "path": "relative" }]' bundle true
	run kata create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"hooks.prestart[0].path"* ]]
	HOOKS='"prestart": [{ "path": "/none/hook" }]' bundle true
	run kata create -b "$BUNDLE" c1 </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"/none/hook"* ]]
}
