#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time; $status is set by run
#
# Kinds of links and models with a real guest: what a host sends arrives unchanged, and the other way
# round; afterwards the pod's network namespace is as it was

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

setup_file() {
	vm_setup_file
	ip netns add first # makes the folder of all of them
	ip netns delete first
	mkdir "$FILE_DIR/www"
	head -c 8000000 /dev/urandom >"$FILE_DIR/www/data"
	sha256sum <"$FILE_DIR/www/data" >"$FILE_DIR/sum"
}

# The pod's namespace, and one outside with a web server.
setup() {
	vm_setup
	OUTSIDE=out-$ID
	for ns in "$ID" "$OUTSIDE"; do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
	done
	ip -n "$OUTSIDE" link add peer0 type veth peer name eth0 netns "$ID"
	outside addr add 10.77.0.1/24 dev peer0
	outside addr add fd77::1/64 dev peer0 nodad
	outside link set peer0 up
	ip netns exec "$OUTSIDE" /bin/busybox httpd -f -p 8080 -h "$FILE_DIR/www" 3>&- &
	server=$!
}

teardown() {
	kata delete --force "$ID" >/dev/null 2>&1 || true
	kill "$server"
	wait "$server" || true
	ip netns delete "$ID"
	ip netns delete "$OUTSIDE"
	vm_teardown
}

inside() {
	ip -n "$ID" "$@"
}

outside() {
	ip -n "$OUTSIDE" "$@"
}

# addresses LINK: the pod's, and up
addresses() {
	inside addr add 10.77.0.2/24 dev "$1"
	inside addr add fd77::2/64 dev "$1" nodad
	inside link set "$1" up
}

# config LINE...: for this test alone, added to [hypervisor.qemu]
config() {
	CONFIG=$BATS_TEST_TMPDIR/configuration.toml
	write_config "$CONFIG" "$@"
}

model() {
	printf '[runtime]\ninternetworking_model = "%s"\n' "$1" >>"$CONFIG"
}

# What is in the pod's namespace, but for counters and what comes and goes by itself.
pod_census() {
	inside -o link | sed 's/ state [A-Z]*//; s/<[^>]*>//; s/ qdisc [a-z]*//'
	inside -o addr show scope global
	tc -n "$ID" qdisc show | grep -v -e noqueue -e pfifo_fast -e ' mq ' || true
	tc -n "$ID" class show | grep htb || true
}

# in_pod PROGRAM [ARGUMENT...]: create, start
in_pod() {
	pod_census >"$BATS_TEST_TMPDIR/pod"
	bundle "$BUNDLE" "$FILE_DIR/rootfs" "$@"
	/usr/bin/python3 - "$BUNDLE/config.json" "/run/netns/$ID" <<-'END'
	import json, sys
	file, netns = sys.argv[1:]
	spec = json.load(open(file))
	spaces = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
	spec["linux"]["namespaces"] = spaces + [{"type": "network", "path": netns}]
	json.dump(spec, open(file, "w"))
	END
	kata create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	kata start "$ID"
}

in_guest() {
	kata exec "$ID" sh -c "$1" </dev/null
}

# Both ways, with both families.
data_is_whole() {
	[ "$(in_guest 'wget -q -O - http://10.77.0.1:8080/data | sha256sum')" = "$(cat "$FILE_DIR/sum")" ]
	[ "$(in_guest 'wget -q -O - http://[fd77::1]:8080/data | sha256sum')" = "$(cat "$FILE_DIR/sum")" ]
	in_guest 'mkdir -p /dev/shm/www && wget -q -O /dev/shm/www/data http://10.77.0.1:8080/data && httpd -p 80 -h /dev/shm/www'
	[ "$(ip netns exec "$OUTSIDE" /bin/busybox wget -q -O - http://10.77.0.2/data | sha256sum)" = "$(cat "$FILE_DIR/sum")" ]
	[ "$(ip netns exec "$OUTSIDE" /bin/busybox wget -q -O - 'http://[fd77::2]/data' | sha256sum)" = "$(cat "$FILE_DIR/sum")" ]
}

pod_is_as_before() {
	kata delete --force "$ID"
	pod_census | diff "$BATS_TEST_TMPDIR/pod" -
}

@test "a veth by tcfilter, with two queues" {
	config "default_vcpus = 2"
	addresses eth0
	in_pod sleep 600
	[ "$(inside -o link | grep -c 'tap[0-9]*_kata')" = 1 ]
	data_is_whole
	pod_is_as_before
}

