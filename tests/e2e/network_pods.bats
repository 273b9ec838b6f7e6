#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the container's
#
# Networks of pods, made by CNI plugins as containerd's CRI calls them: what the plugin gave is what the pod has, and
# everybody reaches everybody. CRI_HANDLER=runc shows what a user expects.
#
#	lan (a namespace)                    host                            pods
#	up1 192.0.2.2 ------------- up0 192.0.2.1, cni0 10.88.0.1 ---------- 10.88.0.0/16, fd00:88::/64
#	mac1 10.89.0.1 ------------ mac0 ----------------------------------- 10.89.0.0/24, macvlan
#	mac1.42 10.91.0.1 --------- mac0 ----------------------------------- 10.91.0.0/24, VLAN 42
#	                            veth 10.90.0.1 ------------------------- 10.90.0.0/24, ptp

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/cri.bash"

BIG_MIB=${BIG_MIB:-6} # of a file that is carried each way

# --- the networks ---

with_route() {
	jq -c --arg to "$2" '.routes += [{ dst: $to }]' <<<"$1"
}

# In place of the network without a way out that other tests have.
containerd_network() {
	local bridge='{ "type": "bridge", "bridge": "cni0", "isGateway": true, "mtu": 1400 }' ipam mac

	ipam=$(with_route "$(with_route "$(ranges 10.88.0.0/16 fd00:88::/64)" 0.0.0.0/0)" ::/0)
	network "$E2E_DIR/cni/10-pods.conflist" pods "$ipam" "$bridge" \
		'{ "type": "portmap", "capabilities": { "portMappings": true } }'
	# Not by the annotations of Kubernetes: containerd then asks for a burst of half a gigabyte.
	network "$E2E_DIR/cni-limited/10-l.conflist" limited "$ipam" "$bridge" \
		'{ "type": "bandwidth", "ingressRate": 16000000, "ingressBurst": 1600000, "egressRate": 16000000, "egressBurst": 1600000 }'
	mac=$(ranges 10.89.0.0/24)
	network "$E2E_DIR/cni-macvlan/10-m.conflist" macvlan "$mac" '{ "type": "macvlan", "master": "mac0" }'
	network "$E2E_DIR/cni-ptp/10-p.conflist" ptp "$(with_route "$(ranges 10.90.0.0/24)" 0.0.0.0/0)" '{ "type": "ptp", "mtu": 1300 }'
	network "$E2E_DIR/cni-vlan/10-v.conflist" vlan "$(ranges 10.91.0.0/24)" '{ "type": "vlan", "master": "mac0", "vlanId": 42 }'
	network "$E2E_DIR/cni-two/10-b.conflist" two "$ipam" "$bridge"
	network "$E2E_DIR/cni-two/20-m.conflist" macvlan "$mac" '{ "type": "macvlan", "master": "mac0" }'
}

in_lan() {
	ip netns exec lan "$@"
}

