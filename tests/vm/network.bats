#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154,SC2016,SC2030,SC2031,SC2034 # tests are subshells; lib.bash is found at run time; $stderr is set by run
#
# The pod's network as neither docker nor a CNI plugin makes it: what is in the namespace is in the guest, and works

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

# Not busybox's, which prefers what it has itself unless there is a path.
IP=/usr/sbin/ip

# The same program on both sides of the VM, so that what it prints can be compared.
setup_file() {
	[ "${KATA_ISOLATED:-}" = 1 ] || skip "changes the network: to be run by tests/lib/isolate"
	netns_make pod # /run/netns, which stays, is made now
	vm_setup_file
	netns_remove pod
	copy_program ip "$FILE_DIR/rootfs/${IP%/*}"
	dd if=/dev/urandom of="$FILE_DIR/rootfs/big" bs=1M count=4 2>/dev/null
}

copy_program() {
	local file library

	file=$(readlink -f "$(command -v "$1")")
	install -D "$file" "$2/$1"
	for library in $(ldd "$file" | grep -o '/[^ ]*'); do
		install -D "$library" "$FILE_DIR/rootfs$library"
	done
}

setup() {
	vm_setup
	netns_make pod
	SERVERS=()
}

teardown() {
	[ "${#SERVERS[@]}" = 0 ] || kill "${SERVERS[@]}" 2>/dev/null || true
	for id in "$ID" "$ID-b"; do
		kata delete --force "$id" >/dev/null 2>&1 || true
	done
	remove_network
	vm_teardown
}

# All that there is in this test's own network namespace, and the namespaces that have names.
remove_network() {
	local path

	for path in /sys/class/net/*; do
		[ "$path" = /sys/class/net/lo ] || ip link del "${path##*/}" 2>/dev/null || true
	done
	for path in /run/netns/*; do
		[ ! -e "$path" ] || ip netns del "${path##*/}"
	done
}

# --- guests ---

