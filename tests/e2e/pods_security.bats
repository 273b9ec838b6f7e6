#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the container's
#
# Security contexts of pods and containers: each is asked of the kernel that the container runs on.

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/cri.bash"

ALL_CAPS=000001ffffffffff

setup_file() {
	cri_setup
}

teardown_file() {
	containerd_teardown
}

teardown() {
	cri_census
}

# context CHANGE: of the container's security context
context() {
	echo ".linux.security_context |= (. | $1)"
}

# status_line NAME FIELD: of /proc/self/status
status_line() {
	in_container "$1" awk -v field="$2:" '$1 == field { $1 = ""; print substr($0, 2) }' /proc/self/status
}

@test "runAsUser, runAsGroup, supplementalGroups: also of what is executed later" {
	run_pod pod
	run_container pod main "$(context '.run_as_user.value = 1000 | .run_as_group.value = 3000 | .supplemental_groups = [4000, 5000]')" \
		sh -c 'id -u; id -g; id -G; exec sleep 600'
	within 60 has_said main 3000
	within 60 has_said main 5000
	[ "$(said main | head -n 2 | paste -sd ' ')" = "1000 3000" ]
	[ "$(in_container main id -u)" = 1000 ]
	[ "$(in_container main id -G | tr ' ' '\n' | sort -n | paste -sd ' ')" = "3000 4000 5000" ]
}

@test "runAsUserName is looked up in the image" {
	run_pod pod
	run_container pod main "$(context '.run_as_username = "root"')" id -u
	ended main 0
	[ "$(said main)" = 0 ]
}

