#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2030,SC2031,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# The shim by its own contract, with no containerd around it: as CRI-O starts it, which has neither an address nor mounts
# for it; and what containerd 2.x asks of it

source "$BATS_TEST_DIRNAME/lib.bash"
bats_require_minimum_version 1.5.0

setup_file() {
	e2e_setup_dirs
	export SHIM=$BUILD_DIR/src/shim/containerd-shim-kata-v2
	# The first container leaves what all later ones share: parent directories, the verdicts about this host.
	mkdir -p /run/bundles/first
	bundle /run/bundles/first "$E2E_DIR/rootfs" true
	ADDRESS=$(shim first start)
	task Create id=first bundle=/run/bundles/first
	task Kill id=first signal=9
	task Delete id=first
	ID=first
	task Shutdown id=first
	within 20 is_over
}

teardown_file() {
	e2e_remove_dirs
}

setup() {
	ID=c$BATS_TEST_NUMBER
	B=/run/bundles/$ID
	mkdir -p "$B"
	"$CENSUS" save "$BATS_TEST_TMPDIR/census"
}

teardown() {
	local pid

	for pid in $(pgrep -f "^containerd-shim-kata-v2 "); do
		kill -KILL "$pid" || true # it may be about to end by itself
	done
	[ ! -e "$B/config.json" ] || shim "$ID" delete >/dev/null || true
}

# shim ID ACTION: in its bundle, with CRI-O's words
shim() {
	(cd "/run/bundles/$1" && "$SHIM" -namespace default -address "" -publish-binary "" -id "$1" "$2")
}

# annotate FILE KEY VALUE
annotate() {
	python3 -c 'import json, sys
f, k, v = sys.argv[1:]; c = json.load(open(f)); c.setdefault("annotations", {})[k] = v; json.dump(c, open(f, "w"))' "$@"
}

task() {
	"$BATS_TEST_DIRNAME/shim_call" "$ADDRESS" "$@"
}

is_over() {
	! pgrep -f "^containerd-shim-kata-v2 .*-id=$ID" >/dev/null
}

# pod_bundles COMMAND...: of a pod's sandbox, $B, and of a container that runs the command, $b2
pod_bundles() {
	b2=/run/bundles/$ID-2
	mkdir -p "$b2"
	bundle "$B" "$E2E_DIR/rootfs" sleep 600
	annotate "$B/config.json" io.kubernetes.cri-o.ContainerType sandbox
	annotate "$B/config.json" io.kubernetes.cri-o.SandboxID "$ID"
	bundle "$b2" "$E2E_DIR/rootfs" "$@"
	annotate "$b2/config.json" io.kubernetes.cri-o.ContainerType container
	annotate "$b2/config.json" io.kubernetes.cri-o.SandboxID "$ID"
}

@test "a pod as CRI-O makes it: sandbox, container, streams, exit codes, one supervisor, nothing left" {
	local b2

	pod_bundles sh -c 'read line; echo "got $line"; exit 4'
	ADDRESS=$(shim "$ID" start)
	[[ $ADDRESS == unix:///run/containerd/s/* ]]
	[ "$(cat "$B/address")" = "$ADDRESS" ]
	task Create id="$ID" bundle="$B" options.config_path=/etc/kata-containers/configuration.toml
	task Start id="$ID"
	[ "$(shim "$ID-2" start)" = "$ADDRESS" ]
	[ "$(cat "$b2/address")" = "$ADDRESS" ]
	mkfifo "$b2/in" "$b2/out"
	cat "$b2/out" >"$BATS_TEST_TMPDIR/out" &
	task Create id="$ID-2" bundle="$b2" stdin="$b2/in" stdout="$b2/out"
	task Start id="$ID-2"
	echo hello >"$b2/in"
	task Wait id="$ID-2" | grep -q 'exit_status: 4'
	within 5 eval '[ "$(cat "$BATS_TEST_TMPDIR/out")" = "got hello" ]'
	task State id="$ID-2" | grep -q 'status: STOPPED'
	task Delete id="$ID-2" | grep -q 'exit_status: 4'
	task Shutdown id="$ID-2" # the pod goes on
	task State id="$ID" | grep -q 'status: RUNNING'
	task Kill id="$ID" signal=9 all=1
	task Wait id="$ID" | grep -q 'exit_status: 137'
	task Delete id="$ID"
	task Shutdown id="$ID"
	within 20 is_over
	"$CENSUS" diff "$BATS_TEST_TMPDIR/census" 5
}

is_full() {
	python3 -c 'import fcntl, os, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
sys.exit(int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), "little") < 60000)' "$1"
}

@test "delete of one container of a pod that lives: the others go on, even if its reader stands still" {
	local b2 reader

	pod_bundles sh -c 'yes'
	ADDRESS=$(shim "$ID" start)
	task Create id="$ID" bundle="$B"
	task Start id="$ID"
	mkfifo "$b2/out"
	sleep 600 <>"$b2/out" 3>&- & # has it open, and reads nothing
	reader=$!
	task Create id="$ID-2" bundle="$b2" stdout="$b2/out"
	task Start id="$ID-2"
	within 60 is_full "$b2/out"
	run shim "$ID-2" delete
	[ "$status" = 1 ]
	[[ $output == *"$ID-2"*"Wait: no"* ]]
	task State id="$ID" | grep -q 'status: RUNNING'
	shim "$ID-2" delete | grep -aq . # by now it is not waited for
	run task State id="$ID-2"
	[ "$status" = 1 ]
	task State id="$ID" | grep -q 'status: RUNNING'
	kill "$reader"
	shim "$ID" delete | grep -aq .
	within 20 is_over
	"$CENSUS" diff "$BATS_TEST_TMPDIR/census" 5
}