# start_pod [LINE...]: a guest in the namespace; lines are added to [hypervisor.qemu] of its configuration.
start_pod() {
	[ $# = 0 ] || own_config "$@"
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	sed -i 's/"CAP_KILL"/&, "CAP_NET_RAW", "CAP_NET_ADMIN"/' "$BUNDLE/config.json"
	kata create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || {
		cat "$BATS_TEST_TMPDIR/err"
		return 1
	}
	kata start "$ID"
}

own_config() {
	CONFIG=$BATS_TEST_TMPDIR/configuration.toml
	write_config "$CONFIG" "$@"
}

in_guest() {
	kata exec "$ID" "$@" </dev/null
}

delete_pod() {
	kata delete --force "$ID"
	assert_nothing_left
}

in_pod() {
	ip netns exec pod "$@"
}

# --- what a network is like ---

LOOK="$IP -j addr; $IP -j -4 route; $IP -j -6 route; $IP -j neigh show nud permanent"

# What LOOK prints, without what only one side has: numbers, counters, qdiscs, the name of who made a route.
plain() {
	jq -S -s '
	def ours: test("^(lo|tap.*_kata|ifb.*_kata)$") | not;
	{ links: [.[0][] | select(.ifname | ours) |
	    { ifname, mtu, address, up: (.flags | contains(["UP"])),
	      addresses: [.addr_info[] | { local, prefixlen, scope }] | sort }] | sort_by(.ifname),
	  routes: [.[1, 2][] | select(.dev | ours) |
	    { dst, gateway, via, dev, prefsrc, scope, metrics, onlink: (.flags | contains(["onlink"])) }] | sort,
	  neighbours: [.[3][] | select(.dev | ours) | { dst, dev, lladdr }] | sort }'
}

same_network() {
	diff <(in_pod sh -c "$LOOK" | plain) <(in_guest sh -c "$LOOK" | plain)
}

follows() {
	within 30 same_network || same_network
}

pings() {
	in_guest ping -c 1 -W 3 "$1"
}

# --- transfers ---

# Whoever connects to port 5000 is told the hash of what it sends; port 5001 sends.
SERVE='nc -ll -p 5000 -e sha256sum & exec nc -ll -p 5001 -e cat'

serve() {
	busybox nc -ll -p 5000 -e sha256sum 3>&- &
	SERVERS+=($!)
	busybox nc -ll -p 5001 -e cat "$FILE_DIR/rootfs/big" 3>&- &
	SERVERS+=($!)
	within 5 sh -c 'ss -ltn | grep -q :5000 && ss -ltn | grep -q :5001'
}

# Four megabytes out of the guest and as many into it are those they were.
transfers() {
	local hash there back

	hash=$(sha256sum <"$FILE_DIR/rootfs/big")
	{ read -r there && read -r back; } < <(in_guest timeout 40 sh -c "nc $1 5000 </big; nc $1 5001 </dev/null | sha256sum")
	[ "$there" = "$hash" ] && [ "$back" = "$hash" ]
}

# --- tests ---

@test "two interfaces whose names are swapped, addresses, routes and neighbours of both families" {
	ip -n pod link set eth0 down name eth1
	ip -n pod link set eth1 up mtu 9000
	ip link set v-pod mtu 9000
	ip -n pod addr add fd00:9::2/64 dev eth1 nodad
	ip addr add fd00:9::1/64 dev v-pod nodad
	ip link add v-two type veth peer name eth0 netns pod
	ip link set v-two up mtu 65520
	ip addr add 10.8.0.1/32 dev v-two
	ip route add 10.8.0.2/32 dev v-two
	ip -n pod link set eth0 up mtu 65520 address 02:00:00:0a:0b:0c
	ip -n pod addr add 10.8.0.2/32 dev eth0
	ip -n pod addr add 10.8.1.2/24 dev eth0
	# As the plugin ptp does it.
	ip -n pod route add 10.8.0.1/32 dev eth0 scope link
	ip -n pod route add default via 10.8.0.1 dev eth0
	ip -n pod route add 10.20.0.0/16 via 10.9.0.1 dev eth1 src 10.9.0.2 mtu 1400
	ip -n pod route add 10.21.0.0/16 via 192.0.2.1 dev eth1 onlink
	ip -n pod -6 route add default via fd00:9::1 dev eth1
	ip -n pod -6 route add fd00:21::/64 via fd00:9::1 dev eth1 mtu 1300
	ip -n pod neigh add 10.9.0.77 lladdr 02:00:00:00:00:77 dev eth1 nud permanent
	ip -n pod neigh add fd00:9::77 lladdr 02:00:00:00:00:78 dev eth1 nud permanent

	start_pod
	same_network
	pings 10.8.0.1
	pings 10.9.0.1
	pings fd00:9::1
	serve
	transfers 10.8.0.1
	transfers 10.9.0.1
	transfers fd00:9::1
	ip link del v-two
	follows
	delete_pod
}

@test "two queues; checksums and segments with and without offload" {
	start_pod 'default_vcpus = 2'
	[ "$(in_guest ls /sys/class/net/eth0/queues | xargs)" = "rx-0 rx-1 tx-0 tx-1" ]
	tap=$(in_pod ls /sys/class/net | grep _kata)
	[ "$(in_pod ls "/sys/class/net/$tap/queues" | xargs)" = "rx-0 rx-1 tx-0 tx-1" ]
	serve
	transfers 10.9.0.1
	ethtool -K v-pod tx off sg off tso off gso off gro off >/dev/null
	in_pod ethtool -K eth0 tx off sg off tso off gso off >/dev/null
	transfers 10.9.0.1
	delete_pod
}

@test "from guest to guest" {
	netns_make other
	NETNS=/run/netns/pod
	ip addr flush dev v-pod
	ip addr flush dev v-other
	ip link add br0 type bridge
	ip link set br0 up
	ip link set v-pod master br0
	ip link set v-other master br0
	ip -n other addr flush dev eth0
	ip -n other addr add 10.9.0.3/24 dev eth0
	first=$ID
	start_pod
	ID=$first-b BUNDLE=$BUNDLE-b
	NETNS=/run/netns/other
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sh -c "$SERVE /big"
	kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
	kata start "$ID"
	within 30 in_guest sh -c 'netstat -ltn | grep -q :5000 && netstat -ltn | grep -q :5001'
	ID=$first
	transfers 10.9.0.3
	kata delete --force "$first-b"
	delete_pod
}

# In the guest is an interface of that name.
guest_has() {
	in_guest ls /sys/class/net | grep -qx "$1"
}

@test "interfaces that come, change and go while the pod runs" {
	start_pod
	same_network
	echo "# come"
	ip link add v-two type veth peer name eth5 netns pod
	ip addr add 10.8.0.1/24 dev v-two
	ip link set v-two up
	ip -n pod addr add 10.8.0.2/24 dev eth5
	ip -n pod link set eth5 up
	within 30 guest_has eth5
	follows
	pings 10.8.0.1
	echo "# another name"
	ip -n pod link set eth5 down
	ip -n pod link set eth5 name blue
	ip -n pod link set blue up
	follows
	pings 10.8.0.1
	echo "# another MAC"
	ip -n pod link set blue address 02:00:00:00:00:99
	follows
	pings 10.8.0.1
	echo "# other addresses and routes"
	ip -n pod addr add 10.8.7.2/24 dev blue
	ip -n pod addr del 10.8.0.2/24 dev blue
	ip addr add 10.8.7.1/24 dev v-two
	ip -n pod route add 10.30.0.0/16 via 10.8.7.1
	follows
	pings 10.8.7.1
	ip -n pod route replace 10.30.0.0/16 via 10.9.0.1
	ip -n pod link set blue mtu 1400
	follows
	echo "# down and up"
	ip -n pod link set eth0 down
	run ! pings 10.9.0.1
	ip -n pod link set eth0 up
	ip -n pod route add default via 10.9.0.1
	follows
	pings 10.9.0.1
	echo "# gone"
	ip link del v-two
	within 30 eval '! guest_has blue'
	follows
	pings 10.9.0.1
	delete_pod
}

@test "the namespace's name taken away under a running pod" {
	start_pod
	ip netns del pod
	pings 10.9.0.1
	kata delete --force "$ID"
	assert_nothing_left
	# The namespace ends with its last process, and takes its end of the veth along.
	within 30 eval '[ ! -e /sys/class/net/v-pod ]'
}

@test "kata-network: what it shows and what it changes" {
	ip link add v-two type veth peer name eth5 netns pod
	ip addr add 10.8.0.1/24 dev v-two
	ip link set v-two up
	start_pod
	kata kata-network show "$ID" | grep -E '^eth0: .*model tcfilter.*10\.9\.0\.2/24'
	pings 10.9.0.1
	kata kata-network show --json "$ID" >"$BATS_TEST_TMPDIR/show"
	jq -e '.model == "tcfilter" and (.interfaces | length) == 1 and
		(.interfaces[0] | .plugged and .guestConfigured and .carrier and .mtu == 1500 and
			.tap.rxPackets > 0 and .link.txPackets > 0)' "$BATS_TEST_TMPDIR/show"
	kata kata-network list-ifaces "$ID" | jq -e 'map(.name) == ["lo", "eth0"]'
	kata kata-network list-routes "$ID" | jq -e 'any(.gateway == "10.9.0.1" and .device == "eth0")'

	# It is down and has no address: not connected unless somebody asks.
	run ! guest_has eth5
	echo '{ "name": "eth5", "device": "eth5", "mtu": 1500,
		"IPAddresses": [ { "address": "10.8.0.2", "mask": "24" } ] }' >"$BATS_TEST_TMPDIR/iface"
	kata kata-network add-iface "$ID" "$BATS_TEST_TMPDIR/iface"
	in_guest $IP -4 addr show dev eth5 | grep 'inet 10.8.0.2/24'
	ip -n pod link set eth5 up
	within 30 pings 10.8.0.1
	echo '[ { "dest": "10.40.0.0/16", "gateway": "10.8.0.1", "device": "eth5" } ]' |
		kata kata-network update-routes "$ID" -
	in_guest $IP route show | grep '10.40.0.0/16 via 10.8.0.1 dev eth5'
	kata kata-network del-iface "$ID" "$BATS_TEST_TMPDIR/iface"
	run ! guest_has eth5
	pings 10.9.0.1

	for words in "list-ifaces no-such-pod" "show" "frobnicate $ID" "add-iface $ID /no/such/file" "list-routes $ID extra"; do
		# shellcheck disable=SC2086 # words
		complains kata kata-network $words
	done
	complains kata kata-network add-iface "$ID" - <<<'{ "name": "eth77" }'
	[[ $stderr == *eth77* ]]
	complains kata kata-network add-iface "$ID" - <<<'{ "name": '
	complains kata kata-network update-routes "$ID" - <<<'[ { "dest": "10.300.0.0/16", "device": "eth0" } ]'
	[[ $stderr == *10.300.0.0* ]]
	pings 10.9.0.1
	delete_pod
}

