# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What tests, benchmarks and the demo with real guests share: a configuration that uses the programs and
# the guest of the build folder, bundles, and questions about a sandbox's processes. Sourced.

# meson tells where things are; by hand, the default build folder of this tree is taken.
SOURCE_DIR=${SOURCE_DIR:-$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")}
BUILD_DIR=${BUILD_DIR:-$SOURCE_DIR/build}
GUEST_DIR=${GUEST_DIR:-$BUILD_DIR/guest}
# shellcheck disable=SC2034 # for those who source this
RUNTIME=$BUILD_DIR/src/cli/kata-runtime

# Kernel and initrd, unless somebody has made them from this agent already.
need_guest() {
	[ "$GUEST_DIR/kata-containers-initrd.img" -nt "$BUILD_DIR/src/agent/kata-agent" ] ||
		"$SOURCE_DIR/osbuilder/initrd" -a "$BUILD_DIR/src/agent/kata-agent" -o "$GUEST_DIR" >/dev/null
}

# write_config FILE [LINE...]: a configuration; lines are added to [hypervisor.qemu].
write_config() {
	local file=$1

	shift
	cat >"$file" <<-END
	[hypervisor.qemu]
	path = "/usr/bin/qemu-system-x86_64"
	kernel = "$GUEST_DIR/vmlinux.container"
	initrd = "$GUEST_DIR/kata-containers-initrd.img"
	virtio_fs_daemon = "/usr/lib/qemu/virtiofsd"
	default_memory = 512
	$(printf '%s\n' "$@")
	[proxy.kata]
	path = "$BUILD_DIR/src/proxy/kata-proxy"
	[shim.kata]
	path = "$BUILD_DIR/src/kata-shim/kata-shim"
	END
}

# busybox_rootfs DIR: a root file system with nothing but busybox and its names.
busybox_rootfs() {
	mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp}
	cp /bin/busybox "$1/bin/busybox"
	/bin/busybox --list | while read -r name; do
		[ -e "$1/bin/$name" ] || ln -s busybox "$1/bin/$name"
	done
	echo root:x:0:0:root:/root:/bin/sh >"$1/etc/passwd"
	echo root:x:0: >"$1/etc/group"
}

