#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the container's
#
# Volumes of pods, laid out on the host as a kubelet does.

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/cri.bash"

setup_file() {
	cri_setup
}

teardown_file() {
	containerd_teardown
}

setup() {
	# A kubelet's /var/lib/kubelet/pods/UID; the kind of a volume is told from this path.
	VOLUMES=$BATS_TEST_TMPDIR/pods/uid/volumes
	mkdir -p "$VOLUMES"
}

teardown() {
	awk '{ print $2 }' /proc/self/mounts | grep "^$VOLUMES/" | tac | xargs -r -n 1 umount || true
	cri_census
}

# volume KIND NAME: its folder is made and printed.
volume() {
	mkdir -p "$VOLUMES/kubernetes.io~$1/$2"
	echo "$VOLUMES/kubernetes.io~$1/$2"
}

# mounts [PATH=HOST_PATH[:ro]]...: the change of a container that has them
mounts() {
	local one

	for one; do
		jq -n --arg to "${one%%=*}" --arg from "${one#*=}" \
			'{ container_path: $to, host_path: ($from | rtrimstr(":ro")), readonly: ($from | endswith(":ro")) }'
	done | jq -sr '".mounts = \(tojson)"'
}

# publish DIRECTORY VERSION KEY=VALUE...: what a kubelet does, so that readers see the old or the new, whole
publish() {
	local dir=$1 version=..$2 one old

	shift 2
	mkdir "$dir/$version"
	for one; do
		echo "${one#*=}" >"$dir/$version/${one%%=*}"
		[ -L "$dir/${one%%=*}" ] || ln -s "..data/${one%%=*}" "$dir/${one%%=*}"
	done
	old=$(readlink "$dir/..data" || true)
	ln -s "$version" "$dir/..data_tmp"
	mv -T "$dir/..data_tmp" "$dir/..data"
	[ -z "$old" ] || rm -r "${dir:?}/$old"
}

reads() {
	[ "$(in_container "$1" cat "$2")" = "$3" ]
}

@test "ConfigMap and Secret: the swap of ..data is seen inside, read only" {
	config=$(volume configmap settings)
	secret=$(volume secret token)
	mount -t tmpfs -o size=64k tmpfs "$secret"
	publish "$config" one color=red size=1
	publish "$secret" one key=hidden
	chmod 400 "$secret/..one/key"
	run_pod pod
	run_container pod main "$(mounts "/config=$config:ro" "/secret=$secret:ro")" sleep 600
	reads main /config/color red
	reads main /secret/key hidden
	[ "$(in_container main stat -L -c %a /secret/key)" = 400 ]
	publish "$config" two color=blue size=2
	publish "$secret" two key=other
	within 20 reads main /config/color blue
	reads main /config/size 2
	within 20 reads main /secret/key other
	run in_container main sh -c 'echo x >/config/..data/color'
	[ "$status" -ne 0 ]
	reads main /config/color blue
}

@test "projected: several sources in one directory, with modes" {
	all=$(volume projected all)
	publish "$all" one token=t namespace=default ca.crt=c
	chmod 440 "$all/..one/token"
	run_pod pod
	run_container pod main "$(mounts "/var/run/secrets/kubernetes.io/serviceaccount=$all:ro")" sleep 600
	[ "$(in_container main sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount && cat token namespace ca.crt' | paste -sd ' ')" = "t default c" ]
	[ "$(in_container main stat -L -c %a /var/run/secrets/kubernetes.io/serviceaccount/token)" = 440 ]
}

@test "emptyDir in memory: a tmpfs of the size asked for, common to the containers, with the group asked for" {
	cache=$(volume empty-dir cache)
	mount -t tmpfs -o size=16m tmpfs "$cache"
	chgrp 2000 "$cache"
	chmod 2777 "$cache"
	run_pod pod
	for name in one two; do
		run_container pod "$name" "$(mounts "/cache=$cache")" sleep 600
	done
	in_container one grep -q ' /cache tmpfs ' /proc/mounts
	[ "$(in_container one df -k /cache | awk 'NR == 2 { print $2 }')" = 16384 ]
	in_container one sh -c 'echo common >/cache/file'
	reads two /cache/file common
	[ "$(in_container one stat -c '%g %a' /cache)" = "2000 2777" ]
	run in_container two sh -c 'head -c 20m /dev/zero >/cache/big'
	[ "$status" -ne 0 ]
	[ "$HANDLER" = runc ] || [ -z "$(ls "$cache")" ] # the pod's memory, not the host's
	for name in one two; do
		stop_container "$name"
		remove_container "$name"
	done
	run_container pod three "$(mounts "/cache=$cache")" sleep 600
	reads three /cache/file common
}

@test "emptyDir on disk: common to the containers, outlives them" {
	data=$(volume empty-dir data)
	chmod 777 "$data"
	run_pod pod
	for name in one two; do
		run_container pod "$name" "$(mounts "/data=$data")" sleep 600
	done
	in_container one sh -c 'echo common >/data/file; mkfifo /data/pipe; ln -s file /data/link; chown 7:8 /data/file; chmod 604 /data/file'
	reads two /data/link common
	[ "$(in_container two stat -c '%u %g %a' /data/file)" = "7 8 604" ]
	in_container one sh -c 'head -c 1m /dev/urandom >/data/big'
	[ "$(in_container one sha256sum /data/big)" = "$(in_container two sha256sum /data/big)" ]
	stop_container one
	remove_container one
	run_container pod again "$(mounts "/data=$data")" sleep 600
	reads again /data/file common
}