# One line, and the code of an error.
complains() {
	run --separate-stderr "$@"
	echo "$* -> $status: $output $stderr"
	[ "$status" = 1 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "a tun without Ethernet frames is refused before the VM starts, by kind and name" {
	in_pod ip tuntap add tun7 mode tun
	ip -n pod link set tun7 up
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	complains kata create --bundle "$BUNDLE" "$ID" </dev/null
	[[ $stderr == *tun7*"'tun'"* ]]
	assert_nothing_left
	# Nobody uses it: then it is nobody's concern.
	ip -n pod link set tun7 down
	start_pod
	run ! guest_has tun7
	pings 10.9.0.1
	delete_pod
}

@test "macvlan, macvtap, a bridge and somebody's tap beside a veth" {
	ip link add low0 type veth peer name low1
	ip link set low0 up
	ip link set low1 up
	ip addr add 10.7.0.1/24 dev low1
	ip link add link low0 name mv0 netns pod type macvlan mode bridge
	ip -n pod addr add 10.7.0.2/24 dev mv0
	ip -n pod link set mv0 up
	ip addr add 10.6.0.1/24 dev low1
	ip link add link low0 name mt0 netns pod type macvtap mode bridge
	ip -n pod addr add 10.6.0.2/24 dev mt0
	ip -n pod link set mt0 up
	ip link add v-port type veth peer name port netns pod
	ip link set v-port up
	ip addr add 10.5.0.1/24 dev v-port
	ip -n pod link add br0 type bridge
	ip -n pod link set port up master br0
	ip -n pod addr add 10.5.0.2/24 dev br0
	ip -n pod link set br0 up
	in_pod ip tuntap add tap7 mode tap
	ip -n pod addr add 10.4.0.2/24 dev tap7
	ip -n pod link set tap7 up

	start_pod
	run -0 in_guest ls /sys/class/net
	[ "$(xargs <<<"$output")" = "br0 eth0 lo mt0 mv0 tap7" ]
	for host in 10.9.0.1 10.7.0.1 10.6.0.1 10.5.0.1; do
		pings "$host"
	done
	serve
	transfers 10.7.0.1
	transfers 10.6.0.1
	transfers 10.5.0.1
	# The tap's other end is the VM itself: what the guest sends is received on it.
	before=$(in_pod cat /sys/class/net/tap7/statistics/rx_packets)
	in_guest ping -c 1 -W 1 10.4.0.1 || true
	[ "$(in_pod cat /sys/class/net/tap7/statistics/rx_packets)" -gt "$before" ]
	kata kata-network show --json "$ID" | jq -e '[.interfaces[] | [.name, .type, .model]] | sort == [
		["br0", "virtual", "tcfilter"], ["eth0", "virtual", "tcfilter"], ["mt0", "macvtap", "direct"],
		["mv0", "macvlan", "tcfilter"], ["tap7", "tap", "direct"]]'
	delete_pod
	# Theirs, and theirs still.
	ip -n pod link show tap7
	ip -n pod link show mt0
}

@test "a VLAN alone, and one beside the link below it" {
	ip link add link v-pod name v-vlan type vlan id 5 2>/dev/null || skip "no VLAN in this kernel"
	ip addr add 10.3.0.1/24 dev v-vlan
	ip link set v-vlan up
	ip -n pod link add link eth0 name eth0.5 type vlan id 5
	ip -n pod addr add 10.3.0.2/24 dev eth0.5
	ip -n pod link set eth0.5 up
	ip link add link v-pod name alone netns pod type vlan id 6
	ip -n pod addr add 10.2.0.2/24 dev alone
	ip -n pod link set alone up
	start_pod
	same_network
	pings 10.9.0.1
	pings 10.3.0.1
	serve
	transfers 10.9.0.1
	transfers 10.3.0.1
	delete_pod
}

@test "model macvtap, with two queues" {
	own_config 'default_vcpus = 2'
	printf '[runtime]\ninternetworking_model = "macvtap"\n' >>"$CONFIG"
	start_pod
	same_network
	[ "$(in_guest ls /sys/class/net/eth0/queues | xargs)" = "rx-0 rx-1 tx-0 tx-1" ]
	kata kata-network show --json "$ID" | jq -e '.interfaces[0].model == "macvtap"'
	pings 10.9.0.1
	serve
	transfers 10.9.0.1
	ip -n pod link set eth0 mtu 1400
	follows
	ip -n pod addr add 10.9.0.9/24 dev eth0
	follows
	delete_pod
}

@test "model none, with and without a namespace of its own" {
	own_config
	printf '[runtime]\ninternetworking_model = "none"\n' >>"$CONFIG"
	start_pod
	run -0 in_guest ls /sys/class/net
	[ "$output" = lo ]
	kata kata-network show "$ID" | grep -x 'model: none, interfaces: 0'
	delete_pod

	echo 'disable_new_netns = true' >>"$CONFIG"
	NETNS='' SPACES="pid ipc uts mount" start_pod
	run -0 in_guest ls /sys/class/net
	[ "$output" = lo ]
	ours=$(readlink /proc/self/ns/net)
	[ "$(readlink "/proc/$(process_of "$ID" kata-proxy)/ns/net")" = "$ours" ]
	delete_pod
}

# dan_file DEVICE: a file of dan_conf for this sandbox with one device, which is 10.7.0.2 in the guest
dan_file() {
	mkdir -p "$BATS_TEST_TMPDIR/dans"
	echo '{ "netns": "/run/netns/pod", "devices": [ { "name": "eth0", "guest_mac": "02:00:00:00:07:02", "device": '"$1"',
		"network_info": {
			"interface": { "ip_addresses": [ "10.7.0.2/24", "fd07::2/64" ], "mtu": 1400, "ntype": "tuntap", "flags": 0 },
			"routes": [ { "dest": "", "gateway": "10.7.0.1" } ],
			"neighbors": [ { "ip_address": "10.7.0.9/24", "hardware_addr": "02:00:00:00:07:09", "state": 0, "flags": 0 } ] } } ] }' \
		>"$BATS_TEST_TMPDIR/dans/$ID.json"
}

