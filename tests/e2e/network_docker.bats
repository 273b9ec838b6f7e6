#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # network.bash is found at run time; $ in quotes is the guest's
#
# docker's networks reach into the virtual machine: bridges, published ports, names, IPv6, macvlan

source "$BATS_TEST_DIRNAME/network.bash"

# Four containers serve most tests, since a start costs seconds.
setup_file() {
	network_docker_setup
	docker network create --ipv6 --subnet 10.77.0.0/24 --gateway 10.77.0.1 --subnet fd77::/64 \
		-o com.docker.network.driver.mtu=9000 wire >/dev/null
	docker network create --subnet 10.78.0.0/24 second >/dev/null
	docker network create --subnet 10.79.0.0/24 -o com.docker.network.driver.mtu=65520 jumbo >/dev/null
	in_background "$BATS_TEST_DIRNAME/dns_server" 10.77.0.1 www.example.com 192.0.2.7
	start plain --expose 80 --publish-all -p 8090:$PORT -p 8090:$PORT/udp --dns 10.9.9.9 --dns-search dom.example --dns-option ndots:3
	start many --network wire --ip 10.77.0.9 --ip6 fd77::9 --mac-address 92:d0:c6:0a:29:33 --network-alias nick --link-local-ip 169.254.3.3 \
		--dns 10.77.0.1 --dns-search example.com --add-host added:10.1.2.3 \
		--sysctl net.ipv4.ip_default_ttl=77 --sysctl net.ipv6.conf.all.hop_limit=78
	start peer --network wire --network-alias nack
	docker run -d --name neighbour --network wire busybox net_peer serve $PORT >/dev/null
	docker create --name both --runtime "$NETWORK_RUNTIME" --network wire busybox net_peer serve $PORT >/dev/null
	docker network connect jumbo both
	docker start both >/dev/null
}

teardown_file() {
	network_docker_teardown
}

@test "default bridge: address, MAC, MTU and default route are what docker says" {
	[ "$(link_of plain eth0)" = "$(of plain bridge MacAddress) 1500" ]
	[ "$(addresses_of plain eth0)" = "$(of plain bridge IPAddress)/16" ]
	[ "$(inside plain ip route | grep ^default)" = "default via $(of plain bridge Gateway) dev eth0 " ]
	inside plain ip route | grep -q "^172.17.0.0/16 dev eth0 scope link  src $(of plain bridge IPAddress) "
	[ "$(inside plain ls /sys/class/net | paste -sd ' ')" = "eth0 lo" ]
}

@test "default bridge: ping both ways, TCP and UDP both ways" {
	answers_ping "$(of plain bridge IPAddress)"
	inside plain ping -c 1 -W 2 172.17.0.1
	host_asks "$(of plain bridge IPAddress)"
	asks plain 172.17.0.1
}

@test "published ports: TCP and UDP through the daemon's rules, its proxy, and IPv6; 50 MB both ways" {
	BYTES=52428800 host_asks 172.17.0.1 8090
	host_asks 127.0.0.1 8090
	host_asks ::1 8090
	"$NET_PEER" udp 172.17.0.1 8090 20 8000 # fragments
}

@test "publish-all, expose: a file by HTTP has the same hash" {
	inside plain sh -c 'mkdir /srv && head -c 8000000 /dev/urandom >/srv/file && httpd -p 80 -h /srv'
	port=$(docker port plain 80/tcp | sed -n '1s/.*://p') # of --publish-all
	[ "$(/bin/busybox wget -qO - "http://172.17.0.1:$port/file" | sha256sum | cut -d ' ' -f 1)" = \
		"$(inside plain sha256sum /srv/file | cut -d ' ' -f 1)" ]
}

@test "dns, dns-search, dns-option on the default bridge: the file that docker wrote" {
	[ "$(inside plain cat /etc/resolv.conf)" = "$(printf 'search dom.example\nnameserver 10.9.9.9\noptions ndots:3')" ]
}

@test "link on the default bridge: the other one's name and address" {
	docker run --rm --runtime "$NETWORK_RUNTIME" --link plain:linked busybox sh -c \
		'ping -c 1 -W 2 linked && net_peer tcp "$(sed -n "s/[[:space:]]linked .*//p" /etc/hosts)" 7000 100000'
}

@test "ip, ip6, link-local-ip, mac-address, MTU, sysctl on a bridge of one's own" {
	[ "$(link_of many eth0)" = "92:d0:c6:0a:29:33 9000" ]
	[ "$(addresses_of many eth0)" = "10.77.0.9/24 169.254.3.3/16 fd77::9/64" ]
	[ "$(inside many cat /proc/sys/net/ipv4/ip_default_ttl)" = 77 ]
	[ "$(inside many cat /proc/sys/net/ipv6/conf/all/hop_limit)" = 78 ]
	inside many ping -c 1 -W 2 -s 8900 10.77.0.1
}

