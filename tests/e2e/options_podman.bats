#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# The options of `podman run` that no other test has: one row of docs/support.md each

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

PARENT=/options # a group of this test's own
DISK=$(awk 'NR > 2 { print "/dev/" $4; exit }' /proc/partitions)
# A profile that is known by an error that nobody else makes: ENOANO.
PROFILE='{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chroot"],"action":"SCMP_ACT_ERRNO","errnoRet":55}]}'

# An image with a volume and a profile of its own; and one whose root nobody may write and that lacks every mount point.
make_images() {
	podman create --name base --network none busybox true >/dev/null
	podman commit -q -c 'VOLUME /iv' -c "LABEL io.containers.seccomp.profile=$PROFILE" base special >/dev/null
	podman tag busybox once
	mkdir "$E2E_DIR/strict"
	cp -r "$E2E_DIR/rootfs/bin" "$E2E_DIR/rootfs/etc" "$E2E_DIR/strict/"
	mkdir -m 0700 "$E2E_DIR/strict/closed"
	chown 5:5 "$E2E_DIR/strict/closed"
	chmod 0555 "$E2E_DIR/strict"
	tar -C "$E2E_DIR/strict" -c . | podman import - strict >/dev/null 2>&1
}

setup_file() {
	podman_setup
	mkdir "$E2E_DIR/v" "$E2E_DIR/low"
	echo data >"$E2E_DIR/v/f"
	echo low >"$E2E_DIR/low/f"
	echo A=from-file >"$E2E_DIR/env"
	echo label.of=file >"$E2E_DIR/labels"
	echo '{}' >"$E2E_DIR/auth.json"
	echo containers:1000000:1000000 | tee -a /etc/subuid >>/etc/subgid
	echo mapped:3000000:70000 | tee -a /etc/subuid >>/etc/subgid
	make_images
	podman create --name donor --network none -v "$E2E_DIR/v:/given" busybox true >/dev/null
	podman create --name many busybox true >/dev/null # to be replaced
	# One container for all that may be asked for together: a start costs seconds.
	podman run -d --name many --replace --quiet --pull never --arch amd64 --os linux --disable-content-trust \
		--authfile "$E2E_DIR/auth.json" --tls-verify=false --cidfile "$E2E_DIR/cid" --label one=1 \
		--label-file "$E2E_DIR/labels" --env-file "$E2E_DIR/env" --init --init-path "$(command -v catatonit)" \
		--sdnotify ignore --systemd false --no-hosts --chrootdirs /elsewhere --passwd-entry 'named:x:77:0::/:/bin/sh' \
		--user 77 --volumes-from donor:ro --image-volume tmpfs --seccomp-policy image \
		--mount type=devpts,dst=/pts -v "$E2E_DIR/low:/o:O" --mount type=image,src=busybox,dst=/image \
		--mount type=image,src=busybox,dst=/image.rw,rw=true --cap-add mknod --device-cgroup-rule 'c 10:* rwm' \
		--cgroups no-conmon --cgroup-parent "$PARENT" --cpuset-cpus 0 --cpuset-mems 0 --cpu-shares 300 \
		--device-read-bps "$DISK:5mb" --device-write-bps "$DISK:6mb" --device-read-iops "$DISK:700" \
		--device-write-iops "$DISK:800" --blkio-weight 100 --kernel-memory 60m --userns host \
		--expose 90 --publish 127.0.0.1:8090:90 --publish-all --ip 10.88.0.9 --mac-address 92:d0:c6:0a:29:33 \
		--network-alias other --health-cmd 'exit 1' --health-retries 1 --health-on-failure kill \
		--health-interval disable special sleep 3600 >/dev/null
	"$CENSUS" save "$E2E_DIR/census"
}

teardown_file() {
	podman_teardown
}

inside() {
	podman exec --user 0 many "$@"
}

# The host's group of the container in one hierarchy.
group_of_many() {
	echo "/sys/fs/cgroup/$1$(sed -n "s/^[0-9]*:$1://p" "/proc/$(podman inspect -f '{{.State.Pid}}' many)/cgroup")"
}