@test "devices that a file describes (dan_conf): a tap, with what the file says and no other link" {
	own_config
	printf '[runtime]\ndan_conf = "%s"\n' "$BATS_TEST_TMPDIR/dans" >>"$CONFIG"
	in_pod ip link add br0 type bridge
	ip -n pod addr add 10.7.0.1/24 dev br0
	ip -n pod link set br0 up
	in_pod ip tuntap add sw0 mode tap
	ip -n pod link set sw0 up master br0
	dan_file '{ "type": "host-tap", "tap_name": "sw0", "queue_num": 1, "queue_size": 256 }'
	start_pod
	run -0 in_guest ls /sys/class/net
	[ "$(xargs <<<"$output")" = "eth0 lo" ]
	in_guest sh -c "$LOOK" | plain >"$BATS_TEST_TMPDIR/guest"
	jq -e '.links == [ { ifname: "eth0", mtu: 1400, address: "02:00:00:00:07:02", up: true, addresses: .links[0].addresses } ] and
		any(.links[0].addresses[]; .local == "10.7.0.2" and .prefixlen == 24) and
		any(.links[0].addresses[]; .local == "fd07::2" and .prefixlen == 64) and
		any(.routes[]; .dst == "default" and (.gateway == "10.7.0.1")) and
		.neighbours == [ { dst: "10.7.0.9", dev: "eth0", lladdr: "02:00:00:00:07:09" } ]' "$BATS_TEST_TMPDIR/guest"
	pings 10.7.0.1
	kata kata-network show --json "$ID" | jq -e '.interfaces | map([.name, .type, .model, .link.name, .addresses[0]]) ==
		[ [ "eth0", "tap", "direct", "sw0", "10.7.0.2/24" ] ]'
	complains kata kata-network add-iface "$ID" - <<<'{ "name": "br0" }'
	[[ $stderr == *"$ID.json"* ]]
	# What comes to the namespace is not the guest's, and what goes is.
	ip link add v-two type veth peer name eth5 netns pod
	ip -n pod addr add 10.8.0.2/24 dev eth5
	ip -n pod link set eth5 up
	ip -n pod link del sw0
	within 30 guest_has_not eth0
	run ! guest_has eth5
	delete_pod

	dan_file '{ "type": "host-tap", "tap_name": "sw0" }'
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	complains kata create --bundle "$BUNDLE" "$ID" </dev/null
	[[ $stderr == *"there is no tap 'sw0'"* ]]
	assert_nothing_left
	dan_file '{ "type": "netmap" }'
	complains kata create --bundle "$BUNDLE" "$ID" </dev/null
	[[ $stderr == *"$ID.json"*"device 'eth0'"*"type 'netmap' is not supported"* ]]
	assert_nothing_left
}

