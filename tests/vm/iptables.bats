#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time; $status is set by run
#
# The packet filter of a guest whose image has iptables, read and replaced from the host

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

# image KIND: a guest that has the iptables of that kind.
image() {
	"$SOURCE_DIR/osbuilder/initrd" -a "$BUILD_DIR/src/agent/kata-agent" -o "$BATS_FILE_TMPDIR/$1" \
		-t "/usr/sbin/xtables-$1-multi" >/dev/null
}

setup_file() {
	vm_setup_file
	command -v xtables-nft-multi xtables-legacy-multi >/dev/null || skip "needs the package iptables"
	image nft
	image legacy
}

setup() {
	vm_setup
}

teardown() {
	vm_teardown
}

start_with() {
	CONFIG=$BATS_TEST_TMPDIR/configuration.toml
	GUEST_DIR=$BATS_FILE_TMPDIR/$1 write_config "$CONFIG"
	start_in_vm sleep 600
}

# The rules alone: comments have times, chains have counters.
rules() {
	kata iptables get --sandbox-id "$ID" "$@" | grep -E '^(\*|-A|COMMIT)'
}

check_both() {
	start_with "$1"
	cat >"$BATS_TEST_TMPDIR/rules" <<-'END'
	*nat
	:PREROUTING ACCEPT [0:0]
	:INPUT ACCEPT [0:0]
	:OUTPUT ACCEPT [0:0]
	:POSTROUTING ACCEPT [0:0]
	-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 15001
	-A POSTROUTING -s 10.0.0.0/8 -m comment --comment "a test" -j MASQUERADE
	COMMIT
	END
	cat >"$BATS_TEST_TMPDIR/rules6" <<-'END'
	*filter
	:INPUT ACCEPT [0:0]
	:FORWARD DROP [0:0]
	:OUTPUT ACCEPT [0:0]
	-A INPUT -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	-A INPUT -p tcp -m multiport --dports 22,443 -j REJECT --reject-with tcp-reset
	COMMIT
	END
	run -0 kata iptables set --sandbox-id "$ID" "$BATS_TEST_TMPDIR/rules"
	[ "$output" = "" ]
	diff <(grep -v ^: "$BATS_TEST_TMPDIR/rules") <(rules)
	kata iptables set --sandbox-id "$ID" --v6 - <"$BATS_TEST_TMPDIR/rules6"
	diff <(grep -v ^: "$BATS_TEST_TMPDIR/rules6") <(rules --v6)
	diff <(grep -v ^: "$BATS_TEST_TMPDIR/rules") <(rules) # those of IPv4 are still the same
	run -1 kata iptables set --sandbox-id "$ID" - <<<"nonsense"
	[[ $output == "iptables set: '/iptables' of sandbox '$ID': "*"'iptables-restore' ended with status "* ]]
}

@test "rules of nft's iptables are read and replaced" {
	check_both nft
}

@test "rules of legacy iptables are read and replaced" {
	check_both legacy
}

@test "nearly a megabyte of rules goes through, more is refused" {
	start_with nft
	{
		echo "*filter"
		seq -f "# %070.0f" 14000
		echo "-A INPUT -p udp -m udp --dport 99 -j DROP"
		echo COMMIT
	} >"$BATS_TEST_TMPDIR/rules"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/rules")" -gt 1000000 ]
	kata iptables set --sandbox-id "$ID" "$BATS_TEST_TMPDIR/rules"
	rules | grep -q -- "--dport 99"
	seq -f "# %070.0f" 1000 >>"$BATS_TEST_TMPDIR/rules"
	run -1 kata iptables set --sandbox-id "$ID" "$BATS_TEST_TMPDIR/rules"
	[[ $output == *"more than 1048576 bytes" ]]
}

@test "an image without iptables is one clear line" {
	start_in_vm sleep 600
	run -1 kata iptables get --sandbox-id "$ID"
	[ "$output" = "iptables get: '/iptables' of sandbox '$ID': the guest's image has no 'iptables-save': make it with osbuilder/initrd -t" ]
	run -1 kata iptables get --sandbox-id no-such-sandbox
	[[ $output == *"there is no such sandbox" ]]
	run -1 kata iptables get
	[ "$output" = "iptables get: flag '--sandbox-id' is missing" ]
}