# What the kernel lets every thread of the machine run on.
allowed_cpus() {
	local pid

	while read -r pid; do
		sed -n 's/^Cpus_allowed_list:\t//p' /proc/"$pid"/task/*/status
	done <"$(group_of_many cpuset)/cgroup.procs" | sort -u
}

refused() { # STATUS OPTION...
	local want=$1

	shift
	run run_podman --rm "$@" busybox true
	echo "$output"
	[ "$status" -eq "$want" ]
}

@test "the client's own: cidfile, labels, env-file, replace, quiet, pull, arch, os, authfile" {
	[ "$(cat "$E2E_DIR/cid")" = "$(podman inspect -f '{{.Id}}' many)" ]
	[ "$(podman inspect -f '{{index .Config.Labels "one"}} {{index .Config.Labels "label.of"}}' many)" = "1 file" ]
	[ "$(inside sh -c 'echo $A')" = from-file ]
}

@test "init-path, chrootdirs, sdnotify ignore, systemd false: it runs, under that init" {
	[ "$(inside cat /proc/1/comm)" = podman-init ]
	run ! inside grep -q ' /run tmpfs' /proc/mounts
}

@test "passwd-entry, no-hosts" {
	[ "$(podman exec many whoami)" = named ]
	run inside cat /etc/hosts
	[ "$status" -ne 0 ] || [ -z "$output" ]
}

@test "volumes-from, image-volume: another container's volumes, read only; a tmpfs" {
	[ "$(inside cat /given/f)" = data ]
	run inside touch /given/x
	[[ "$output" == *"Read-only file system"* ]]
	inside grep ' /iv tmpfs' /proc/mounts
}

@test "overlay volumes and images: written inside, unchanged outside; an image is read only unless asked" {
	[ "$(inside cat /o/f)" = low ]
	inside sh -c 'echo new >/o/f; echo more >/o/g; cat /o/f' | grep -qx new
	[ "$(ls "$E2E_DIR/low")" = f ]
	[ "$(cat "$E2E_DIR/low/f")" = low ]
	inside test -x /image/bin/busybox
	run inside touch /image/x
	[[ "$output" == *"Read-only file system"* ]]
	inside touch /image.rw/x
	inside grep ' /pts devpts' /proc/mounts
	run podman cp "$E2E_DIR/env" many:/o/h
	[ "$status" -ne 0 ]
	[[ "$output" == *"read-only file system"* ]]
	refused 125 --mount 'type=glob,src=/etc/h*,dst=/g'
	[[ "$output" == *'invalid filesystem type "glob"'* ]]
}

@test "seccomp-policy: the image's own profile is in force" {
	run inside chroot / true
	[[ "$output" == *"No anode"* ]]
}

@test "device-cgroup-rule: every minor of a major is followed; every device is refused by name" {
	inside sh -c 'mknod /tmp/fuse c 10 229; mknod /tmp/tty c 4 64'
	[ "$(inside sh -c 'exec 3</tmp/fuse && echo opened')" = opened ]
	run inside sh -c 'exec 3</tmp/tty && echo opened'
	[[ "$output" == *"not permitted"* ]]
	refused 126 --device-cgroup-rule 'c *:* rwm'
	[[ "$output" == *"device rule 'c *:* rwm': it would cover the virtual machine's own devices"* ]]
}

@test "cgroup-parent, cpuset-cpus, cpuset-mems, cpu-shares: the whole machine obeys, also after an update" {
	[[ "$(group_of_many memory)" == /sys/fs/cgroup/memory"$PARENT"/libpod-* ]]
	[ "$(allowed_cpus)" = 0 ]
	[ "$(cat "$(group_of_many cpuset)/cpuset.mems")" = 0 ]
	[ "$(cat "$(group_of_many cpu)/cpu.shares")" = 300 ]
	[ "$(nproc)" -gt 1 ] || skip "one CPU"
	podman update --cpuset-cpus 1 --cpu-shares 500 many >/dev/null
	[ "$(allowed_cpus)" = 1 ]
	[ "$(cat "$(group_of_many cpu)/cpu.shares")" = 500 ]
}

@test "device-read-bps, device-write-bps, device-read-iops, device-write-iops: the host's group has them" {
	throttle() { cut -d ' ' -f 2 "$(group_of_many blkio)/blkio.throttle.$1_device"; }
	[ "$(throttle read_bps) $(throttle write_bps) $(throttle read_iops) $(throttle write_iops)" = "5242880 6291456 700 800" ]
}

@test "blkio-weight-device: obeyed, or refused by its name where the host has no such limit" {
	run run_podman --rm --blkio-weight-device "$DISK:100" busybox true
	[ "$status" -eq 0 ] || [[ "$output" == *"limit host cgroup"*weight_device* ]]
}

@test "published ports, addresses and aliases are taken" {
	[ "$(podman inspect -f '{{.State.Running}}' many)" = true ]
	[[ "$(podman port many)" == *"90/tcp -> 127.0.0.1:8090"* ]]
}

@test "health-on-failure: a failing check kills the container" {
	run podman healthcheck run many
	[ "$status" -eq 1 ]
	[ "$(podman wait many)" = 137 ]
	podman rm many >/dev/null
}

@test "userns auto: the root of the namespace is root over the image, others are not" {
	run run_podman --rm --userns auto -v "$E2E_DIR/v:/a/b/c" -v "$E2E_DIR/v/f:/a/file" strict sh -c '
		read -r inside outside size </proc/self/uid_map; echo $inside $outside; touch /x /closed/x; ls -ln /x /closed/x
		cat /a/file; cp /bin/busybox /su; chmod 6755 /su; ls -l /su; stat -c %u /a /proc'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "0 1000000" ]
	[ "$(grep -cE '^-rw-r--r-- +1 0 +0 ' <<<"$output")" -eq 2 ]
	[[ "$output" == *data* ]]
	[[ "$output" == *-rwsr-sr-x* ]]
	[ "${lines[-2]}" = 0 ]
}

@test "userns auto of a pod: its containers are refused with the reason" {
	podman pod create --name mapped --network none --userns auto >/dev/null
	run podman run --rm --pod mapped busybox true
	[ "$status" -eq 126 ]
	[[ "$output" == *"started in another mount namespace, where it is not mounted (podman: a pod with --userns)"* ]]
	# podman's own cleanup of the container that failed may still be at it.
	within 20 podman pod rm -f -t 0 mapped
}

@test "uidmap, gidmap, passwd: a user that is mapped, kept out of what is not his" {
	run run_podman --rm --uidmap 0:200000:1000 --gidmap 0:300000:1000 --sdnotify conmon --passwd=false --user 5:6 strict sh -c '
		paste -s /proc/self/uid_map /proc/self/gid_map | tr -s " \t" " "; id -u; id -g; touch /closed/own; ls -ln /closed
		touch /x 2>&1; grep -c ":5:" /etc/passwd'
	echo "$output"
	[ "${lines[0]}" = " 0 200000 1000" ]
	[ "${lines[1]}" = " 0 300000 1000" ]
	[ "${lines[2]} ${lines[3]}" = "5 6" ]
	[[ "$output" == *"1 5"*own* ]]
	[[ "$output" == *"touch: /x: Permission denied"* ]]
	[ "${lines[-1]}" = 0 ]
}

@test "subuidname, subgidname; keep-id and nomap are refused by podman" {
	[ "$(run_podman --rm --subuidname mapped --subgidname mapped busybox sh -c 'tr -s " " </proc/self/uid_map')" = " 0 3000000 70000" ]
	refused 125 --userns keep-id
	[[ "$output" == *"only supported in rootless mode"* ]]
	refused 125 --userns nomap
	[[ "$output" == *"only supported in rootless mode"* ]]
}

@test "memory: an OOM kill is seen by inspect, another end is none" {
	run run_podman --name hungry --memory 32m --memory-swap 32m busybox sh -c 'x=a; while :; do x=$x$x$x; done'
	[ "$status" -eq 137 ]
	[ "$(podman inspect -f '{{.State.OOMKilled}}' hungry)" = true ]
	[ "$(podman inspect -f '{{.State.OOMKilled}}' donor)" = false ]
	podman rm hungry >/dev/null
}

@test "systemd always: groups to write, tmpfs where systemd wants them; image-volume ignore; hostuser; sdnotify container" {
	export NOTIFY_SOCKET=/run/nobody-listens
	run --separate-stderr run_podman --rm --systemd always --image-volume ignore --hostuser nobody --sdnotify container \
		special sh -c '
			mkdir /sys/fs/cgroup/sub && echo made; grep -c -E " (/run|/tmp|/var/log/journal) tmpfs" /proc/mounts
			grep -c " /iv " /proc/mounts; grep -c ^nobody: /etc/passwd; echo $NOTIFY_SOCKET'
	unset NOTIFY_SOCKET
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "made 3 0 1 /run/notify/notify.sock" ]
}

@test "rootfs, timeout: a directory of the host; podman ends it" {
	cp -r "$E2E_DIR/rootfs" "$E2E_DIR/root"
	run podman run --network none --name timed --timeout 20 --rootfs "$E2E_DIR/root" sh -c 'uname -r >/made; echo up; exec sleep 600'
	[ "$status" -ne 0 ]
	[[ "$output" == up* ]]
	[ "$(cat "$E2E_DIR/root/made")" != "$(uname -r)" ]
	podman rm timed >/dev/null
	[ "$(podman run --rm --network none --rootfs "$E2E_DIR/root:O" sh -c 'echo over >/made; cat /made')" = over ]
	[ "$(cat "$E2E_DIR/root/made")" != over ]
}

@test "rmi: the image goes with its container" {
	run_podman --rm --rmi once true
	run podman image exists once
	[ "$status" -eq 1 ]
}

@test "preserve-fds is refused by name" {
	mapfile -t words < <(podman_words)
	run "${words[@]}" run --rm --network none --preserve-fds 1 busybox true 3</dev/null
	[ "$status" -eq 126 ]
	[[ "$output" == *"flag '--preserve-fds 1': descriptors cannot be passed into a virtual machine"* ]]
}

@test "cpu-rt-runtime, cpu-rt-period are refused by name" {
	refused 126 --cpu-rt-runtime 1000
	[[ "$output" == *"set realtime runtime and period: cgroup v2 has no such limit"* ]]
}

@test "what podman itself refuses reaches its user: cgroups, cgroup-conf" {
	refused 125 --cgroups disabled
	[[ "$output" == *"not compatible with NoCgroups"* ]]
	if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
		refused 125 --cgroup-conf memory.high=100000000
		[[ "$output" == *"cannot use --cgroup-conf without cgroup v2"* ]]
	fi
}

@test "last of all: nothing is left" {
	podman rm -fa -t 0 >/dev/null
	rmdir /sys/fs/cgroup/*"$PARENT"{/conmon,} 2>/dev/null || true # the parent stays when its containers go, with runc too
	podman_census
}