@test "out of memory: CRI-O finds the file that it looks for" {
	bundle "$B" "$E2E_DIR/rootfs" sh -c 'head -c 200m /dev/zero | tail'
	annotate "$B/config.json" io.container.manager cri-o
	python3 -c 'import json, sys
c = json.load(open(sys.argv[1])); c["linux"]["resources"] = {"memory": {"limit": 50 << 20}}
json.dump(c, open(sys.argv[1], "w"))' "$B/config.json"
	ADDRESS=$(shim "$ID" start)
	task Create id="$ID" bundle="$B"
	task Start id="$ID"
	task Wait id="$ID"
	within 20 test -e "$B/oom"
}

@test "containerd 2.x: JSON from start, version 3 of the service, -info" {
	bundle "$B" "$E2E_DIR/rootfs" sleep 600
	MAX_SHIM_VERSION=3 shim "$ID" start >"$BATS_TEST_TMPDIR/reply"
	ADDRESS=$(python3 -c 'import json, sys
r = json.load(open(sys.argv[1])); assert r["version"] == 3 and r["protocol"] == "ttrpc"; print(r["address"])' \
		"$BATS_TEST_TMPDIR/reply")
	VERSION=3 task Connect id="$ID" | grep -q "shim_pid: $(cat "$B/shim.pid")"
	VERSION=2 task Connect id="$ID" | grep -q "shim_pid: $(cat "$B/shim.pid")"
	VERSION=4 run task Connect id="$ID"
	[ "$status" = 1 ]
	[[ $output == *containerd.task.v4.Task* ]]
	"$SHIM" -info </dev/null | grep -aq io.containerd.kata.v2
}

@test "start twice: the second is refused by the sandbox's name, the first goes on" {
	bundle "$B" "$E2E_DIR/rootfs" sleep 600
	ADDRESS=$(shim "$ID" start)
	task Connect id="$ID"
	run shim "$ID" start
	[ "$status" = 1 ]
	[[ $output == *"'$ID'"*"already in use"* ]]
	task Connect id="$ID"
}

@test "a container of a pod that is not there is refused, and so is a bundle without config.json" {
	bundle "$B" "$E2E_DIR/rootfs" sleep 600
	annotate "$B/config.json" io.kubernetes.cri.container-type container
	annotate "$B/config.json" io.kubernetes.cri.sandbox-id nopod
	run shim "$ID" start
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *"sandbox 'nopod'"* ]]
	rm "$B/config.json"
	run shim "$ID" start
	[ "$status" = 1 ]
	[[ $output == *config.json* ]]
	"$CENSUS" diff "$BATS_TEST_TMPDIR/census"
}

@test "a supervisor to whom nobody comes is ended by SIGTERM, and delete finds nothing, any number of times" {
	bundle "$B" "$E2E_DIR/rootfs" sleep 600
	ADDRESS=$(shim "$ID" start)
	task Connect id="$ID"
	kill -TERM "$(cat "$B/shim.pid")"
	within 20 is_over
	shim "$ID" delete | grep -aq . # a DeleteResponse
	shim "$ID" delete | grep -aq .
	"$CENSUS" diff "$BATS_TEST_TMPDIR/census" 5
}

# hooks FILE NOTES: one of each kind on the host, which notes its name and what it is told
hooks() {
	cat >"$BATS_TEST_TMPDIR/hook" <<-'END'
	#!/bin/sh
	echo "$1 $(tr -d ' \n')" >>"$2"
	[ "$1" != "$3" ] || { echo no luck >&2; exit 5; }
	END
	chmod +x "$BATS_TEST_TMPDIR/hook"
	python3 -c 'import json, sys
f, hook, notes, fails = sys.argv[1:]; c = json.load(open(f))
c["hooks"] = {k: [{"path": hook, "args": ["hook", k, notes, fails], "env": ["PATH=/bin:/usr/bin"]}]
              for k in ("prestart", "createRuntime", "poststart", "poststop")}
json.dump(c, open(f, "w"))' "$1" "$BATS_TEST_TMPDIR/hook" "$2" "${3:-none}"
}

@test "hooks of config.json run on the host, at their moments, with the state that they are to get" {
	local notes=$BATS_TEST_TMPDIR/notes

	bundle "$B" "$E2E_DIR/rootfs" sleep 600
	hooks "$B/config.json" "$notes" poststart # its failure is no failure of the start
	ADDRESS=$(shim "$ID" start)
	task Create id="$ID" bundle="$B"
	[[ "$(sed -n 1p "$notes")" == prestart*"\"id\":\"$ID\",\"status\":\"creating\",\"pid\":$(cat "$B/shim.pid")"* ]]
	[[ "$(sed -n 2p "$notes")" == createRuntime*"\"bundle\":\"$B\""* ]]
	task Start id="$ID"
	[[ "$(sed -n 3p "$notes")" == poststart*'"status":"running"'* ]]
	task Kill id="$ID" signal=9 all=1
	task Wait id="$ID"
	task Delete id="$ID"
	[[ "$(sed -n 4p "$notes")" == poststop*'"status":"stopped","pid":0'* ]]
	[ "$(wc -l <"$notes")" = 4 ]
}

@test "a hook that fails fails the creation, in one line with its own words, and nothing is left" {
	bundle "$B" "$E2E_DIR/rootfs" sleep 600
	hooks "$B/config.json" "$BATS_TEST_TMPDIR/notes" createRuntime
	ADDRESS=$(shim "$ID" start)
	run task Create id="$ID" bundle="$B"
	[ "$status" = 1 ]
	[[ $output == *"createRuntime hook '$BATS_TEST_TMPDIR/hook': exit code 5: no luck"* ]]
	task Shutdown id="$ID"
	within 20 is_over
	"$CENSUS" diff "$BATS_TEST_TMPDIR/census" 5
}
