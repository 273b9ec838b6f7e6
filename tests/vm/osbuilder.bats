#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154,SC2016,SC2013 # lib.bash is found at run time; $stderr is set by run
#
# The guest's kernel and initrd: reproducible, small, and what osbuilder.yaml says

load_paths() {
	source "$BATS_TEST_DIRNAME/lib.bash"
	builder=$SOURCE_DIR/osbuilder/initrd
	agent=$BUILD_DIR/src/agent/kata-agent
	made=$BATS_FILE_TMPDIR/made # one build that is only looked at
	root=$made/root
}

setup_file() {
	load_paths
	need_guest # also for the tests that follow, which have no network
	"$builder" -a "$agent" -o "$made"
	mkdir "$root"
	# Without the device node, which needs root and may be refused even then.
	lz4 -q -dc "$made/kata-containers-initrd.img" | (cd "$root" && cpio -i --quiet -d -f dev/console)
}

setup() {
	load_paths
	out=$BATS_TEST_TMPDIR/out
}

@test "two builds are identical, whoever builds them, wherever and whenever" {
	(cd / && umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$builder" -a "$agent" -o "$out")
	cmp "$made/kata-containers-initrd.img" "$out/kata-containers-initrd.img"
	cmp "$made/vmlinux.container" "$out/vmlinux.container"
}

@test "SOURCE_DATE_EPOCH is the time of every file" {
	SOURCE_DATE_EPOCH=86400 TZ=UTC "$builder" -a "$agent" -o "$out"
	run bash -c "lz4 -q -dc '$out/kata-containers-initrd.img' | TZ=UTC cpio -itv --quiet | grep -vc 'Jan  2  1970'"
	[ "$output" = 0 ]
}

@test "osbuilder.yaml lists every file with its size and hash" {
	yaml=$root/var/lib/osbuilder/osbuilder.yaml
	sed -n 's/^  - { path: "\(.*\)", size: \([0-9]*\), sha256: "\(.*\)" }$/\3 \2 \1/p' "$yaml" >"$BATS_TEST_TMPDIR/listed"
	(cd "$root" && find . -type f ! -name osbuilder.yaml | sort | while read -r name; do
		echo "$(sha256sum <"$name" | cut -c -64) $(stat -c %s "$name") ${name#.}"
	done) >"$BATS_TEST_TMPDIR/found"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/found")" -gt 10 ]
	diff "$BATS_TEST_TMPDIR/listed" "$BATS_TEST_TMPDIR/found"
	grep -q "release: \"$(cd "$root"/lib/modules/*/ && basename "$PWD")\"" "$yaml"
	grep -q "sha256: \"$(sha256sum <"$made/vmlinux.container" | cut -c -64)\"" "$yaml"
}

@test "the initrd is at most 4 MB, its agent at most 1.5 MB" {
	[ "$(stat -c %s "$made/kata-containers-initrd.img")" -le 4000000 ]
	[ "$(stat -c %s "$root/init")" -le 1500000 ]
}

@test "every module has its line, and everything it needs has one too" {
	order=$root/lib/modules/kata.order
	cd "$root"/lib/modules/*/
	diff <(awk '{ print $1 }' "$order" | sort) <(find kernel -name '*.ko' | sort)
	for needed in $(awk '{ for (i = 3; i <= NF; i++) print $i }' "$order" | sort -u); do
		grep -q "^$needed " "$order"
	done
	grep -q '/virtio_pci.ko pci:' "$order"
	grep -q '/virtiofs.ko .*fs-virtiofs.* kernel/fs/fuse/fuse.ko' "$order"
}

@test "the kernel has the entry that QEMU takes" {
	[ -L "$made/vmlinux.container" ]
	readelf -nW "$made/vmlinux.container" 2>/dev/null | grep 'Xen.*0x00000012'
}

@test "a missing or dynamic agent is one clear line and leaves nothing" {
	run "$builder" -a /nowhere/agent -o "$out"
	[ "$status" = 1 ]
	[ "$output" = "osbuilder/initrd: find '/nowhere/agent': no such file" ]
	run "$builder" -a /bin/bash -o "$out"
	[ "$status" = 1 ]
	[ "$output" = "osbuilder/initrd: use '/bin/bash': not static (build the agent with -static)" ]
	run "$builder" -a "$builder" -o "$out"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[ ! -e "$out" ]
}

@test "iptables that is none, or is not there, is one clear line" {
	run "$builder" -a "$agent" -t /nowhere/xtables-nft-multi -o "$out"
	[ "$status" = 1 ]
	[ "$output" = "osbuilder/initrd: find '/nowhere/xtables-nft-multi': no such file (install iptables)" ]
	run "$builder" -a "$agent" -t /bin/bash -o "$out"
	[ "$status" = 1 ]
	[ "$output" = "osbuilder/initrd: use '/bin/bash' as iptables: not xtables-nft-multi or xtables-legacy-multi" ]
	[ ! -e "$out" ]
}

@test "two builds with iptables are identical, and every module can be found by what it needs" {
	"$builder" -a "$agent" -t /usr/sbin/xtables-nft-multi -o "$out"
	(cd / && umask 077 && "$builder" -a "$agent" -t /usr/sbin/xtables-nft-multi -o "$out/again")
	cmp "$out/kata-containers-initrd.img" "$out/again/kata-containers-initrd.img"
	mkdir "$out/root"
	lz4 -q -dc "$out/kata-containers-initrd.img" | (cd "$out/root" && cpio -i --quiet -d -f dev/console)
	cd "$out"/root/lib/modules/*/
	[ "$(find kernel -name '*.ko' | sort)" = "$(cut -d : -f 1 modules.dep | sort)" ]
	for needed in $(cut -d : -f 2 modules.dep); do
		[ -e "$needed" ]
	done
	diff "$root/lib/modules/kata.order" ../kata.order # a start loads no more than without
}

@test "an unknown kernel flavour or argument is one clear line" {
	run "$builder" -a "$agent" -k tiny -o "$out"
	[ "$status" = 1 ]
	[ "$output" = "osbuilder/initrd: use kernel flavour 'tiny': not one of cloud, amd64" ]
	run "$builder" -a "$agent" -z arj -o "$out"
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	run "$builder" more
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 1 ]
	[ ! -e "$out/kata-containers-initrd.img" ]
}

@test "mmdebstrap makes a Debian root file system for the tests that follow" {
	debian_rootfs
	[ -x "$DEBIAN_ROOTFS/bin/bash" ]
}