@test "a veth by a macvtap, which leaves it its addresses" {
	config "default_vcpus = 2"
	model macvtap
	addresses eth0
	in_pod sleep 600
	inside -d -o link | grep 'tap[0-9]*_kata@eth0' | grep -q 'macvtap mode passthru'
	inside -o addr show dev eth0 | grep -q 10.77.0.2
	data_is_whole
	pod_is_as_before
}

@test "a veth with the largest MTU" {
	inside link set eth0 mtu 65520
	outside link set peer0 mtu 65520
	addresses eth0
	in_pod sleep 600
	in_guest 'cat /sys/class/net/eth0/mtu' | grep -qx 65520
	data_is_whole
	pod_is_as_before
}

@test "a macvlan" {
	inside link delete eth0 # with its peer
	ip -n "$OUTSIDE" link add under type veth peer name peer0
	outside link set under up
	outside addr add 10.77.0.1/24 dev peer0
	outside addr add fd77::1/64 dev peer0 nodad
	outside link set peer0 up
	outside link add link under name mv0 type macvlan mode bridge
	outside link set mv0 netns "$ID"
	inside link set mv0 name eth0
	addresses eth0
	in_pod sleep 600
	data_is_whole
	pod_is_as_before
}

@test "no link is faster than its limits" {
	config "rx_rate_limiter_max_rate = 20000000" "tx_rate_limiter_max_rate = 20000000"
	addresses eth0
	in_pod sleep 600
	# 8 MB at 20 Mbit/s take 3.2 s
	for way in "in_guest 'wget -q -O /dev/shm/data http://10.77.0.1:8080/data'" \
		"in_guest 'httpd -p 80 -h /dev/shm'; ip netns exec $OUTSIDE /bin/busybox wget -q -O /dev/null http://10.77.0.2/data"; do
		began=$(date +%s%N)
		eval "$way"
		took=$((($(date +%s%N) - began) / 1000000))
		echo "$way: $took ms"
		[ "$took" -ge 3000 ]
		[ "$took" -lt 12000 ]
	done
	pod_is_as_before
}

@test "a macvtap is limited as well" {
	config "rx_rate_limiter_max_rate = 20000000" "tx_rate_limiter_max_rate = 20000000"
	model macvtap
	addresses eth0
	in_pod sleep 600
	began=$(date +%s%N)
	in_guest 'wget -q -O /dev/shm/data http://10.77.0.1:8080/data; httpd -p 80 -h /dev/shm'
	[ $((($(date +%s%N) - began) / 1000000)) -ge 3000 ]
	began=$(date +%s%N)
	ip netns exec "$OUTSIDE" /bin/busybox wget -q -O /dev/null http://10.77.0.2/data
	[ $((($(date +%s%N) - began) / 1000000)) -ge 3000 ]
	pod_is_as_before
}

@test "what has no Ethernet frames is refused before the machine starts, by name and kind" {
	addresses eth0
	ip netns exec "$ID" ip tuntap add dev wire0 mode tun
	inside link set wire0 up
	run in_pod sleep 600
	[ "$status" -ne 0 ]
	cat "$BATS_TEST_TMPDIR/err"
	grep -q "network interface 'wire0': kind 'tun' is not supported: it has no Ethernet frames" "$BATS_TEST_TMPDIR/err"
	[ -z "$(sandbox_pids "$ID")" ]
	pod_is_as_before
}

@test "the model none leaves the pod's links alone" {
	config
	model none
	addresses eth0
	in_pod sleep 600
	[ "$(in_guest 'ls /sys/class/net')" = lo ]
	pod_census | diff "$BATS_TEST_TMPDIR/pod" -
}

# kill MODEL: the supervisor, by a signal that it cannot see
killed_supervisor() {
	config "rx_rate_limiter_max_rate = 20000000" "tx_rate_limiter_max_rate = 20000000"
	model "$1"
	addresses eth0
	in_pod sleep 600
	run ! diff <(pod_census) "$BATS_TEST_TMPDIR/pod"
	kill -9 "$(process_of "$ID" kata-proxy)"
	pod_is_as_before
}

@test "what a killed supervisor left is taken back: tcfilter" {
	killed_supervisor tcfilter
}

@test "what a killed supervisor left is taken back: macvtap and ifb" {
	killed_supervisor macvtap
}