@test "fsGroup: what is made on the volume is the group's" {
	mkdir -p "$BATS_TEST_TMPDIR/volume"
	chgrp 6000 "$BATS_TEST_TMPDIR/volume"
	chmod 2775 "$BATS_TEST_TMPDIR/volume"
	run_pod pod '.linux.security_context.supplemental_groups = [6000]'
	run_container pod main "$(context '.run_as_user.value = 1000 | .run_as_group.value = 1000 | .supplemental_groups = [6000]') |
		.mounts = [{ container_path: \"/v\", host_path: \"$BATS_TEST_TMPDIR/volume\" }]" sh -c 'echo x >/v/file'
	ended main 0
	[ "$(stat -c '%u %g' "$BATS_TEST_TMPDIR/volume/file")" = "1000 6000" ]
}

@test "capabilities: those of containerd, more, fewer, none" {
	run_pod pod
	run_container pod default . sleep 600
	run_container pod more "$(context '.capabilities.add_capabilities = ["SYS_TIME"]')" sleep 600
	run_container pod fewer "$(context '.capabilities.drop_capabilities = ["CHOWN"]')" sleep 600
	run_container pod none "$(context '.capabilities.drop_capabilities = ["ALL"]')" sleep 600
	caps=$(status_line default CapEff)
	[ "$caps" != "$ALL_CAPS" ]
	[ "$((0x$(status_line more CapEff)))" -eq $((0x$caps | 1 << 25)) ]
	[ "$((0x$(status_line fewer CapEff)))" -eq $((0x$caps & ~1)) ]
	[ "$((0x$(status_line none CapEff)))" -eq 0 ]
	[ "$((0x$(status_line none CapBnd)))" -eq 0 ]
	run in_container fewer chown 1 /tmp
	[ "$status" -ne 0 ]
}

@test "privileged: every capability and none of the host's disks" {
	run_pod pod '.linux.security_context.privileged = true'
	run_container pod main "$(context '.privileged = true')" sleep 600
	caps=$(status_line main CapEff)
	[ "$((0x$caps))" -gt $((0xffffffff)) ]
	in_container main mount -t tmpfs none /tmp
	[ "$HANDLER" = runc ] || in_container main grep -qE ' /sys sysfs rw' /proc/mounts
	[ "$HANDLER" = runc ] || [ -z "$(in_container main sh -c 'ls /dev | grep -E "^(sd|vd|nvme|loop|kvm)"')" ]
}

@test "masked and read-only paths" {
	run_pod pod
	run_container pod main "$(context '.masked_paths = ["/proc/kcore", "/proc/timer_list", "/sys/firmware"] |
		.readonly_paths = ["/proc/sys", "/proc/irq"]')" sleep 600
	[ -z "$(in_container main head -c 10 /proc/kcore)" ]
	[ -z "$(in_container main ls /sys/firmware)" ]
	run in_container main sh -c 'echo 1 >/proc/sys/vm/overcommit_memory'
	[ "$status" -ne 0 ]
	[[ "$output" == *"Read-only file system"* ]]
}

@test "noNewPrivileges: allowPrivilegeEscalation=false" {
	run_pod pod
	run_container pod main "$(context '.no_new_privs = true')" sleep 600
	run_container pod other "$(context '.no_new_privs = false')" sleep 600
	[ "$(status_line main NoNewPrivs)" = 1 ]
	[ "$(status_line other NoNewPrivs)" = 0 ]
}

@test "seccomp: RuntimeDefault, Unconfined, and a profile of the host's" {
	cat >"$BATS_TEST_TMPDIR/profile.json" <<-'END'
	{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
	  "syscalls": [ { "names": ["chmod", "fchmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13 } ] }
	END
	run_pod pod
	run_container pod default "$(context '.seccomp.profile_type = "RuntimeDefault"')" sleep 600
	run_container pod none "$(context '.seccomp.profile_type = "Unconfined"')" sleep 600
	run_container pod own "$(context ".seccomp = { profile_type: \"Localhost\", localhost_ref: \"$BATS_TEST_TMPDIR/profile.json\" }")" sleep 600
	[ "$(status_line default Seccomp)" = 2 ]
	[ "$(status_line none Seccomp)" = 0 ]
	[ "$(status_line own Seccomp)" = 2 ]
	in_container default chmod 755 /tmp
	run in_container own chmod 755 /tmp
	[ "$status" -ne 0 ]
	[[ "$output" == *"Permission denied"* ]]
	run in_container default unshare -U true
	[ "$status" -ne 0 ]
}

@test "sysctls: of the pod, those that have a namespace; others are refused by name" {
	run_pod pod '.linux.sysctls = { "kernel.msgmax": "12345", "kernel.shm_rmid_forced": "1" }'
	run_container pod main . sleep 600
	[ "$(in_container main cat /proc/sys/kernel/msgmax)" = 12345 ]
	[ "$(in_container main cat /proc/sys/kernel/shm_rmid_forced)" = 1 ]
	run run_pod bad '.linux.sysctls = { "kernel.panic": "1" }'
	[ "$status" -ne 0 ]
	[[ "$output" == *kernel.panic* ]]
}

@test "devices: one that the guest has too works, a disk of the host is refused by name" {
	device() { echo ".devices = [{ container_path: \"$1\", host_path: \"$1\", permissions: \"rwm\" }]"; }
	run_pod pod
	run_container pod main "$(device /dev/fuse)" sleep 600
	in_container main test -c /dev/fuse
	need_vm
	disk=/dev/$(lsblk -rno NAME | head -n 1)
	[ -b "$disk" ]
	run run_container pod disk "$(device "$disk")" true
	[ "$status" -ne 0 ]
	[[ "$output" == *"$disk"* ]]
}

@test "namespaces of the node are the machine's: hostPID, hostIPC, hostNetwork" {
	need_vm
	node='.namespace_options = { pid: "NODE", ipc: "NODE", network: "NODE" }'
	run_pod pod ".linux.security_context$node"
	run_container pod main "$(context "$node")" sleep 600
	ip link add of_the_node type veth peer name other_end
	[ -z "$(in_container main sh -c 'ls /sys/class/net' | grep -e of_the_node -e cni0)" ]
	ip link del of_the_node
	run in_container main sh -c 'cat /proc/[0-9]*/comm'
	[[ "$output" != *containerd* ]]
	[ "$(in_container main cat /proc/sys/kernel/random/boot_id)" != "$(cat /proc/sys/kernel/random/boot_id)" ]
}

@test "rlimits and the OOM score reach the container" {
	run_pod pod
	run_container pod main '.linux.resources.oom_score_adj = 900' sleep 600
	[ "$(in_container main cat /proc/1/oom_score_adj)" = 900 ]
}
