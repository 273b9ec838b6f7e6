#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time; $status is set by run
#
# Names that a server on a loopback address of the pod's network namespace knows, asked in the guest

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

setup_file() {
	vm_setup_file
	ip netns add first # makes the folder of all of them
	ip netns delete first
	cp "$BUILD_DIR/tests/tools/dns_probe" "$FILE_DIR/rootfs/bin/"
}

setup() {
	vm_setup
	ip netns add "$ID"
	ip -n "$ID" link set lo up
	echo "nameserver 127.0.0.11" >"$BATS_TEST_TMPDIR/resolv.conf"
}

teardown() {
	stop_server
	kata delete --force "$ID" >/dev/null 2>&1 || true
	ip netns delete "$ID"
	vm_teardown
}

# serve ADDRESS: a name server in the pod's namespace; what it was asked goes to asked.
serve() {
	mkfifo "$BATS_TEST_TMPDIR/stop"
	ip netns exec "$ID" "$SOURCE_DIR/tests/tools/dns_server" "$1" web.example=10.1.2.3 \
		<"$BATS_TEST_TMPDIR/stop" >"$BATS_TEST_TMPDIR/asked" 3>&- &
	exec 7>"$BATS_TEST_TMPDIR/stop"
	within 30 grep -q ready "$BATS_TEST_TMPDIR/asked"
}

stop_server() {
	[ ! -e "$BATS_TEST_TMPDIR/stop" ] || exec 7>&-
	wait
	rm -f "$BATS_TEST_TMPDIR/stop"
}

# in_pod PROGRAM [ARGUMENT...]: the bundle of a container in the pod's namespace, with its resolv.conf.
in_pod() {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" "$@"
	/usr/bin/python3 - "$BUNDLE/config.json" "/run/netns/$ID" "$BATS_TEST_TMPDIR/resolv.conf" <<-'END'
	import json, sys
	file, netns, conf = sys.argv[1:]
	spec = json.load(open(file))
	spaces = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
	spec["linux"]["namespaces"] = spaces + [{"type": "network", "path": netns}]
	spec["mounts"].append({"destination": "/etc/resolv.conf", "type": "bind", "source": conf, "options": ["rbind", "rw"]})
	json.dump(spec, open(file, "w"))
	END
}

start_in_pod() {
	in_pod "$@"
	kata create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	kata start "$ID"
}

@test "a name is found in every way of asking, while the container has port 53 for itself" {
	serve 127.0.0.11
	start_in_pod sleep 600
	run kata exec "$ID" nslookup web.example </dev/null
	[[ $output == *"Address: 10.1.2.3"* ]]
	run kata exec "$ID" dns_probe 127.0.0.11 web.example </dev/null
	echo "$output"
	[ "${lines[0]}" = "port 53 udp: mine" ]
	[ "${lines[1]}" = "port 53 tcp: mine" ]
	[[ ${lines[2]} == "connected: from 127.0.0.11:53 code 0 answers 1 "* ]]
	[[ ${lines[3]} == "unconnected: from 127.0.0.11:53 code 0 answers 1 "* ]]
	[[ ${lines[4]} == "connected v6: from ::ffff:127.0.0.11:53 code 0 answers 1 "* ]]
	[[ ${lines[5]} == "unconnected v6: from ::ffff:127.0.0.11:53 code 0 answers 1 "* ]]
	[ "${lines[6]}" = "tcp: 2 answers, the last with 1 of 45 bytes" ]
	[ "$(grep -c '^udp A web.example$' "$BATS_TEST_TMPDIR/asked")" = 5 ]
	[ "$(grep -c '^tcp A web.example$' "$BATS_TEST_TMPDIR/asked")" = 2 ]
	run kata exec "$ID" nslookup nobody.example </dev/null
	[[ $output == *NXDOMAIN* ]]
}

@test "an answer of 64 KB comes over TCP, and forty queries on one connection are all answered" {
	serve 127.0.0.11
	in_pod dns_probe 127.0.0.11 big4000 40
	run kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output"
	[ "${lines[6]}" = "tcp: 40 answers, the last with 4000 of 64025 bytes" ]
}

@test "where nobody listens the answer is a failure, at once" {
	in_pod dns_probe 127.0.0.11 web.example
	run kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output"
	[[ ${lines[2]} == "connected: from 127.0.0.11:53 code 2 answers 0 "* ]]
	[ "${lines[6]}" = "tcp: 2 answers, the last with 0 of 29 bytes" ]
}

@test "resolv.conf is followed: a network that is connected later brings its names, and takes them along" {
	echo "nameserver 10.9.9.9" >"$BATS_TEST_TMPDIR/resolv.conf"
	serve 127.0.0.11
	start_in_pod sleep 600
	change_network() { ip -n "$ID" address add 127.9.9.9 dev lo && ip -n "$ID" address delete 127.9.9.9/32 dev lo; }
	is_found() { kata exec "$ID" dns_probe 127.0.0.11 web.example </dev/null | grep -q "^connected: .*code 0 answers 1 "; }
	run -1 is_found
	echo "nameserver 127.0.0.11" >"$BATS_TEST_TMPDIR/resolv.conf"
	change_network
	within 30 is_found
	echo "nameserver 10.9.9.9" >"$BATS_TEST_TMPDIR/resolv.conf"
	change_network
	within 30 eval '! is_found'
}

@test "a server on another loopback address is asked when it is there; else the address is the guest's own" {
	echo "nameserver 127.0.0.1" >"$BATS_TEST_TMPDIR/resolv.conf"
	in_pod dns_probe 127.0.0.1 web.example
	run kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output"
	[ "${lines[2]}" = "connected: Resource temporarily unavailable" ] # the container's own socket, which never answers
	serve 127.0.0.1
	run kata run --bundle "$BUNDLE" "$ID" </dev/null
	echo "$output"
	[[ ${lines[2]} == "connected: from 127.0.0.1:53 code 0 answers 1 "* ]]
}
