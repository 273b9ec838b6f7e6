#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2034,SC2154 # network.bash is found at run time; $ in quotes is the guest's
#
# podman's networks reach into the virtual machine: netavark with its names, and CNI

source "$BATS_TEST_DIRNAME/network.bash"
CLIENT=podman

setup_file() {
	podman_network_setup netavark
	podman network create --subnet 10.67.0.0/24 --ipv6 --subnet fd67::/64 wire >/dev/null
	podman network create --subnet 10.68.0.0/24 second >/dev/null
	# podman names the interfaces of several networks in no certain order.
	podman run -d --name both --network wire:interface_name=eth0,ip=10.67.0.9,mac=92:d0:c6:0a:29:44,alias=nick \
		--network second:interface_name=eth1 --cap-add net_raw busybox net_peer serve "$PORT" >/dev/null
	podman pod create --name pod --network wire -p 8070:"$PORT" -p 8070:"$PORT"/udp --add-host added:10.1.2.3 >/dev/null
	podman run -d --pod pod --name first busybox net_peer serve "$PORT" >/dev/null
	podman run -d --pod pod --name second --cap-add net_raw busybox sleep 3600 >/dev/null
}

teardown_file() {
	podman_network_teardown
}

@test "two networks: addresses, MACs and routes are what podman says" {
	[ "$(link_of both eth0)" = "92:d0:c6:0a:29:44 1500" ]
	[ "$(addresses_of both eth0)" = "10.67.0.9/24 $(of both wire GlobalIPv6Address)/64" ]
	[ "$(link_of both eth1)" = "$(of both second MacAddress) 1500" ]
	[ "$(addresses_of both eth1)" = "$(of both second IPAddress)/24" ]
	inside both ip route | grep -q "^default via 10.6[78].0.1 dev eth[01] "
}

@test "traffic both ways on both networks, and IPv6" {
	host_asks 10.67.0.9
	host_asks "$(of both second IPAddress)"
	asks both 10.67.0.1
	asks both 10.68.0.1
	within 30 answers_ping "$(of both wire GlobalIPv6Address)"
	host_asks "$(of both wire GlobalIPv6Address)"
}

@test "a pod: one address for its containers, published ports, TCP and UDP, 50 MB both ways" {
	BYTES=52428800 host_asks 10.67.0.1 8070
	host_asks 127.0.0.1 8070
	[ "$(addresses_of first eth0)" = "$(addresses_of second eth0)" ]
	asks second 127.0.0.1 # the other container of the pod
	asks second 10.67.0.9
	inside second grep -q '^10.1.2.3[[:space:]]added$' /etc/hosts
}

@test "names of containers and aliases are resolved" {
	resolves second nick.dns.podman 10.67.0.9
	resolves second both.dns.podman 10.67.0.9
	inside second ping -c 1 -W 2 both
}

@test "neighbours: a container of the host and one in a machine, both ways" {
	podman --runtime /usr/sbin/runc run -d --name neighbour --network wire busybox net_peer serve "$PORT" >/dev/null
	BYTES=20000000 asks both "$(of neighbour wire IPAddress)"
	podman --runtime /usr/sbin/runc exec neighbour net_peer tcp 10.67.0.9 "$PORT" 20000000
	podman --runtime /usr/sbin/runc rm -f -t 0 neighbour >/dev/null
}

@test "connect and disconnect while it runs" {
	podman network disconnect second both
	within 30 has_no_link both eth1
	asks both 10.67.0.1
	podman network connect --ip 10.68.0.77 second both
	within 30 has_addresses both eth1 10.68.0.77/24
	host_asks 10.68.0.77
}

@test "none and host" {
	[ "$(podman run --rm --network none busybox ls /sys/class/net)" = lo ]
	needs_vm
	run podman run --rm --network host busybox true
	[ "$status" -ne 0 ]
	[[ "$output" == *"share the caller's network namespace: it is the host's own"* ]]
}

@test "nothing is left of netavark's" {
	podman_remove_all
	podman network rm wire second >/dev/null
	podman_census
}

@test "CNI: bridge, published port" {
	sed -i s/netavark/cni/ /etc/containers/containers.conf
	podman network create --subnet 10.69.0.0/24 --disable-dns cni_wire >/dev/null
	podman run -d --name on_cni --network cni_wire -p 8071:"$PORT" busybox net_peer serve "$PORT" >/dev/null
	[ "$(link_of on_cni eth0)" = "$(of on_cni cni_wire MacAddress) 1500" ]
	[ "$(addresses_of on_cni eth0)" = "$(of on_cni cni_wire IPAddress)/24" ]
	host_asks "$(of on_cni cni_wire IPAddress)"
	asks on_cni 10.69.0.1
	"$NET_PEER" tcp 10.69.0.1 8071 1000000
	podman rm -f -t 0 on_cni >/dev/null
}