guest_has_not() {
	! guest_has "$1"
}

# Milliseconds of a megabyte out of the guest and of one into it.
measure() {
	local begin middle end

	begin=$(date +%s%N)
	in_guest timeout 30 sh -c 'dd if=/big bs=1M count=1 2>/dev/null | nc 10.9.0.1 5000' >/dev/null
	middle=$(date +%s%N)
	in_guest timeout 30 sh -c 'nc 10.9.0.1 5001 </dev/null | dd of=/dev/null bs=1M count=1 iflag=fullblock 2>/dev/null'
	end=$(date +%s%N)
	echo "$(((middle - begin) / 1000000)) $(((end - middle) / 1000000))"
}

# A megabyte is more than a second at 8 Mbit/s (less what a queue has room for), whatever else the machine does.
limited() {
	serve
	read -r out in < <(measure)
	echo "out $out ms, in $in ms"
	[ "$out" -ge 700 ]
	[ "$in" -ge 700 ]
}

@test "rates limited, model tcfilter" {
	start_pod 'rx_rate_limiter_max_rate = 8000000' 'tx_rate_limiter_max_rate = 8000000'
	[ "$(in_pod tc qdisc show | grep -c htb)" = 2 ]
	limited
	delete_pod
	[ "$(in_pod tc qdisc show | grep -c -e htb -e ingress)" = 0 ]
}

