#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input: one clear line, exit code 1, nothing left behind

load helper

setup() {
	setup_common
}

teardown() {
	census
}

# refused TEXT ARGUMENT...: kata-runtime must exit with 1 and one line that has TEXT in it.
refused() {
	local text=$1
	shift
	run kata "$@" </dev/null
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"$text"* ]]
	[ -z "$(ls -A /run/vc/sbs 2>/dev/null)" ]
	[ -z "$(ls -A /run/kata-containers/containers-mapping 2>/dev/null)" ]
}

@test "flags and commands that do not exist are named" {
	refused "'--nonsense'" --nonsense list
	refused "'--nonsense'" create --nonsense c1
	refused "'-x'" create -x c1
	refused "'conjure'" conjure
	refused "--bundle" create c1 --bundle
	refused "--detach" run --detach=perhaps c1
	refused "checkpoint" checkpoint c1
	refused "restore" restore c1
	refused "--rootless true" --rootless true list
	refused "'yaml'" --log-format yaml list
	refused "'relative'" --root relative list
}

@test "ids" {
	refused "Missing container ID" create -b "$BUNDLE"
	refused "Missing container ID" create -b "$BUNDLE" ""
	local id
	for id in ../x a/b .. . -- "a b" "a,b" "$(printf 'x%.0s' {1..77})" $'a\nb' "a%s"; do
		refused "ontainer ID" run -b "$BUNDLE" "$id"
	done
	refused "'c2'" create -b "$BUNDLE" c1 c2
	local command
	for command in state start kill delete ps pause resume update events timeline exec; do
		refused "Missing container ID" "$command"
		refused "'../x'" "$command" ../x
	done
	for command in state start kill delete pause resume events timeline "ps --format json" \
		"update --memory 1"; do
		# shellcheck disable=SC2086
		refused "Container ID (nope) does not exist" $command nope
	done
	refused "Container ID (nope) does not exist" exec nope true
}

@test "bundle and config.json" {
	refused "'$DIR/none'" create -b "$DIR/none" c1
	refused "Not a directory" create -b "$CONF" c1
	rm "$BUNDLE/config.json"
	refused "config.json" create -b "$BUNDLE" c1
	: >"$BUNDLE/config.json"
	refused "config.json" create -b "$BUNDLE" c1
	echo '{ "ociVersion": ' >"$BUNDLE/config.json"
	refused "config.json" create -b "$BUNDLE" c1
	echo '[]' >"$BUNDLE/config.json"
	refused "config.json" create -b "$BUNDLE" c1
	head -c 9000000 /dev/zero | tr '\0' ' ' >"$BUNDLE/config.json"
	refused "config.json" create -b "$BUNDLE" c1
	bundle true
	sed -i 's/"ociVersion": "1.0.2"/"ociVersion": "9.9"/' "$BUNDLE/config.json"
	refused "9.9" create -b "$BUNDLE" c1
	bundle
	refused "args" create -b "$BUNDLE" c1
	bundle true
	sed -i 's/"args": \[[^]]*\]/"args": "true"/' "$BUNDLE/config.json"
	refused "args" create -b "$BUNDLE" c1
	bundle true
	rmdir "$BUNDLE/rootfs"
	refused "rootfs" create -b "$BUNDLE" c1
	echo file >"$BUNDLE/rootfs"
	refused "rootfs" create -b "$BUNDLE" c1
}

@test "configuration" {
	local good
	good=$(cat "$CONF")
	CONF="$DIR/none.toml" refused "none.toml" run -b "$BUNDLE" c1
	echo "not toml" >"$CONF"
	refused "configuration.toml" run -b "$BUNDLE" c1
	sed 's/^kernel.*/kernel = 5/' <<<"$good" >"$CONF"
	refused "kernel" run -b "$BUNDLE" c1
	sed 's/^kernel.*/kernel = "\/none\/vmlinux"/' <<<"$good" >"$CONF"
	refused "/none/vmlinux" run -b "$BUNDLE" c1
	sed 's/^initrd.*/image = "\/none\/image"/' <<<"$good" >"$CONF"
	refused "/none/image" run -b "$BUNDLE" c1
	sed 's/^\[proxy.kata\]/block_device_driver = "floppy"\n[proxy.kata]/' <<<"$good" >"$CONF"
	refused "floppy" run -b "$BUNDLE" c1
	sed 's,^path = ".*fake_proxy",path = "/none/kata-proxy",' <<<"$good" >"$CONF"
	refused "/none/kata-proxy" run -b "$BUNDLE" c1
	sed 's,^path = ".*kata-shim",path = "/none/kata-shim",' <<<"$good" >"$CONF"
	refused "/none/kata-shim" run -b "$BUNDLE" c1
}

@test "annotations: what the configuration does not enable is denied" {
	ANNOTATIONS='"io.katacontainers.config.hypervisor.kernel_params": "x=1"' bundle true
	refused "kernel_params" run -b "$BUNDLE" c1
	ANNOTATIONS='"io.kubernetes.cri.container-type": "container"' bundle true
	refused "io.kubernetes.cri.sandbox-id" run -b "$BUNDLE" c1
	ANNOTATIONS='"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "../x"' \
		bundle true
	refused "io.kubernetes.cri.sandbox-id" run -b "$BUNDLE" c1
	ANNOTATIONS='"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "none"' \
		bundle true
	refused "sandbox 'none'" run -b "$BUNDLE" c1
}

