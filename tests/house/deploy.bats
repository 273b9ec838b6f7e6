#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# deploy/install and deploy/uninstall, on trees made up for the test; the lines for containerd with the real one

bats_require_minimum_version 1.5.0

setup() {
	deploy=$BATS_TEST_DIRNAME/../../deploy
	node=$BATS_TEST_TMPDIR/node
	stage=$BATS_TEST_TMPDIR/stage
	mkdir -p "$node/etc/containerd" "$node/usr/local/bin" "$stage/usr/local/bin" "$stage/usr/local/share/kata-containers"
	printf 'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "a/pause:1"\n' >"$node/etc/containerd/config.toml"
	echo shim >"$stage/usr/local/bin/containerd-shim-kata-v2"
	chmod 755 "$stage/usr/local/bin/containerd-shim-kata-v2"
	echo kernel >"$stage/usr/local/share/kata-containers/vmlinux-6"
	ln -s vmlinux-6 "$stage/usr/local/share/kata-containers/vmlinux.container"
}

# Everything about a tree but its times.
picture() {
	(cd "$node" && find . -printf '%p %y %m %l\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

install_here() {
	"$deploy/install" -d "$node" -s "$stage" "$@"
}

@test "deploy: what is installed and uninstalled leaves the tree as it was" {
	picture >"$BATS_TEST_TMPDIR/before"
	for version in 1 2; do
		run -0 install_here -m containerd -m crio -V $version
		[ -x "$node/usr/local/bin/containerd-shim-kata-v2" ]
		[ "$(cat "$node/usr/local/share/kata-containers/vmlinux.container")" = kernel ]
		grep -q '^runtime_type\|^  runtime_type = "vm"' "$node/etc/crio/crio.conf.d/50-kata.conf"
		run -0 "$deploy/uninstall" -d "$node"
		picture | diff "$BATS_TEST_TMPDIR/before" -
	done
}

@test "deploy: twice is as once, and an update takes the place of what was there" {
	picture >"$BATS_TEST_TMPDIR/before"
	install_here -m containerd -V 2
	picture >"$BATS_TEST_TMPDIR/once"
	install_here -m containerd -V 2
	picture | diff "$BATS_TEST_TMPDIR/once" -
	echo newer >"$stage/usr/local/bin/containerd-shim-kata-v2"
	rm "$stage/usr/local/share/kata-containers/"*
	echo kernel >"$stage/usr/local/share/kata-containers/vmlinux-7"
	install_here -m containerd -V 2
	[ "$(cat "$node/usr/local/bin/containerd-shim-kata-v2")" = newer ]
	"$deploy/uninstall" -d "$node"
	picture | diff "$BATS_TEST_TMPDIR/before" -
}

@test "deploy: a file in the way stops it before anything is done" {
	echo mine >"$node/usr/local/bin/containerd-shim-kata-v2"
	picture >"$BATS_TEST_TMPDIR/before"
	run -1 install_here -m containerd -V 2
	[[ $output == *"/usr/local/bin/containerd-shim-kata-v2' is there already"* ]]
	picture | diff "$BATS_TEST_TMPDIR/before" -
}

@test "deploy: the same file of somebody else stays theirs" {
	cp -a "$stage/usr/local/bin/containerd-shim-kata-v2" "$node/usr/local/bin/"
	picture >"$BATS_TEST_TMPDIR/before"
	install_here -m containerd -V 2
	"$deploy/uninstall" -d "$node"
	picture | diff "$BATS_TEST_TMPDIR/before" -
}

@test "deploy: a file that was changed since is left and named" {
	install_here -m crio
	echo '# mine' >>"$node/etc/crio/crio.conf.d/50-kata.conf"
	run -1 install_here -m crio
	[[ $output == *50-kata.conf* ]]
	run -0 "$deploy/uninstall" -d "$node"
	[[ $output == *"50-kata.conf' was changed since"* ]]
	[ -f "$node/etc/crio/crio.conf.d/50-kata.conf" ]
	[ ! -e "$node/usr/local/share/kata-containers" ]
}

@test "deploy: a run that was broken off is cleaned up by uninstall" {
	picture >"$BATS_TEST_TMPDIR/before"
	mkdir "$BATS_TEST_TMPDIR/bin"
	# The third file is not put in place any more.
	cat >"$BATS_TEST_TMPDIR/bin/mv" <<-'END'
	#!/bin/sh
	case $* in *50-kata.conf) exit 1 ;; esac
	exec /bin/mv "$@"
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/mv"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -1 install_here -m containerd -m crio -V 2
	rm "$node/etc/crio/crio.conf.d/50-kata.conf.kata-new"
	run -0 "$deploy/uninstall" -d "$node"
	picture | diff "$BATS_TEST_TMPDIR/before" -
}

@test "deploy: nothing is removed while sandboxes run, unless it has to be" {
	install_here -m containerd -V 2
	mkdir -p "$node/run/vc/sbs/abc"
	picture >"$BATS_TEST_TMPDIR/before"
	run -1 "$deploy/uninstall" -d "$node"
	[[ $output == *"sandboxes run: abc"* ]]
	picture | diff "$BATS_TEST_TMPDIR/before" -
	run -0 "$deploy/uninstall" -d "$node" -f
	[ ! -e "$node/usr/local/bin/containerd-shim-kata-v2" ]
}

@test "deploy: without an install there is nothing to uninstall" {
	run -1 "$deploy/uninstall" -d "$node"
	[[ $output == *"nothing was installed"* ]]
}

# dump PROGRAM FILE: what containerd makes of its configuration.
dump() {
	"$1" --config "$2" config dump | tr -d "'\"" | sed 's/^ *//'
}

@test "deploy: containerd 1.x with the lines has kata, runc, and what it had" {
	command -v containerd >/dev/null || skip "no containerd"
	[[ $(containerd --version) == *" 1."* ]] || skip "this containerd is not 1.x"
	run -0 install_here -m containerd
	[[ $output == *"cat /etc/kata-containers/containerd-1.toml >>/etc/containerd/config.toml"* ]]
	cat "$node/etc/kata-containers/containerd-1.toml" >>"$node/etc/containerd/config.toml"
	dump containerd "$node/etc/containerd/config.toml" >"$BATS_TEST_TMPDIR/dump"
	for line in '[plugins.io.containerd.grpc.v1.cri.containerd.runtimes.kata]' 'runtime_type = io.containerd.kata.v2' \
		'[plugins.io.containerd.grpc.v1.cri.containerd.runtimes.kata-qemu]' \
		'ConfigPath = /usr/local/share/defaults/kata-containers/configuration-qemu.toml' \
		'privileged_without_host_devices = true' 'pod_annotations = [io.katacontainers.*]' \
		'[plugins.io.containerd.grpc.v1.cri.containerd.runtimes.runc]' 'sandbox_image = a/pause:1'; do
		grep -qxF "$line" "$BATS_TEST_TMPDIR/dump" || { echo "no '$line'"; return 1; }
	done
	run -0 install_here -m containerd
	[[ $output == *"has the runtime classes already"* ]]
	# The lines that uninstall tells leave the file as it was.
	run -0 "$deploy/uninstall" -d "$node"
	sed -i '/^# begin kata-containers/,/^# end kata-containers/d' "$node/etc/containerd/config.toml"
	[[ $output == *"sed -i '/^# begin kata-containers/,/^# end kata-containers/d' /etc/containerd/config.toml"* ]]
	[ "$(wc -l <"$node/etc/containerd/config.toml")" = 3 ]
}

# plain FILE: its tables and keys, without comments and without the plugin's name, which is another in 2.x.
plain() {
	sed -E 's/^ *//; /^(#.*|version = .*)?$/d; s/plugins\."[^"]*"\.//' "$1"
}

# Debian 12 has 1.6. One of 2.x is named by CONTAINERD_2, and then asked too.
@test "deploy: what containerd 2.x imports says the same, and leaves the rest alone" {
	plain "$deploy/containerd/kata-1.toml.in" | diff - <(plain "$deploy/containerd/kata-2.toml.in")
	cat >"$node/etc/containerd/config.toml" <<-END
	version = 3
	imports = ["$node/etc/containerd/conf.d/*.toml"]
	[plugins."io.containerd.cri.v1.runtime"]
	  enable_selinux = true
	END
	run -0 install_here -m containerd -V 2
	[[ $output == *"imports the runtime classes already"* ]]
	grep -qx 'version = 3' "$node/etc/containerd/conf.d/kata.toml"
	[ -n "${CONTAINERD_2:-}" ] || return 0
	dump "$CONTAINERD_2" "$node/etc/containerd/config.toml" >"$BATS_TEST_TMPDIR/dump"
	for line in '[plugins.io.containerd.cri.v1.runtime.containerd.runtimes.kata]' 'runtime_type = io.containerd.kata.v2' \
		'[plugins.io.containerd.cri.v1.runtime.containerd.runtimes.kata-qemu]' \
		'ConfigPath = /usr/local/share/defaults/kata-containers/configuration-qemu.toml' \
		'[plugins.io.containerd.cri.v1.runtime.containerd.runtimes.runc]' 'enable_selinux = true'; do
		grep -qxF "$line" "$BATS_TEST_TMPDIR/dump" || { echo "no '$line'"; return 1; }
	done
}

@test "deploy: each runtime class of Kubernetes is one of the managers', and has an overhead" {
	classes=$(sed -n 's/^handler: //p' "$deploy/kubernetes/runtimeclass.yaml")
	[ "$(wc -w <<<"$classes")" = "$(grep -c '^    memory: "[0-9]*Mi"$' "$deploy/kubernetes/runtimeclass.yaml")" ]
	grep -q "^  runtimeClassName: kata$" "$deploy/kubernetes/pod.yaml"
	for class in $classes; do
		grep -qx "  name: $class" "$deploy/kubernetes/runtimeclass.yaml"
		for file in containerd/kata-1.toml.in containerd/kata-2.toml.in crio/50-kata.conf.in; do
			grep -qF ".runtimes.$class]" "$deploy/$file"
		done
	done
}