@test "rates limited, model macvtap; the supervisor killed" {
	own_config 'rx_rate_limiter_max_rate = 8000000' 'tx_rate_limiter_max_rate = 8000000'
	printf '[runtime]\ninternetworking_model = "macvtap"\n' >>"$CONFIG"
	start_pod
	ip -n pod -o link show type ifb | grep _kata
	limited
	# What a supervisor that was killed has left is taken back as well.
	kill -9 "$(process_of "$ID" kata-proxy)"
	delete_pod
	[ "$(in_pod tc qdisc show | grep -c -e htb -e ingress)" = 0 ]
	[ -z "$(ip -n pod -o link show type ifb)" ]
}

@test "sysctls of the network; a namespace without IPv6" {
	in_pod sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	bundle "$BUNDLE" "$FILE_DIR/rootfs" sleep 600
	jq '.linux.sysctl = { "net.ipv4.ip_forward": "1", "net.core.somaxconn": "777",
		"net.ipv4.ip_local_port_range": "2000 3000" }' "$BUNDLE/config.json" >"$BUNDLE/new"
	mv "$BUNDLE/new" "$BUNDLE/config.json"
	kata create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null
	kata start "$ID"
	run -0 in_guest sh -c 'cd /proc/sys/net; cat ipv4/ip_forward core/somaxconn ipv4/ip_local_port_range'
	[ "$(xargs <<<"$output")" = "1 777 2000 3000" ]
	run ! in_pod sh -c 'ip -6 addr | grep .'
	run -0 in_guest $IP -6 addr show dev eth0
	[ -z "$output" ]
	delete_pod
}