@test "descriptors cannot be passed, a terminal needs its socket" {
	refused "--preserve-fds 1" run --preserve-fds 1 -b "$BUNDLE" c1
	refused "--preserve-fds" run --preserve-fds x -b "$BUNDLE" c1
	refused "cannot use console socket" create --console-socket "$DIR/s" -b "$BUNDLE" c1
	TERMINAL=true bundle true
	refused "cannot allocate tty" create -b "$BUNDLE" c1
	refused "$DIR/none.sock" create --console-socket "$DIR/none.sock" -b "$BUNDLE" c1
}

@test "a create that fails: the reason as one line, also in the log; nothing is left" {
	ANNOTATIONS='"fake.create": "fail"' bundle true
	refused "reach agent: made to fail" create -b "$BUNDLE" c1
	[[ "$output" != *$'\e'* ]]
	refused "reach agent" --log "$DIR/log" --log-format json create -b "$BUNDLE" c1
	python3 -c 'import json, sys
last = [json.loads(l) for l in open(sys.argv[1])][-1]
assert last["level"] == "error" and "reach agent" in last["msg"] and last["time"], last' "$DIR/log"
	ANNOTATIONS='"fake.create": "die"' bundle true
	refused "create container" create -b "$BUNDLE" c1
}

@test "a create that hangs is undone by a signal" {
	ANNOTATIONS='"fake.create": "hang"' bundle true
	local sig
	for sig in INT TERM HUP; do
		"$KATA_RUNTIME" --config "$CONF" run -b "$BUNDLE" c1 </dev/null 2>"$DIR/err" &
		local pid=$! status=0
		wait_for 5 grep -q Create /run/vc/sbs/c1/proxy.log
		kill "-$sig" "$pid"
		wait "$pid" || status=$?
		[ "$status" -eq 1 ]
		grep -q "interrupted by SIG$sig" "$DIR/err"
		[ -z "$(ls -A /run/vc/sbs)" ]
	done
}

@test "a create killed by -9: delete --force removes what is there" {
	ANNOTATIONS='"fake.create": "hang"' bundle true
	"$KATA_RUNTIME" --config "$CONF" create -b "$BUNDLE" c1 </dev/null &
	local pid=$!
	wait_for 5 grep -q Create /run/vc/sbs/c1/proxy.log
	kill -9 "$pid"
	wait "$pid" || :
	status_is c1 creating
	timeout 5 "$KATA_RUNTIME" --config "$CONF" delete --force c1
}

@test "each step of create made to fail and to die leaves nothing behind" {
	bundle sleep 100
	local step
	for step in "record container" "start supervisor" "run hooks" "create container" \
		"start stand-in" "write pid"; do
		run env KATA_TEST_STEP="fail:$step" "$KATA_RUNTIME" --config "$CONF" create -b "$BUNDLE" \
			--pid-file "$DIR/pid" c1 </dev/null
		[ "$status" -eq 1 ]
		[[ "$output" == "$step: "* ]]
		[ -z "$(ls -A /run/vc/sbs 2>/dev/null)" ]
		[ -z "$(ls -A /run/kata-containers/containers-mapping 2>/dev/null)" ]
		# Not through `run`: a stand-in that was started would hold its pipe open.
		status=0
		env KATA_TEST_STEP="kill:$step" "$KATA_RUNTIME" --config "$CONF" create -b "$BUNDLE" \
			--pid-file "$DIR/pid" c1 </dev/null >"$DIR/out" 2>&1 || status=$?
		[ "$status" -eq 137 ]
		timeout 5 "$KATA_RUNTIME" --config "$CONF" delete --force c1
		census
	done
}

@test "each step of exec made to fail" {
	bundle sleep 100
	kata run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
	local step
	for step in "add process" "start process" "start stand-in" "write pid"; do
		run env KATA_TEST_STEP="fail:$step" "$KATA_RUNTIME" --config "$CONF" exec c1 sleep 88 </dev/null
		[ "$status" -eq 1 ]
		[[ "$output" == *"$step: "* ]]
		[ -z "$(program_of "sleep 88")" ]
	done
	kata delete --force c1
}

@test "a supervisor that sends nonsense" {
	mkdir -p /run/kata-containers/containers-mapping/c1/c1 /run/vc/sbs/c1
	ln -s "$BUNDLE" /run/kata-containers/containers-mapping/c1/c1/bundle
	local reply
	for reply in '\xff\xff\xff\xff\x00\x00\x00\x01\x02\x00' 'HTTP/1.1 400 Bad Request\r\n\r\n' \
		'\x00\x00\x00\x10\x00\x00\x00\x01\x02\x00short'; do
		python3 - "$reply" "$KATA_RUNTIME" <<-'END'
			import os, socket, subprocess, sys
			reply = sys.argv[1].encode().decode("unicode_escape").encode("latin1")
			path = "/run/vc/sbs/c1/proxy.sock"
			if os.path.exists(path):
			    os.unlink(path)
			s = socket.socket(socket.AF_UNIX)
			s.bind(path)
			s.listen()
			for command in (["state", "c1"], ["kill", "c1"], ["start", "c1"]):
			    p = subprocess.Popen([sys.argv[2]] + command, stderr=subprocess.PIPE,
			                         stdout=subprocess.PIPE)
			    c, _ = s.accept()
			    c.recv(4096)
			    c.sendall(reply)
			    c.close()
			    out, err = p.communicate(timeout=10)
			    assert p.returncode in (0, 1), p.returncode
			    assert err.count(b"\n") <= 1, err
		END
	done
	kata delete --force c1
}