make_lan() {
	ip netns add lan
	ip link add up0 type veth peer name up1 netns lan
	ip link add mac0 type veth peer name mac1 netns lan
	ip address add 192.0.2.1/24 dev up0
	ip address add fd00:99::1/64 dev up0 nodad
	ip link set up0 up
	ip link set mac0 up
	in_lan ip address add 192.0.2.2/24 dev up1
	in_lan ip address add fd00:99::2/64 dev up1 nodad
	in_lan ip address add 10.89.0.1/24 dev mac1
	for link in lo up1 mac1; do
		in_lan ip link set "$link" up
	done
	ip route add default via 192.0.2.2
	in_lan ip route add default via 192.0.2.1
	in_lan ip route add default via fd00:99::1
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# --- servers: HTTP on 80 with "name" and "big", net_peer on 5000 by TCP and UDP ---

BIG=$((BIG_MIB << 20))

# start_server SPACE COMMAND...: outside of any container
start_server() {
	local space=()

	[ "$1" = host ] || space=(ip netns exec "$1")
	shift
	"${space[@]}" "$@" >/dev/null 2>&1 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/servers"
	disown
}

start_servers() {
	local space

	for space in host lan; do
		mkdir "$BATS_FILE_TMPDIR/$space"
		echo "$space" >"$BATS_FILE_TMPDIR/$space/name"
		head -c "$BIG" /dev/zero >"$BATS_FILE_TMPDIR/$space/big"
		start_server "$space" busybox httpd -f -p 80 -h "$BATS_FILE_TMPDIR/$space"
		start_server "$space" "$BUILD_DIR/tests/tools/net_peer" serve 5000
	done
}

# serve POD NAME: a container with the servers
serve() {
	run_container "$1" "$2" . sh -c "mkdir /tmp/www; echo $2 >/tmp/www/name; head -c $BIG /dev/zero >/tmp/www/big
		httpd -p 80 -h /tmp/www; echo up; exec net_peer serve 5000"
	within 60 has_said "$2" up
}

# --- who asks: "host", "lan", or a container's name ---

# at WHO SCRIPT: busybox and net_peer are there
at() {
	local all="set -e; $2"

	case $1 in
	host) PATH=$BUILD_DIR/tests/tools:$PATH busybox sh -c "$all" ;;
	lan) PATH=$BUILD_DIR/tests/tools:$PATH in_lan busybox sh -c "$all" ;;
	*) in_container "$1" sh -c "$all" ;;
	esac
}

# get ADDRESS FILE [PORT], as words of a script
get() {
	local host=$1

	[[ "$1" != *:* ]] || host="[$1]"
	echo "busybox timeout 20 busybox wget -q -O - http://$host:${3:-80}/$2"
}

# page WHO ADDRESS FILE [PORT]: what the server there answers
page() {
	at "$1" "$(get "${@:2}")"
}

# talks ADDRESS PORT [BYTES]: as words of a script; both protocols, there and back, with fragments
talks() {
	echo "net_peer tcp $1 $2 ${3:-100000}; net_peer udp $1 $2 3 1200; net_peer udp $1 $2 1 8000"
}

# reaches WHO ADDRESS NAME [BYTES]: that server and no other
reaches() {
	at "$1" "busybox ping -c 1 -W 5 $2 >/dev/null; [ \$($(get "$2" name)) = $3 ]; $(talks "$2" 5000 "${4:-}")"
}

# --- what containerd and the plugins said ---