@test "add-host: the file that docker wrote" {
	inside many grep -q '^10.1.2.3[[:space:]]added$' /etc/hosts
	inside many grep -q '^10.77.0.9[[:space:]]' /etc/hosts
}

@test "IPv6 on a bridge: routes, ping and TCP both ways" {
	inside many ip -6 route | grep -q '^default via fd77::1 dev eth0 '
	within 30 answers_ping fd77::9
	within 30 inside many ping -c 1 -W 2 fd77::1
	host_asks fd77::9
	asks many fd77::1
	asks many "$(of peer wire GlobalIPv6Address)"
}

@test "names of containers and aliases are resolved, of either kind by either kind" {
	resolves many peer. "$(of peer wire IPAddress)"
	resolves many nack. "$(of peer wire IPAddress)"
	resolves peer many. 10.77.0.9
	resolves peer nick. fd77::9
	resolves many neighbour. "$(of neighbour wire IPAddress)"
	resolves neighbour many. 10.77.0.9
	inside many ping -c 1 -W 2 peer
	inside neighbour ping -c 1 -W 2 nick
	run inside many nslookup nobody.
	[[ "$output" == *NXDOMAIN* ]]
}

@test "names of the world: the daemon's resolver asks the server of --dns" {
	resolves many www.example.com. 192.0.2.7
	resolves many www 192.0.2.7 # with the search domain
	resolves many peer. "$(of peer wire IPAddress)"
}

@test "neighbours: a container of the host and one in a machine, and two in machines, TCP and UDP both ways" {
	BYTES=20000000 asks neighbour 10.77.0.9
	asks many "$(of neighbour wire IPAddress)"
	asks many "$(of peer wire IPAddress)"
	asks peer 10.77.0.9
}

@test "two networks at once, one with an MTU of 65520" {
	[ "$(link_of both eth0)" = "$(of both wire MacAddress) 9000" ] # in the order of docker's names for them
	[ "$(link_of both eth1)" = "$(of both jumbo MacAddress) 65520" ]
	has_addresses both eth1 "$(of both jumbo IPAddress)/24"
	inside both ping -c 1 -W 2 -s 65000 10.79.0.1
	BYTES=20000000 host_asks "$(of both jumbo IPAddress)"
	host_asks "$(of both wire IPAddress)"
	asks both 10.79.0.1
	asks both 10.77.0.9
}

@test "connect and disconnect while it runs" {
	docker network connect --ip 10.78.0.8 second many
	within 30 has_addresses many eth1 10.78.0.8/24
	[ "$(link_of many eth1)" = "$(of many second MacAddress) 1500" ]
	host_asks 10.78.0.8
	asks many 10.78.0.1
	asks many 10.77.0.1 # the first one goes on
	docker network disconnect second many
	within 30 has_no_link many eth1
	asks many 10.77.0.1
	docker network disconnect wire many
	within 30 has_no_link many eth0
	docker network connect --ip 10.77.0.19 wire many
	within 30 has_addresses many eth2 "10.77.0.19/24 $(of many wire GlobalIPv6Address)/64"
	host_asks 10.77.0.19
	within 30 resolves many peer. "$(of peer wire IPAddress)"
}

@test "none: lo and nothing else" {
	run docker run --rm --runtime "$NETWORK_RUNTIME" --network none busybox sh -c 'ls /sys/class/net; ip route'
	[ "$output" = lo ]
}

@test "host, and another container's, are refused with the reason" {
	needs_vm
	run docker run --rm --runtime "$NETWORK_RUNTIME" --network host busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"share network namespace '/run/docker/netns/default': it is the host's own"* ]]
	run docker run --rm --runtime "$NETWORK_RUNTIME" --network container:plain busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"share network namespace '/proc/"*"outside of this container's virtual machine"* ]]
}

@test "macvlan: on the wire of the parent with a MAC of its own" {
	ip link add parent0 type veth peer name lan0
	ip addr add 10.66.0.1/24 dev lan0
	ip link set parent0 up
	ip link set lan0 up
	docker network create -d macvlan -o parent=parent0 --subnet 10.66.0.0/24 --gateway 10.66.0.1 lan >/dev/null
	start on_lan --network lan
	[ "$(link_of on_lan eth0)" = "$(of on_lan lan MacAddress) 1500" ]
	[ "$(addresses_of on_lan eth0)" = "$(of on_lan lan IPAddress)/24" ]
	[ "$(inside on_lan ip route | grep ^default)" = "default via 10.66.0.1 dev eth0 " ]
	host_asks "$(of on_lan lan IPAddress)"
	asks on_lan 10.66.0.1
	[ "$(ip neigh show "$(of on_lan lan IPAddress)" dev lan0 | awk '{ print $3 }')" = "$(of on_lan lan MacAddress)" ]
	docker rm -f on_lan >/dev/null
	docker network rm lan >/dev/null
	ip link del lan0
}

@test "last of all: nothing is left" {
	docker ps -aq | xargs docker rm -f >/dev/null
	docker network rm wire second jumbo >/dev/null
	assert_census
}
