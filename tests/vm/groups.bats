#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154,SC2016 # lib.bash is found at run time; $stderr is set by run
#
# Control groups: a container's limits are felt in the guest, and its sandbox is in the host's group

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

setup_file() {
	vm_setup_file
}

setup() {
	vm_setup
}

teardown() {
	vm_teardown
}

# edit PYTHON: change the bundle's config.json, "d" in PYTHON
edit() {
	python3 - "$BUNDLE/config.json" "$1" <<-'END'
	import json, sys
	file, code = sys.argv[1:]
	d = json.load(open(file))
	exec(code)
	json.dump(d, open(file, "w"))
	END
}

# A group of the host, as the test sees it, and whether a process of that name is in it.
in_host_group() {
	local pid

	while read -r pid; do
		[ "$(process_name "$pid")" != "$2" ] || return 0
	done < <(cat /sys/fs/cgroup/pids"$1"/cgroup.procs /sys/fs/cgroup"$1"/cgroup.procs 2>/dev/null)
	return 1
}

@test "limits of processes, memory, CPU are in the container's group" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'mkdir /tmp/g && mount -t cgroup2 g /tmp/g &&
		cd "/tmp/g/$(cut -d: -f3 /proc/self/cgroup)" && cat pids.max memory.max cpu.max'
	edit 'd["linux"]["resources"] = {"pids": {"limit": 33}, "memory": {"limit": 67108864, "swap": 67108864},
		"cpu": {"quota": 50000, "period": 100000, "shares": 512}}
for kind in ("bounding", "effective", "permitted"): d["process"]["capabilities"][kind].append("CAP_SYS_ADMIN")'
	run --separate-stderr kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output $stderr"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 33 ]
	[ "${lines[1]}" = 67108864 ]
	[ "${lines[2]}" = "50000 100000" ]
}

@test "more processes than allowed are refused" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all'
	edit 'd["linux"]["resources"] = {"pids": {"limit": 4}}'
	run --separate-stderr kata run --bundle "$BUNDLE" "$ID" </dev/null
	[ "$status" -ne 0 ]
	[[ "$stderr" == *"fork"* ]]
	[ "$output" != all ]
}

@test "a program that takes more memory than allowed is killed" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo "dd $?"'
	edit 'd["linux"]["resources"] = {"memory": {"limit": 16777216, "swap": 16777216}}'
	run --separate-stderr kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output $stderr"
	[ "${lines[-1]}" = "dd 137" ]
}

@test "a device that no rule allows cannot be opened, one that is allowed can" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c 'mknod /tmp/mem c 1 1 && mknod /tmp/zero c 1 5
		head -c 1 /tmp/mem >/dev/null; echo "mem $?"; head -c 1 /tmp/zero >/dev/null; echo "zero $?"'
	edit 'for kind in ("bounding", "effective", "permitted"): d["process"]["capabilities"][kind] += ["CAP_MKNOD", "CAP_SYS_RAWIO"]
d["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}'
	run --separate-stderr kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output $stderr"
	[ "${lines[0]}" = "mem 1" ]
	[ "${lines[1]}" = "zero 0" ]
	[[ "$stderr" == *"not permitted"* ]]
}

@test "statistics and an update while it runs" {
	start_in_vm sh -c 'while :; do :; done'
	kata update --memory 50331648 --memory-swap 50331648 --pids-limit 21 "$ID"
	run kata events --stats "$ID"
	echo "$output"
	[ "$status" -eq 0 ]
	python3 - "$output" <<-'END'
	import json, sys
	d = json.loads(sys.argv[1])["data"]
	assert d["cpu"]["usage"]["total"] > 0, d["cpu"]
	assert d["memory"]["usage"]["limit"] == 50331648, d["memory"]
	assert d["pids"]["limit"] == 21 and d["pids"]["current"] >= 1, d["pids"]
	END
}

@test "a limit that v2 has not got is refused by name" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" true
	edit 'd["linux"]["resources"] = {"memory": {"swappiness": 10}}'
	run --separate-stderr kata run --bundle "$BUNDLE" "$ID" </dev/null
	[ "$status" -ne 0 ]
	[[ "$stderr" == *"swappiness"* ]]
	assert_nothing_left
}

@test "the sandbox is in the group that cgroupsPath names" {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	edit "d['linux']['cgroupsPath'] = '/parent-$ID/group'"
	kata create --bundle "$BUNDLE" "$ID" </dev/null
	in_host_group "/parent-$ID/group" qemu-system-x86
	in_host_group "/parent-$ID/group" kata-shim
	kata delete --force "$ID"
	[ -z "$(find /sys/fs/cgroup -path "*/parent-$ID/group")" ]
	find /sys/fs/cgroup -name "parent-$ID" -exec rmdir {} + # the parent is whoever named it's
}

@test "a path in systemd's form becomes a scope with the sandbox in it" {
	mkdir -p /run/dbus /run/systemd/system
	coproc systemd { exec "$BUILD_DIR/tests/integration/cgroup/play_systemd" /run/dbus/system_bus_socket; }
	systemd_pid=$systemd_PID
	read -r ready <&"${systemd[0]}"
	[ "$ready" = ready ]
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	edit 'd["linux"]["cgroupsPath"] = "test-kata.slice:docker:c1"'
	kata --systemd-cgroup create --bundle "$BUNDLE" "$ID" </dev/null
	wait "$systemd_pid" # it was asked for what it should be asked for
	for name in kata-proxy qemu-system-x86 kata-shim; do
		in_host_group /test.slice/test-kata.slice/docker-c1.scope "$name"
	done
	kata delete --force "$ID"
	[ -z "$(find /sys/fs/cgroup -name docker-c1.scope)" ]
	# The slices and this systemd are the test's.
	find /sys/fs/cgroup -depth \( -name test-kata.slice -o -name test.slice \) -exec rmdir {} +
	rm -r /run/dbus /run/systemd
}