# result POD INTERFACE FILTER: of what the last plugin returned, as libcni keeps it
result() {
	jq -r "$3" /var/lib/cni/results/*-"$(id_of "$1")-$2"
}

address_of() {
	cri_get .status.network.ip PodSandboxStatus "{\"pod_sandbox_id\": \"$(id_of "$1")\"}"
}

address6_of() {
	cri_get '.status.network.additional_ips[0].ip' PodSandboxStatus "{\"pod_sandbox_id\": \"$(id_of "$1")\"}"
}

# The namespace that the plugins filled, to which no container of a VM has access
in_netns() {
	local pod=$1

	shift
	nsenter --net="$(result "$pod" eth0 '.result.interfaces | map(.sandbox // empty)[0]')" "$@"
}

# addresses CONTAINER INTERFACE: without those that the kernel makes itself
addresses() {
	in_container "$1" ip addr show "$2" | awk '/inet/ && !/scope link/ { print $2 }' | sort
}

routes() {
	"$@" busybox ip route
	"$@" busybox ip -6 route | grep -v -e '^fe80' -e '^ff00' -e '^unreachable' -e '^multicast' | sed -E 's/ (expires|error|users|age) [^ ]+//g'
}

sysfs() {
	in_container "$1" cat "/sys/class/net/$2/$3"
}

# has_what_was_returned POD CONTAINER INTERFACE
has_what_was_returned() {
	[ -n "$(result "$1" "$3" '.result.ips[].address')" ]
	diff <(addresses "$2" "$3") <(result "$1" "$3" '.result.ips[].address' | sort)
	[ "$(sysfs "$2" "$3" address)" = "$(result "$1" "$3" '.result.interfaces[] | select(.sandbox) | .mac' | tail -n 1)" ]
	[ "$(sysfs "$2" "$3" mtu)" = "$(in_netns "$1" ip -j link show "$3" | jq '.[0].mtu')" ]
}

same_routes() {
	diff <(routes in_container "$2" | sort) <(routes in_netns "$1" | sort)
}

# --- ---

# With a published port: the plugin's chains are there from now on.
first_pod() {
	run_pod first '.port_mappings = [{ protocol: "TCP", container_port: 80, host_port: 79 }]'
	remove_pod first
}

setup_file() {
	make_lan
	start_servers
	cri_setup
}

teardown_file() {
	xargs kill <"$BATS_FILE_TMPDIR/servers"
	containerd_teardown
}

teardown() {
	cri_census
}

@test "bridge, both families: the pod has what the plugin returned, and reaches and is reached by host and network" {
	run_pod pod '.dns_config = { servers: ["192.0.2.2", "fd00:99::2"], searches: ["a.example", "b.example"], options: ["ndots:5", "timeout:1"] }
		| .port_mappings = [{ protocol: "TCP", container_port: 80, host_port: 8080 }, { protocol: "UDP", container_port: 5000, host_port: 8053 },
			{ protocol: "TCP", container_port: 5000, host_port: 8053 }]'
	serve pod main
	has_what_was_returned pod main eth0
	same_routes pod main
	v4=$(address_of pod)
	v6=$(address6_of pod)
	[ "$(addresses main eth0 | cut -d / -f 1 | paste -sd ' ')" = "$v4 $v6" ]
	[ "$(sysfs main eth0 mtu)" = 1400 ]
	[ "$(in_container main ls /sys/class/net | paste -sd ' ')" = "eth0 lo" ]
	reaches main 127.0.0.1 main
	reaches main ::1 main
	[ "$(in_container main cat /etc/resolv.conf | paste -sd ' ')" = \
		"search a.example b.example nameserver 192.0.2.2 nameserver fd00:99::2 options ndots:5 timeout:1" ]
	for address in 10.88.0.1 fd00:88::1; do
		reaches main "$address" host
	done
	for address in 192.0.2.2 fd00:99::2; do
		reaches main "$address" lan
	done
	for who in host lan; do
		reaches "$who" "$v4" main
		reaches "$who" "$v6" main
		done
	# Published ports: from outside, from the host itself, by every address of the host.
	for who in lan host; do
		[ "$(page "$who" 192.0.2.1 name 8080)" = main ]
		at "$who" "$(talks 192.0.2.1 8053)"
	done
	[ "$(page host 127.0.0.1 name 8080)" = main ]
	[ "$(page lan fd00:99::1 name 8080)" = main ]
	remove_pod pod
	run page lan 192.0.2.1 name 8080
	[ "$status" -ne 0 ]
}

@test "pods reach one another and those of runc, and a service's address leads to them" {
	run_pod one
	run_pod two
	HANDLER=runc run_pod three
	serve one first
	serve two second
	serve three third
	for pair in "first two second" "second one first" "first three third" "third one first" "third two second"; do
		read -r who pod name <<<"$pair"
		reaches "$who" "$(address_of "$pod")" "$name"
		reaches "$who" "$(address6_of "$pod")" "$name"
	done
	# As kube-proxy does it, in turn. A pod's own address as the source would let the answer pass by the translation.
	nft -f - <<-END
	table ip service {
		chain translate {
			ip daddr 10.96.0.10 tcp dport 8000 dnat to numgen inc mod 2 map { 0 : $(address_of one), 1 : $(address_of three) } : 80
			ip daddr 10.96.0.10 udp dport 53 dnat to $(address_of one):5000
			ip daddr 10.96.0.10 tcp dport 53 dnat to $(address_of one):5000
		}
		chain in { type nat hook prerouting priority dstnat; jump translate; }
		chain own { type nat hook output priority -100; jump translate; }
		chain out { type nat hook postrouting priority srcnat; ip saddr 10.88.0.0/16 ct status dnat masquerade; }
	}
	END
	for who in second lan host; do
		ask=$(get 10.96.0.10 name 8000)
		[ "$(at "$who" "$ask; $ask; $ask; $ask" | sort | uniq -c | xargs)" = "2 first 2 third" ]
		at "$who" "$(talks 10.96.0.10 53)"
	done
	nft delete table ip service
}

@test "macvlan" {
	HANDLER=$HANDLER-macvlan run_pod one
	HANDLER=$HANDLER-macvlan run_pod two
	serve one first
	serve two second
	has_what_was_returned one first eth0
	same_routes one first
	[ "$(sysfs first eth0 address)" != "$(sysfs second eth0 address)" ]
	reaches first 10.89.0.1 lan "$BIG"
	reaches lan "$(address_of one)" first
	reaches first "$(address_of two)" second "$BIG"
	reaches second "$(address_of one)" first
}

@test "ptp" {
	HANDLER=$HANDLER-ptp run_pod pod
	serve pod main
	has_what_was_returned pod main eth0
	same_routes pod main
	[ "$(sysfs main eth0 mtu)" = 1300 ]
	reaches main 10.90.0.1 host
	reaches main 192.0.2.2 lan
	reaches lan "$(address_of pod)" main "$BIG"
}

@test "a VLAN" {
	in_lan ip link add link mac1 name mac1.42 type vlan id 42 || skip "this kernel has no VLAN devices"
	in_lan ip address add 10.91.0.1/24 dev mac1.42
	in_lan ip link set mac1.42 up
	HANDLER=$HANDLER-vlan run_pod pod
	serve pod main
	has_what_was_returned pod main eth0
	same_routes pod main
	reaches main 10.91.0.1 lan
	reaches lan "$(address_of pod)" main "$BIG"
	in_lan ip link delete mac1.42
}

@test "two interfaces in a pod" {
	HANDLER=$HANDLER-two run_pod both
	serve both main
	has_what_was_returned both main eth0
	has_what_was_returned both main eth1
	same_routes both main
	[ "$(in_container main ls /sys/class/net | paste -sd ' ')" = "eth0 eth1 lo" ]
	reaches main 10.88.0.1 host
	reaches main 10.89.0.1 lan
	reaches lan "$(result both eth1 '.result.ips[0].address' | cut -d / -f 1)" main
	reaches lan "$(address_of both)" main
}

# tenths WHO ADDRESS: of a second, that the big file takes. Who asks has the clock: to begin an exec takes longer.
tenths() {
	at "$1" "now() { read -r up idle </proc/uptime; echo \${up%.*}\${up#*.}; }
		began=\$(now); $(get "$2" big) >/dev/null; echo \$(((\$(now) - began) / 10))"
}

is_quick() {
	[ "$(tenths "$@")" -lt "$least" ]
}

# 6 MiB are 50 Mbit: a limit of 16 Mbit/s makes three seconds of it.
@test "bandwidth: the plugin's limits hold both ways" {
	run_pod free
	HANDLER=$HANDLER-limited run_pod limited
	serve free quick
	serve limited slow
	least=$((BIG_MIB * 4))
	# A busy machine may need more than one try; with the limit none would succeed.
	within 60 is_quick quick 10.88.0.1
	within 60 is_quick host "$(address_of free)"
	[ "$(tenths slow 10.88.0.1)" -ge "$least" ]
	[ "$(tenths host "$(address_of limited)")" -ge "$least" ]
}

# containerd connects to localhost inside the pod's namespace. The programs of a virtual machine are not there.
@test "port-forward: bytes both ways, or the reason" {
	run_pod pod
	serve pod main
	run cri forward "$(id_of pod)" 81 <<<x
	[[ "$output" == *"connection refused"* ]]
	if [ "$HANDLER" = runc ]; then
		[ "$(printf 'GET /name HTTP/1.0\r\n\r\n' | cri forward "$(id_of pod)" 80 | tail -n 1)" = main ]
		printf 'GET /big HTTP/1.0\r\n\r\n' | cri forward "$(id_of pod)" 80 | tail -c "$BIG" | cmp - "$BATS_FILE_TMPDIR/host/big"
	else
		run cri forward "$(id_of pod)" 80 <<<x
		[[ "$output" == *"connection refused"* ]]
	fi
}
