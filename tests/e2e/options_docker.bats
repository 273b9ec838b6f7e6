#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# The options of `docker run` that no other test has: one row of docs/support.md each

source "$BATS_TEST_DIRNAME/lib.bash"

PARENT=/options # a group of this test's own
DISK=$(awk 'NR > 2 { print "/dev/" $4; exit }' /proc/partitions)

setup_file() {
	docker_setup
	mkdir "$E2E_DIR/v"
	echo data >"$E2E_DIR/v/f"
	echo A=from-file >"$E2E_DIR/env"
	echo label.of=file >"$E2E_DIR/labels"
	docker network create --ipv6 --subnet 10.77.0.0/24 --subnet fd77::/64 wire >/dev/null
	docker create --name donor --runtime kata-runtime --network none -v "$E2E_DIR/v:/given" busybox true >/dev/null
	# One container for all that may be asked for together: a start costs seconds.
	docker run -d --name many --runtime kata-runtime --pull never --platform linux/amd64 --disable-content-trust \
		--cidfile "$E2E_DIR/cid" --label one=1 --label-file "$E2E_DIR/labels" --env-file "$E2E_DIR/env" \
		--hostname inside --domainname dom.example --volumes-from donor:ro --volume-driver local -v vol:/vol \
		--device-cgroup-rule 'c 10:* rwm' --cgroup-parent "$PARENT" --cpuset-cpus 0 --cpuset-mems 0 \
		--cpu-shares 300 --device-read-bps "$DISK:5mb" --device-write-bps "$DISK:6mb" \
		--device-read-iops "$DISK:700" --device-write-iops "$DISK:800" --blkio-weight 100 --kernel-memory 60m \
		--isolation default --userns host --network wire --ip 10.77.0.9 --ip6 fd77::9 --mac-address 92:d0:c6:0a:29:33 \
		--network-alias other --link-local-ip 169.254.3.3 --expose 90 --publish 127.0.0.1:8090:90 \
		--publish-all busybox sleep 3600 >/dev/null
}

teardown_file() {
	docker_teardown
}

inside() {
	docker exec many "$@"
}

# The host's group of the container in one hierarchy.
group_of_many() {
	echo "/sys/fs/cgroup/$1$PARENT/$(docker inspect -f '{{.Id}}' many)"
}

# What the kernel lets every thread of the machine run on.
allowed_cpus() {
	local pid

	while read -r pid; do
		sed -n 's/^Cpus_allowed_list:\t//p' /proc/"$pid"/task/*/status
	done <"$(group_of_many cpuset)/cgroup.procs" | sort -u
}

refused() {
	run run_kata --rm "$@" busybox true
	echo "$output"
	[ "$status" -eq 125 ]
}

@test "the client's own: cidfile, labels, env-file, pull, platform, disable-content-trust" {
	[ "$(cat "$E2E_DIR/cid")" = "$(docker inspect -f '{{.Id}}' many)" ]
	[ "$(docker inspect -f '{{index .Config.Labels "one"}} {{index .Config.Labels "label.of"}}' many)" = "1 file" ]
	[ "$(inside sh -c 'echo $A')" = from-file ]
}

@test "domainname" {
	[ "$(inside cat /proc/sys/kernel/domainname)" = dom.example ]
	[ "$(inside hostname)" = inside ]
}

@test "volumes-from, volume-driver: another container's volumes, read only; a driver's directory" {
	[ "$(inside cat /given/f)" = data ]
	run inside touch /given/x
	[[ "$output" == *"Read-only file system"* ]]
	inside sh -c 'echo kept >/vol/x'
	[ "$(cat "$(docker volume inspect -f '{{.Mountpoint}}' vol)/x")" = kept ]
}

@test "device-cgroup-rule: every minor of a major is followed; every device is refused by name" {
	inside sh -c 'mknod /tmp/fuse c 10 229; mknod /tmp/tty c 4 64'
	run inside sh -c 'exec 3</tmp/fuse && echo opened'
	[ "$output" = opened ]
	run inside sh -c 'exec 3</tmp/tty && echo opened'
	[[ "$output" == *"not permitted"* ]]
	refused --device-cgroup-rule 'c *:* rwm'
	[[ "$output" == *"device rule 'c *:* rwm': it would cover the virtual machine's own devices; name a major number"* ]]
}

@test "cgroup-parent: the machine is below it" {
	grep -q "^$(pgrep -f '^[^ ]*qemu-system-x86_64')\$" "$(group_of_many memory)/cgroup.procs"
}

@test "cpuset-cpus, cpuset-mems, cpu-shares: the whole machine obeys, also after an update" {
	[ "$(allowed_cpus)" = 0 ]
	[ "$(cat "$(group_of_many cpuset)/cpuset.mems")" = 0 ]
	[ "$(cat "$(group_of_many cpu)/cpu.shares")" = 300 ]
	[ "$(inside cat /sys/fs/cgroup/cpu.weight)" = 12 ]
	[ "$(nproc)" -gt 1 ] || skip "one CPU"
	docker update --cpuset-cpus 1 --cpu-shares 500 many >/dev/null
	[ "$(allowed_cpus)" = 1 ]
	[ "$(cat "$(group_of_many cpu)/cpu.shares")" = 500 ]
}

@test "device-read-bps, device-write-bps, device-read-iops, device-write-iops: the host's group has them" {
	throttle() { cut -d ' ' -f 2 "$(group_of_many blkio)/blkio.throttle.$1_device"; }
	[ "$(throttle read_bps) $(throttle write_bps) $(throttle read_iops) $(throttle write_iops)" = "5242880 6291456 700 800" ]
}

@test "stats: a load in the guest is seen on the host; top takes the options of ps" {
	docker exec -d many sh -c 'while :; do :; done'
	# An idle guest takes one or two per cent; how much a busy one gets is the host's affair.
	busy() { [ "$(docker stats --no-stream --format '{{.CPUPerc}}' many | cut -d . -f 1)" -ge 10 ]; }
	within 30 busy
	run docker top many -o pid,comm
	[[ "${lines[1]}" =~ ^[0-9]+\ +kata-shim$ ]]
	[ "${#lines[@]}" -eq 2 ]
	[[ "$(docker exec many ps -o pid,args)" == *"sleep 3600"* ]]
}

@test "published ports, addresses, aliases and links are taken" {
	[ "$(docker inspect -f '{{.State.Running}} {{.NetworkSettings.Networks.wire.IPAddress}}' many)" = "true 10.77.0.9" ]
	docker run --rm --runtime kata-runtime --network wire --link many:peer busybox true
}

@test "what docker itself refuses reaches its user: isolation, storage-opt, gpus, userns" {
	refused --isolation hyperv
	[[ "$output" == *"Invalid isolation"* ]]
	refused --storage-opt size=1g
	[[ "$output" == *"--storage-opt is supported only"* ]]
	refused --userns remapped
	[[ "$output" == *"invalid USER mode"* ]]
	refused --gpus all
	[[ "$output" == *"could not select device driver"* ]]
}

@test "cpu-rt-runtime, cpu-rt-period are refused by name" {
	refused --cpu-rt-runtime 1000
	[[ "$output" == *"set realtime runtime and period: cgroup v2 has no such limit"* ]]
}

@test "last of all: nothing is left" {
	docker ps -aq | xargs docker rm -f >/dev/null
	docker volume rm vol >/dev/null
	docker network rm wire >/dev/null
	rmdir /sys/fs/cgroup/*"$PARENT" # it stays when its containers go, with runc too
	assert_census
}