@test "hostPath: a directory and a file, both ways; read only holds" {
	mkdir "$BATS_TEST_TMPDIR/host"
	echo one >"$BATS_TEST_TMPDIR/host/file"
	run_pod pod
	run_container pod main "$(mounts "/host=$BATS_TEST_TMPDIR/host" "/ro=$BATS_TEST_TMPDIR/host:ro" \
		"/etc/one=$BATS_TEST_TMPDIR/host/file")" sleep 600
	reads main /etc/one one
	in_container main sh -c 'echo two >/etc/one; echo made >/host/made'
	[ "$(cat "$BATS_TEST_TMPDIR/host/file" "$BATS_TEST_TMPDIR/host/made" | paste -sd ' ')" = "two made" ]
	echo three >"$BATS_TEST_TMPDIR/host/late"
	within 20 reads main /host/late three
	within 20 reads main /ro/late three
	run in_container main sh -c 'echo x >/ro/file'
	[ "$status" -ne 0 ]
	[[ "$output" == *"Read-only file system"* ]]
}

@test "hostPath that is not there is refused with its name, and nothing is left of the container" {
	run_pod pod
	run run_container pod main "$(mounts "/host=$BATS_TEST_TMPDIR/none")" true
	[ "$status" -ne 0 ] || [ -d "$BATS_TEST_TMPDIR/none" ] # containerd makes a directory
	run_container pod other . sleep 600
	container_is other RUNNING
}

@test "subPath: a directory and a file of a volume, each bound alone as a kubelet does" {
	data=$(volume empty-dir data)
	subpaths=$BATS_TEST_TMPDIR/pods/uid/volume-subpaths/data/main
	mkdir -p "$data/sub/deep" "$subpaths/0"
	echo inner >"$data/sub/deep/file"
	touch "$subpaths/1"
	mount --bind "$data/sub" "$subpaths/0"
	mount --bind "$data/sub/deep/file" "$subpaths/1"
	run_pod pod
	run_container pod main "$(mounts "/sub=$subpaths/0" "/file=$subpaths/1")" sleep 600
	reads main /sub/deep/file inner
	reads main /file inner
	in_container main sh -c 'echo changed >/sub/deep/file'
	[ "$(cat "$data/sub/deep/file")" = changed ]
	remove_pod pod
	umount "$subpaths/0" "$subpaths/1"
}

@test "a volume that is mounted on the host within a hostPath is seen with HostToContainer" {
	mkdir -p "$BATS_TEST_TMPDIR/host/inner"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/host/inner"
	echo deep >"$BATS_TEST_TMPDIR/host/inner/file"
	mount --make-rshared "$BATS_TEST_TMPDIR/host/inner"
	run_pod pod
	run_container pod main "$(mounts "/host=$BATS_TEST_TMPDIR/host")" sleep 600
	reads main /host/inner/file deep
	remove_pod pod
	umount "$BATS_TEST_TMPDIR/host/inner"
}

@test "hostPath that is a link: what it leads to" {
	mkdir "$BATS_TEST_TMPDIR/host"
	echo one >"$BATS_TEST_TMPDIR/host/file"
	ln -s host "$BATS_TEST_TMPDIR/link"
	run_pod pod
	run_container pod main "$(mounts "/host=$BATS_TEST_TMPDIR/link")" sleep 600
	reads main /host/file one
}

@test "mount propagation: all three kinds start; neither side sees what the other mounts later" {
	need_vm
	mkdir -p "$BATS_TEST_TMPDIR/host/inner" "$BATS_TEST_TMPDIR/host/mine"
	mount --bind "$BATS_TEST_TMPDIR/host" "$BATS_TEST_TMPDIR/host"
	mount --make-rshared "$BATS_TEST_TMPDIR/host"
	run_pod pod '.linux.security_context.privileged = true'
	for how in PRIVATE HOST_TO_CONTAINER BIDIRECTIONAL; do
		run_container pod "$how" "$(mounts "/host=$BATS_TEST_TMPDIR/host") | .mounts[0].propagation = \"PROPAGATION_$how\" |
			.linux.security_context.privileged = true" sleep 600
		in_container "$how" mount -t tmpfs none /host/mine
		in_container "$how" grep -q ' /host/mine tmpfs' /proc/mounts
	done
	run mountpoint -q "$BATS_TEST_TMPDIR/host/mine"
	[ "$status" -ne 0 ]
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/host/inner"
	touch "$BATS_TEST_TMPDIR/host/inner/late"
	[ -z "$(in_container HOST_TO_CONTAINER ls /host/inner)" ]
	umount "$BATS_TEST_TMPDIR/host/inner" # a machine that saw it would keep it busy
	remove_pod pod
	umount -R "$BATS_TEST_TMPDIR/host"
}

@test "a root file system that is read only, with volumes to write to" {
	data=$(volume empty-dir data)
	run_pod pod
	run_container pod main "$(mounts "/data=$data") | .linux.security_context.readonly_rootfs = true" sleep 600
	run in_container main touch /file
	[ "$status" -ne 0 ]
	[[ "$output" == *"Read-only file system"* ]]
	in_container main touch /data/file
	in_container main touch /dev/shm/file
}

@test "twenty volumes in one container" {
	local list=() i

	for i in $(seq 20); do
		publish "$(volume configmap "v$i")" one "key=$i"
		list+=("/v/$i=$VOLUMES/kubernetes.io~configmap/v$i:ro")
	done
	run_pod pod
	run_container pod main "$(mounts "${list[@]}")" sh -c 'cat /v/*/key | sort -n | paste -sd " "'
	ended main 0
	[ "$(said main)" = "$(seq 20 | paste -sd ' ')" ]
}
