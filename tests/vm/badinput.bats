#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154,SC2016,SC2013 # lib.bash is found at run time; $stderr is set by run
#
# What is wrong with the input is one clear line on stderr, exit code 1, and nothing is left behind

source "$BATS_TEST_DIRNAME/lib.bash"

setup_file() {
	vm_setup_file
}

setup() {
	vm_setup
	bundle "$BUNDLE" "$FILE_DIR/rootfs" true
	OWN_CONFIG=$BATS_TEST_TMPDIR/configuration.toml
}

teardown() {
	vm_teardown
}

# refused WORDS COMMAND...: the command fails with 1 and one line in which the words are.
refused() {
	local words=$1

	shift
	run --separate-stderr "$@" </dev/null
	echo "status $status: $stderr"
	[ "$status" = 1 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"$words"* ]]
	assert_nothing_left
}

# edit EXPRESSION: change config.json by a line of Python on the object c.
edit() {
	/usr/bin/python3 - "$BUNDLE/config.json" "$1" <<-'END'
	import json, sys
	c = json.load(open(sys.argv[1]))
	exec(sys.argv[2])
	json.dump(c, open(sys.argv[1], "w"))
	END
}

bats_require_minimum_version 1.5.0

@test "no bundle" {
	refused /no/such/bundle kata create --bundle /no/such/bundle "$ID"
}

@test "a bundle without config.json" {
	rm "$BUNDLE/config.json"
	refused config.json kata create --bundle "$BUNDLE" "$ID"
}

@test "config.json that is not JSON, is empty, is something else" {
	echo '{ "ociVersion": ' >"$BUNDLE/config.json"
	refused config.json kata create --bundle "$BUNDLE" "$ID"
	: >"$BUNDLE/config.json"
	refused config.json kata create --bundle "$BUNDLE" "$ID"
	echo '[1, 2]' >"$BUNDLE/config.json"
	refused config.json kata create --bundle "$BUNDLE" "$ID"
	rm "$BUNDLE/config.json" && mkdir "$BUNDLE/config.json"
	refused config.json kata create --bundle "$BUNDLE" "$ID"
}

@test "config.json of a wrong type in one place names the place" {
	edit 'c["process"]["args"] = "true"'
	refused args kata create --bundle "$BUNDLE" "$ID"
}

@test "config.json without a process, without arguments, without a root" {
	edit 'del c["process"]'
	refused process kata create --bundle "$BUNDLE" "$ID"
	bundle "$BUNDLE" "$FILE_DIR/rootfs" true
	edit 'c["process"]["args"] = []'
	refused args kata create --bundle "$BUNDLE" "$ID"
	bundle "$BUNDLE" "$FILE_DIR/rootfs" true
	edit 'del c["root"]'
	refused root kata create --bundle "$BUNDLE" "$ID"
}

@test "no root file system" {
	edit 'c["root"]["path"] = "/no/such/rootfs"'
	refused /no/such/rootfs kata create --bundle "$BUNDLE" "$ID"
	edit 'c["root"]["path"] = "config.json"'
	refused config.json kata create --bundle "$BUNDLE" "$ID"
}

@test "a mount whose source is not there" {
	edit 'c["mounts"].append({"destination": "/data", "type": "bind", "source": "/no/such/data", "options": ["rbind"]})'
	refused /no/such/data kata create --bundle "$BUNDLE" "$ID"
}

@test "no kernel, no initrd, no QEMU" {
	for key in kernel initrd path; do
		sed "s,^$key = .*/,&no-such-," "$CONFIG" >"$OWN_CONFIG"
		CONFIG=$OWN_CONFIG refused no-such- kata create --bundle "$BUNDLE" "$ID"
	done
}

@test "a kernel that is no kernel" {
	echo nonsense >"$BATS_TEST_TMPDIR/kernel"
	sed "s,^kernel = .*,kernel = \"$BATS_TEST_TMPDIR/kernel\"," "$CONFIG" >"$OWN_CONFIG"
	CONFIG=$OWN_CONFIG refused kernel kata create --bundle "$BUNDLE" "$ID"
}

