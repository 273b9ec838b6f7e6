#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2034,SC2154 # lib.bash is found at run time; $ in quotes is the container's
#
# The runtime classes that deploy/install gives to containerd, with pods over its CRI

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/cri.bash"

# Of lib.bash's configuration all but its own runtime classes; they come from deploy/. The programs are those of
# the build folder, so only the part for the managers is installed.
eval "$(declare -f containerd_config | sed 's/^containerd_config/lib_containerd_config/')"
containerd_config() {
	local prefix=$E2E_DIR/prefix node=$E2E_DIR/node

	lib_containerd_config
	mkdir -p "$node/etc/containerd" "$prefix/share/defaults/kata-containers"
	sed -i '/containerd.runtimes.runc\]/,$d' "$E2E_DIR/containerd.toml"
	cp "$E2E_DIR/containerd.toml" "$node/etc/containerd/config.toml"
	# The one that kata-qemu names can be told from the others by its machine.
	write_config "$prefix/share/defaults/kata-containers/configuration-qemu.toml"
	sed -i 's/^default_memory = .*/default_memory = 300/' "$prefix/share/defaults/kata-containers/configuration-qemu.toml"
	"$SOURCE_DIR/deploy/install" -n -p "$prefix" -d "$node" -m containerd -V 1 >/dev/null
	cat "$node/etc/kata-containers/containerd-1.toml" >>"$E2E_DIR/containerd.toml"
}

setup_file() {
	HANDLER=kata cri_setup
}

teardown_file() {
	containerd_teardown
}

teardown() {
	cri_census
}

mem_total_kb() {
	in_container "$1" awk '/^MemTotal:/ { print $2 }' /proc/meminfo
}

# class_pod CLASS: a pod of that class, with a container "c" that sleeps.
class_pod() {
	local HANDLER=$1 # run_pod looks at it

	run_pod pod
	run_container pod c . sleep 600
}

@test "runtime class kata: a kernel of its own, the configuration of /etc" {
	class_pod kata
	[ "$(in_container c cat /proc/sys/kernel/random/boot_id)" != "$(cat /proc/sys/kernel/random/boot_id)" ]
	[ "$(mem_total_kb c)" -gt 350000 ]
	[ "$(cat "$(find /run/containerd -path '*/k8s.io/*' -name monitor_address | head -n 1)")" = "unix:///run/vc/sbs/$(cat "$(pod_file pod id)")/shim-monitor.sock" ]
}

@test "runtime class kata-qemu: the configuration that its ConfigPath names" {
	class_pod kata-qemu
	[ "$(mem_total_kb c)" -lt 300000 ]
}

@test "runtime class runc is there as before" {
	class_pod runc
	[ "$(in_container c cat /proc/sys/kernel/random/boot_id)" = "$(cat /proc/sys/kernel/random/boot_id)" ]
}

# What deploy/kubernetes/runtimeclass.yaml tells how to measure.
@test "the overhead of an idle pod can be measured, and is about that of a small machine" {
	class_pod kata
	"$RUNTIME" metrics "$(cat "$(pod_file pod id)")" | awk '/^kata_shim_pod_overhead_/ { print $1, $2 }' >"$BATS_TEST_TMPDIR/overhead"
	cat "$BATS_TEST_TMPDIR/overhead"
	awk '$1 ~ /memory_in_bytes$/ { n++; ok += $2 > 30e6 && $2 < 700e6 } $1 ~ /_cpu$/ { n++; ok++ }
		END { exit !(n == 2 && ok == 2) }' "$BATS_TEST_TMPDIR/overhead"
}
