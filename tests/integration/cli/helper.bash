# SPDX-License-Identifier: Apache-2.0
# helper.bash - what the tests of kata-runtime share
#
# The programs under test come from the environment (see meson.build): KATA_RUNTIME, KATA_SHIM,
# FAKE_PROXY. run-private gives each file of tests a /run of its own.

bats_require_minimum_version 1.5.0

setup_common() {
	export DIR="$BATS_TEST_TMPDIR"
	export BUNDLE="$DIR/bundle"
	export CONF="$DIR/configuration.toml"
	mkdir -p "$BUNDLE/rootfs"
	echo kernel >"$DIR/vmlinux"
	echo initrd >"$DIR/initrd"
	cat >"$CONF" <<-END
		[hypervisor.qemu]
		path = "/bin/true"
		kernel = "$DIR/vmlinux"
		initrd = "$DIR/initrd"
		shared_fs = "virtio-9p"
		[proxy.kata]
		path = "$FAKE_PROXY"
		[shim.kata]
		path = "$KATA_SHIM"
	END
	bundle true
}

# bundle PROGRAM [ARGUMENT...]: a config.json that runs it. JQ-free: printf quotes for JSON here.
bundle() {
	local args="" word
	for word; do
		word=${word//\\/\\\\}
		word=${word//\"/\\\"}
		args="$args${args:+, }\"$word\""
	done
	cat >"$BUNDLE/config.json" <<-END
		{ "ociVersion": "1.0.2",
		  "process": { "terminal": ${TERMINAL:-false}, "user": { "uid": 0, "gid": 0 },
		    "args": [$args], "env": ["PATH=/usr/bin:/bin", "GREETING=hello"], "cwd": "/" },
		  "root": { "path": "rootfs" }, "mounts": [],
		  "hooks": { ${HOOKS:-} },
		  "annotations": { ${ANNOTATIONS:-} },
		  "linux": { "namespaces": [ { "type": "pid" }, { "type": "mount" }, { "type": "network" } ] } }
	END
}

kata() {
	"$KATA_RUNTIME" --config "$CONF" "$@"
}

# wait_for SECONDS COMMAND...: until it succeeds. The one place that looks again and again: what
# is waited for here happens in processes that tell nobody.
wait_for() {
	local tries=$(($1 * 50))
	shift
	until "$@"; do
		((tries-- > 0)) || return 1
		read -rt 0.02 <> <(:) || :
	done
}

status_is() {
	[ "$(kata state "$1" | sed -n 's/.*"status": "\(.*\)".*/\1/p')" = "$2" ]
}

pid_of() {
	kata state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'
}

supervisor_of() {
	pgrep -f -- "-sandbox $1 .*-config $CONF"
}

# program_of COMMAND-LINE: the pids that run it here, in this test's mount namespace.
program_of() {
	local pid
	for pid in $(pgrep -f "$1\$" || :); do
		[ "$(readlink "/proc/$pid/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] ||
			has_ended "$pid" || echo "$pid"
	done
}

# Gone, or dead and not reaped yet by whoever adopted it.
has_ended() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null
}

# What every test ends with: nothing is left, not even after what was left was removed.
census() {
	local id left=""
	for id in $(kata list -q); do
		kata delete --force "$id" || left="$left delete:$id"
	done
	[ -z "$(ls -A /run/vc/sbs 2>/dev/null)" ] || left="$left $(ls /run/vc/sbs)"
	[ -z "$(ls -A /run/kata-containers/containers-mapping 2>/dev/null)" ] || left="$left mapping"
	for pid in $(pgrep -x 'kata-shim|kata-runtime|fake_proxy' || :); do
		# Only ours: those that live in this test's mount namespace.
		[ "$(readlink "/proc/$pid/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] ||
			has_ended "$pid" || left="$left $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
	[ -z "$left" ] || {
		echo "left behind: $left"
		return 1
	}
}