@test "a kernel, an initrd that QEMU's user may not read" {
	for file in vmlinux.container kata-containers-initrd.img; do
		mkdir "$BATS_TEST_TMPDIR/guest"
		cp -L "$GUEST_DIR/vmlinux.container" "$GUEST_DIR/kata-containers-initrd.img" "$BATS_TEST_TMPDIR/guest"
		chmod 600 "$BATS_TEST_TMPDIR/guest/$file"
		GUEST_DIR=$BATS_TEST_TMPDIR/guest write_config "$OWN_CONFIG" 'rootless = true'
		CONFIG=$OWN_CONFIG refused "$file': mode 0600 does not let QEMU's user" kata create --bundle "$BUNDLE" "$ID"
		rm -r "$BATS_TEST_TMPDIR/guest"
	done
}

@test "an initrd that is no initrd: what the guest said last is told" {
	head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/initrd"
	sed "s,^initrd = .*,initrd = \"$BATS_TEST_TMPDIR/initrd\"," "$CONFIG" >"$OWN_CONFIG"
	CONFIG=$OWN_CONFIG refused agent kata create --bundle "$BUNDLE" "$ID"
}

@test "no configuration, broken TOML, a wrong type, an unknown driver" {
	CONFIG=/no/such/configuration.toml refused /no/such/configuration.toml kata create --bundle "$BUNDLE" "$ID"
	echo '[hypervisor.qemu' >"$OWN_CONFIG"
	CONFIG=$OWN_CONFIG refused "$OWN_CONFIG" kata create --bundle "$BUNDLE" "$ID"
	sed 's,^default_memory = .*,default_memory = "much",' "$CONFIG" >"$OWN_CONFIG"
	CONFIG=$OWN_CONFIG refused default_memory kata create --bundle "$BUNDLE" "$ID"
	sed 's,^default_memory = .*,shared_fs = "smoke-signals",' "$CONFIG" >"$OWN_CONFIG"
	CONFIG=$OWN_CONFIG refused shared_fs kata create --bundle "$BUNDLE" "$ID"
}

@test "an annotation that the configuration does not allow" {
	edit 'c["annotations"] = {"io.katacontainers.config.hypervisor.kernel": "/etc/passwd"}'
	refused kernel kata create --bundle "$BUNDLE" "$ID"
	edit 'c["annotations"] = {"io.katacontainers.config.hypervisor.path": "/bin/sh"}'
	refused path kata create --bundle "$BUNDLE" "$ID"
}

@test "an id that is no name" {
	for id in a/b .. ../x . '' '-x y' "$(head -c 2000 /dev/zero | tr '\0' a)"; do
		refused '' kata create --bundle "$BUNDLE" -- "$id"
	done
	refused '' kata state ../../etc
	[ ! -e "$ROOT/../x" ]
}

@test "an id that nobody has" {
	for command in state start kill delete pause resume ps; do
		refused "$ID" kata "$command" "$ID"
	done
	refused "$ID" kata exec "$ID" true
	run kata delete --force "$ID"
	[ "$status" = 0 ]
}

@test "unknown commands, flags and missing arguments" {
	refused frobnicate kata frobnicate "$ID"
	refused frob kata create --frob "$ID"
	refused '' kata create
	refused '' kata kill "$ID" SIGNONSENSE
}

@test "frames of 4 GiB, cut frames and noise on the supervisor's socket harm nobody" {
	start_in_vm sleep 600
	sock=$(find /run/vc/sbs -name proxy.sock -path "*$ID*")
	[ -S "$sock" ]
	printf '\377\377\377\377\0\0\0\1\1\0' | timeout 5 socat -t 1 - "UNIX-CONNECT:$sock" || true
	printf '\0\0\1\0\0\0\0\1\1\0cut' | timeout 5 socat -t 1 - "UNIX-CONNECT:$sock" || true
	head -c 200000 /dev/urandom | timeout 5 socat -t 1 - "UNIX-CONNECT:$sock" || true
	has_status running
	run kata exec "$ID" echo alive </dev/null
	[ "$output" = alive ]
}
