#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The census sees what it is for, and the isolation holds. Run inside tests/lib/isolate.

census=$BATS_TEST_DIRNAME/census
isolate=$BATS_TEST_DIRNAME/../lib/isolate

setup() {
	[ -n "${KATA_ISOLATED:-}" ] || skip "not run by tests/lib/isolate"
	"$census" save "$BATS_TEST_TMPDIR/before"
}

# sees LINE: the comparison fails and says so
sees() {
	run "$census" diff "$BATS_TEST_TMPDIR/before"
	[ "$status" -eq 1 ]
	grep -qxF -- "$1" <<<"$output"
}

is_clean() {
	"$census" diff "$BATS_TEST_TMPDIR/before" 5
}

@test "nothing new is no finding" {
	is_clean
}

@test "a process of ours is seen until it is gone" {
	cp /bin/sleep "$BATS_TEST_TMPDIR/kata-proxy"
	"$BATS_TEST_TMPDIR/kata-proxy" 60 3>&- &
	pid=$!
	sees "process $pid kata-proxy"
	kill "$pid"
	wait "$pid" || true
	is_clean
}

@test "a mount is seen" {
	mkdir "$BATS_TEST_TMPDIR/m"
	mount -t tmpfs left "$BATS_TEST_TMPDIR/m"
	sees "mount $BATS_TEST_TMPDIR/m tmpfs left"
	umount "$BATS_TEST_TMPDIR/m"
	is_clean
}

@test "a tap and a qdisc are seen" {
	ip tuntap add tap0_kata mode tap
	tc qdisc add dev tap0_kata ingress
	sees "link tap0_kata"
	sees "qdisc ingress ffff: tap0_kata"
	ip link del tap0_kata
	is_clean
}

@test "a namespace with a name is seen, and what is in it" {
	ip netns add left
	ip -n left tuntap add tap0_kata mode tap
	tc -n left qdisc add dev tap0_kata ingress
	tc -n left filter add dev tap0_kata parent ffff: protocol all prio 7 u32 match u8 0 0 action mirred egress redirect dev lo
	sees "netns /run/netns/left"
	sees "link /run/netns/left:tap0_kata"
	sees "qdisc ingress ffff: /run/netns/left:tap0_kata"
	grep -q '^filter /run/netns/left:tap0_kata .* pref 7 u32 .*fh' <<<"$output"
	ip netns del left
	umount /run/netns # the first one makes it a mount
	rmdir /run/netns
	is_clean
}

@test "a namespace that a process is in is seen" {
	unshare -n sleep 60 3>&- &
	pid=$!
	sees_one() { run "$census" diff "$BATS_TEST_TMPDIR/before"; grep -q '^netns net:\[[0-9]*\]$' <<<"$output"; }
	for _ in $(seq 100); do ! sees_one || break; sleep 0.02; done
	sees_one
	kill "$pid"
	wait "$pid" || true
	is_clean
}

@test "rules of nftables and iptables are seen, of counters only that they are there" {
	nft add table inet left
	nft add chain inet left in '{ type filter hook input priority 0; }'
	nft add rule inet left in tcp dport 7 counter drop
	iptables-legacy -A INPUT -p udp --dport 7 -j DROP
	sees "rule table inet left"
	sees "rule inet left in: tcp dport 7 counter drop"
	sees "rule legacy ip INPUT -p udp -m udp --dport 7 -j DROP"
	"$census" save "$BATS_TEST_TMPDIR/with"
	run socat -u - TCP:127.0.0.1:7,connect-timeout=0.2 </dev/null
	"$census" diff "$BATS_TEST_TMPDIR/with"
	iptables-legacy -F
	nft delete table inet left
	is_clean
}

@test "a cgroup is seen in every hierarchy" {
	group=$(find /sys/fs/cgroup -name cgroup.procs -printf '%h\n' -quit)/left
	mkdir "$group"
	sees "cgroup $group"
	rmdir "$group"
	is_clean
}

@test "a directory, a file and a socket below /run/vc are seen" {
	mkdir -p /run/vc/sbs
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/vc/sbs/s.sock")'
	sees "dir /run/vc/sbs"
	sees "file /run/vc/sbs/s.sock"
	rm -r /run/vc
	is_clean
}

@test "a listening socket is seen" {
	coproc listener { python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\0left-behind")
print("ready", flush=True)
sys.stdin.read()'; }
	read -r _ <&"${listener[0]}"
	sees "socket @left-behind"
	eval "exec ${listener[1]}>&-"
	# shellcheck disable=SC2154 # set by coproc
	wait "$listener_PID" || true
	is_clean
}

@test "a file in /dev/shm is seen" {
	touch /dev/shm/left
	sees "shm /dev/shm/left"
	rm /dev/shm/left
	is_clean
}

@test "an fd more in a daemon is seen, one fewer is none" {
	exec 8</dev/null
	CENSUS_PIDS=$$ "$census" save "$BATS_TEST_TMPDIR/before"
	exec 9</dev/null
	export CENSUS_PIDS=$$
	run "$census" diff "$BATS_TEST_TMPDIR/before"
	[ "$status" -eq 1 ]
	grep -q "^fds $$ from" <<<"$output"
	exec 9<&- 8<&-
	is_clean
}

@test "a census that was never saved is an error, not a clean one" {
	run "$census" diff "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 2 ]
}

@test "the isolated command's exit code and streams are passed on" {
	run "$isolate" sh -c 'cat; exit 7' <<<hello
	[ "$status" -eq 7 ]
	[ "$output" = hello ]
}

@test "what an isolated command leaves ends with it" {
	"$isolate" sh -c 'touch /run/left /etc/left; mkdir /sys/fs/cgroup/*/left; ip link add v0 type veth peer name v1
		(sleep 60 3>&- >/dev/null 2>&1 &)'
	[ ! -e /run/left ]
	[ ! -e /etc/left ]
	run ip link show v0
	[ "$status" -ne 0 ]
	[ -z "$(find /sys/fs/cgroup -name left)" ]
	run pgrep -f 'sleep 60'
	[ "$status" -ne 0 ]
	is_clean
}
