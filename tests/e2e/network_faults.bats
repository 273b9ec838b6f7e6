#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # network.bash is found at run time; $ in quotes is the guest's
#
# What is done to the network under a running container, with docker: the guest follows, the container lives

source "$BATS_TEST_DIRNAME/network.bash"

setup_file() {
	network_docker_setup
	start victim
}

teardown_file() {
	network_docker_teardown
}

address() {
	of "${1:-victim}" bridge IPAddress
}

# The end of the container's pair that is in the daemon's bridge.
host_end() {
	local index

	index=$(in_netns victim ip -o link show eth0 | sed 's/.*eth0@if\([0-9]*\):.*/\1/')
	ip -o link | awk -F'[:@ ]+' -v wanted="$index" '$1 == wanted { print $2 }'
}

# start_load BYTES: from the host, in the background
start_load() {
	before=$(received)
	"$NET_PEER" tcp "$(address)" "$PORT" "$1" 2>"$BATS_TEST_TMPDIR/load" 3>&- &
	load=$!
	within 20 is_moving
}

received() {
	cat "/sys/class/net/$(host_end)/statistics/rx_bytes"
}

is_moving() {
	[ "$(received)" -gt $((before + 10000000)) ]
}

has_mtu() {
	[ "$(inside victim cat /sys/class/net/eth0/mtu)" = "$1" ]
}

has_carrier() {
	[ "$(inside victim cat /sys/class/net/eth0/carrier 2>/dev/null || echo 0)" = "$1" ]
}

has_route() {
	inside victim ip route | grep -q "^$1"
}

has_no_route() {
	! has_route "$@"
}

@test "an address, a route and a neighbour that the host adds and takes away" {
	in_netns victim ip addr add 172.17.99.9/16 dev eth0
	within 30 has_addresses victim eth0 "$(printf '%s/16\n' "$(address)" 172.17.99.9 | sort | paste -sd ' ')"
	"$NET_PEER" tcp 172.17.99.9 "$PORT" 1000000
	in_netns victim ip route add 192.0.2.0/24 via 172.17.0.1
	within 30 has_route '192.0.2.0/24 via 172.17.0.1 dev eth0'
	in_netns victim ip neigh replace 172.17.44.44 lladdr 02:00:00:00:00:44 nud permanent dev eth0
	has_neighbour() { inside victim ip neigh | grep -q '^172.17.44.44 dev eth0 lladdr 02:00:00:00:00:44 .*PERMANENT'; }
	within 30 has_neighbour
	in_netns victim ip route del 192.0.2.0/24
	in_netns victim ip addr del 172.17.99.9/16 dev eth0
	within 30 has_no_route 192.0.2.0/24
	within 30 has_addresses victim eth0 "$(address)/16"
	host_asks "$(address)"
}

@test "an MTU that the host changes" {
	end=$(host_end)
	for mtu in 1300 9000 1500; do
		ip link set "$end" mtu "$mtu"
		in_netns victim ip link set eth0 mtu "$mtu"
		within 30 has_mtu "$mtu"
		"$NET_PEER" tcp "$(address)" "$PORT" 1000000
		"$NET_PEER" udp "$(address)" "$PORT" 5 20000 # fragments
	done
}

@test "the host's end goes down and up: no carrier, and the same connection goes on" {
	start_load 300000000
	end=$(host_end)
	ip link set "$end" down
	[ "$NETWORK_RUNTIME" != kata-runtime ] || within 30 has_carrier 0
	ip link set "$end" up
	within 30 has_carrier 1
	wait "$load"
	asks victim 172.17.0.1
}

@test "the link in the namespace goes down and up, without its routes as everywhere" {
	in_netns victim ip link set eth0 down
	within 30 has_no_route default
	in_netns victim ip link set eth0 up
	within 30 host_asks "$(address)"
	in_netns victim ip route add default via 172.17.0.1
	within 30 has_route 'default via 172.17.0.1 dev eth0'
}

@test "a tap that is deleted under load is made anew, and the same connection goes on" {
	needs_vm
	start_load 300000000
	tap=$(in_netns victim ip -o link | grep -o 'tap[0-9]*_kata')
	in_netns victim ip link del "$tap"
	wait "$load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
	# On a fast machine the connection may have ended before the tap did.
	within 30 has_addresses victim eth0 "$(address)/16"
	within 30 has_route 'default via 172.17.0.1 dev eth0'
	host_asks "$(address)"
}

@test "a veth that is deleted under load: the interface goes, the container lives and can be removed" {
	start_load 2000000000
	ip link del "$(host_end)"
	within 30 has_no_link victim eth0
	[ "$(inside victim echo alive)" = alive ]
	asks victim 127.0.0.1
	kill "$load" 2>/dev/null || true # it may have given up
	docker network disconnect bridge victim || true # it may not find what it made
	docker rm -f victim >/dev/null
}

@test "kill -9 of the supervisor, then rm -f: no tap, qdisc, namespace or rule is left" {
	needs_vm
	start orphan -p 8099:$PORT
	# The host may still look for who had this address, sends to it in vain, and takes the next connection along.
	within 30 answers_ping "$(address orphan)"
	"$NET_PEER" tcp 172.17.0.1 8099 1000000
	kill -9 "$(process_of "$(docker inspect -f '{{.Id}}' orphan)" kata-proxy)"
	docker rm -f orphan >/dev/null
	assert_census
}

@test "model macvtap: the same MAC, address and traffic, connect while it runs, and nothing left after kill -9" {
	needs_vm
	network_model macvtap
	docker network create --subnet 10.78.0.0/24 second >/dev/null
	start on_macvtap
	in_netns on_macvtap ip -d -o link | grep -q 'macvtap mode passthru'
	[ "$(link_of on_macvtap eth0)" = "$(of on_macvtap bridge MacAddress) 1500" ]
	[ "$(addresses_of on_macvtap eth0)" = "$(address on_macvtap)/16" ]
	BYTES=20000000 host_asks "$(address on_macvtap)"
	asks on_macvtap 172.17.0.1
	docker network connect --ip 10.78.0.8 second on_macvtap
	within 30 has_addresses on_macvtap eth1 10.78.0.8/24
	host_asks 10.78.0.8
	kill -9 "$(process_of "$(docker inspect -f '{{.Id}}' on_macvtap)" kata-proxy)"
	docker rm -f on_macvtap >/dev/null
	docker network rm second >/dev/null
	assert_census
}

@test "model none: lo and nothing else" {
	needs_vm
	network_model none
	start on_none
	[ "$(inside on_none ls /sys/class/net)" = lo ]
	[ "$(in_netns on_none ip -o link | grep -c kata)" = 0 ]
	docker rm -f on_none >/dev/null
	write_config /etc/kata-containers/configuration.toml
}

@test "last of all: nothing is left" {
	assert_census
}