# bundle DIR ROOTFS PROGRAM [ARGUMENT...]: config.json for one program. TTY=true gives it a terminal,
# SPACES are the namespaces that it has for itself; NETNS is the path of its network namespace (a fresh one).
bundle() {
	local dir=$1 rootfs=$2

	shift 2
	mkdir -p "$dir"
	/usr/bin/python3 - "$dir/config.json" "$rootfs" "${TTY:-false}" "${SPACES:-pid ipc uts mount network}" "${NETNS:-}" "$@" <<-'END'
	import json, sys
	file, rootfs, tty, spaces, netns, args = *sys.argv[1:3], sys.argv[3] == "true", sys.argv[4].split(), sys.argv[5], sys.argv[6:]
	def space(kind):
	    return {"type": kind, "path": netns} if kind == "network" and netns else {"type": kind}
	caps = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"]
	def mount(where, kind, source, *options):
	    return {"destination": where, "type": kind, "source": source, "options": list(options)}
	json.dump({
	    "ociVersion": "1.0.2",
	    "process": {
	        "terminal": tty, "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": args,
	        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
	        "capabilities": {k: caps for k in ("bounding", "effective", "permitted")},
	        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
	        "noNewPrivileges": True},
	    "root": {"path": rootfs, "readonly": False},
	    "hostname": "kata",
	    "mounts": [
	        mount("/proc", "proc", "proc"),
	        mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
	        mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
	        mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
	        mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
	        mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")],
	    "linux": {
	        "namespaces": [space(t) for t in spaces],
	        "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
	        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}},
	    open(file, "w"), indent=1)
	END
}

# What the kernel calls a process, which is its program's name up to 15 characters.
process_name() {
	cat "/proc/$1/comm" 2>/dev/null
}

# sandbox_pids ID: every process of ours that belongs to a sandbox has its id in its command line.
sandbox_pids() {
	local file pid

	# Processes come and go while this looks.
	{ grep -lF -- "$1" /proc/[0-9]*/cmdline 2>/dev/null || true; } | while read -r file; do
		pid=${file#/proc/}
		pid=${pid%/cmdline}
		case $(process_name "$pid") in
		kata-proxy | kata-shim | qemu-* | virtiofsd) echo "$pid" ;;
		esac
	done
}

# process_of ID NAME: the first process of that name, ours or a container manager's, that has the id in its command line.
process_of() {
	local file pid

	{ grep -lF -- "$1" /proc/[0-9]*/cmdline 2>/dev/null || true; } | while read -r file; do
		pid=${file#/proc/}
		pid=${pid%/cmdline}
		[ "$(process_name "$pid")" != "${2:0:15}" ] || echo "$pid"
	done | head -n 1 | grep .
}

DEBIAN_ROOTFS=$BUILD_DIR/debian-rootfs

# A small Debian, made once.
debian_rootfs() {
	[ ! -e "$DEBIAN_ROOTFS/etc/debian_version" ] || return 0
	rm -rf "$DEBIAN_ROOTFS".part
	mmdebstrap --quiet --variant=minbase "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" "$DEBIAN_ROOTFS".part
	mv "$DEBIAN_ROOTFS".part "$DEBIAN_ROOTFS"
}

# Memory of a process in kB: its own, and its part of what it shares.
pss_kb() {
	awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup" 2>/dev/null
}

n_fds() {
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

# fds_at_most PID NUMBER: to be waited for, since who is hung up on closes its end a moment later.
fds_at_most() {
	[ "$(n_fds "$1")" -le "$2" ]
}

# within SECONDS COMMAND...: try again until it succeeds or time is over. For conditions that nothing announces.
within() {
	local end=$(($(date +%s%N) + $1 * 1000000000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$end" ] || return 1
		read -rt 0.05 <> <(:) || true
	done
}

# --- for tests only ---

CENSUS=$SOURCE_DIR/tests/census/census

# For setup_file: one root file system and one configuration for all tests of a file. The first container
# leaves what all later ones share: parent directories, verdicts about this host.
vm_setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	need_guest
	export FILE_DIR=$BATS_FILE_TMPDIR
	busybox_rootfs "$FILE_DIR/rootfs"
	write_config "$FILE_DIR/configuration.toml"
	BATS_TEST_NUMBER=0 BATS_TEST_TMPDIR=$FILE_DIR/first vm_setup
	run_in_vm true </dev/null
}

# For setup: an id of its own for every test, and a bundle folder.
vm_setup() {
	ID=t$$-$BATS_TEST_NUMBER
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	CONFIG=$FILE_DIR/configuration.toml
	ROOT=$FILE_DIR/root
	mkdir -p "$BUNDLE"
	"$CENSUS" save "$BATS_TEST_TMPDIR/census"
}

# For teardown. A container may be left by a test that does not care, or has failed; nothing else may.
vm_teardown() {
	kata delete --force "$ID" >/dev/null 2>&1 || true
	"$CENSUS" diff "$BATS_TEST_TMPDIR/census" 10
}

# Every call has a deadline: a test that hangs says nothing.
kata() {
	timeout -k 5 "${LIMIT:-60}" "$RUNTIME" --kata-config "$CONFIG" --root "$ROOT" "$@" 3>&-
}

# run_in_vm PROGRAM [ARGUMENT...]: a container of its own, stdin is passed on.
run_in_vm() {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" "$@"
	kata run --bundle "$BUNDLE" "$ID"
}

# A container that runs until it is told to stop, with its streams in files.
start_in_vm() {
	bundle "$BUNDLE" "$FILE_DIR/rootfs" "$@"
	kata create --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	kata start "$ID"
}

has_status() {
	[ "$(kata state "$ID" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])')" = "$1" ]
}

# A network namespace for a pod with a veth to us, in which the pod is 10.9.0.2 and we are 10.9.0.1; its path is $NETNS.
netns_make() {
	NETNS=/run/netns/$1
	ip netns add "$1"
	ip link add "v-$1" type veth peer name eth0 netns "$1"
	ip addr add 10.9.0.1/24 dev "v-$1"
	ip link set "v-$1" up
	ip -n "$1" link set lo up
	ip -n "$1" addr add 10.9.0.2/24 dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via 10.9.0.1
}

netns_remove() {
	ip link del "v-$1"
	ip netns del "$1"
}

# What is ours in the network namespaces that have a name, or in the one that is a test's own: NETNS_OWN.
network_leftovers() {
	local name

	for name in ${NETNS_OWN:-$(ip netns list | cut -d ' ' -f 1)}; do
		ip -n "$name" -o link show | grep _kata || true
		tc -n "$name" qdisc show | grep -E ' (ingress|htb) ' || true
	done
}

# What there is of a sandbox on this host. Empty when it is gone.
leftovers() {
	network_leftovers
	sandbox_pids "$1"
	grep -F "$1" /proc/self/mounts || true
	find /run/vc /run/kata-containers "$ROOT" /sys/fs/cgroup -maxdepth 6 -name "*$1*" 2>/dev/null
	return 0
}

nothing_is_left() {
	[ -z "$(leftovers "$ID")" ]
}

assert_nothing_left() {
	within 20 nothing_is_left || {
		echo "left of $ID:"
		leftovers "$ID"
		return 1
	}
}
