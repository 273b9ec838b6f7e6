# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests with real container managers share: a daemon of their own, an image made on the spot, the census.
# Sourced inside tests/lib/isolate, so that the daemon's network, /run and cgroups are the test's.

# shellcheck source=tests/vm/lib.bash
source "$BATS_TEST_DIRNAME/../vm/lib.bash"

CENSUS=$BATS_TEST_DIRNAME/../census/census
DOCKERD=/usr/sbin/dockerd
DOCKER=/usr/bin/docker # of the same package as the daemon; another one may come first in PATH

CLIENT_LIMIT=${CLIENT_LIMIT:-120} # seconds for a command of a client

# Storage of a daemon must not be on an overlay, which the isolated /var/lib is.
e2e_setup_dirs() {
	[ -z "${E2E_DIR:-}" ] || return 0 # both clients in one test
	need_guest
	E2E_DIR=$(mktemp -d "$BUILD_DIR/e2e-XXXXXX")
	export E2E_DIR
	write_config /etc/kata-containers/configuration.toml
	busybox_rootfs "$E2E_DIR/rootfs"
	cp "$BUILD_DIR"/tests/tools/{fs_probe,net_peer} "$E2E_DIR/rootfs/bin/"
}

# A client that left its containers running, or a daemon that was killed, left its mounts too.
e2e_remove_dirs() {
	awk '{ print $2 }' /proc/self/mounts | grep "^$E2E_DIR/" | tac | xargs -r -n 1 umount || true
	rm -rf "$E2E_DIR"
}

# What the daemon may do to the test's network. Most tests want nothing of it; network.bash has another list.
DOCKERD_NETWORK=(--bridge=none --iptables=false --ip-forward=false --ip-masq=false)

docker_start_daemon() {
	# It refuses to start while its predecessor's pid is there, which is until the last thread of that has ended.
	[ ! -f "$E2E_DIR/dockerd.pid" ] || within 10 test ! -d "/proc/$(cat "$E2E_DIR/dockerd.pid")"
	"$DOCKERD" --config-file "$E2E_DIR/daemon.json" --data-root "$E2E_DIR/docker" --exec-root /run/docker \
		-H unix:///run/docker.sock -p /run/docker.pid "${DOCKERD_NETWORK[@]}" \
		--storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs \
		>>"$E2E_DIR/dockerd.log" 2>&1 3>&- &
	echo $! >"$E2E_DIR/dockerd.pid"
	disown # a shell that is told of its end would print that
	within 60 docker version
}

docker_setup() {
	e2e_setup_dirs
	printf '{ "runtimes": { "kata-runtime": { "path": "%s" } } }\n' "$RUNTIME" >"$E2E_DIR/daemon.json"
	docker_start_daemon
	tar -C "$E2E_DIR/rootfs" -c . | docker import - busybox >/dev/null
	# The first container leaves what all later ones share: parent directories, the verdicts about this host.
	run_kata --rm busybox true
	"$CENSUS" save "$E2E_DIR/census"
}

docker_stop_daemon() {
	local pid

	pid=$(cat "$E2E_DIR/dockerd.pid")
	kill "$pid"
	within 30 is_gone "$pid"
}

docker_teardown() {
	docker_down
	e2e_remove_dirs
}

docker_down() {
	[ ! -f "$E2E_DIR/dockerd.pid" ] || docker_stop_daemon
}

is_gone() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

docker() {
	timeout "$CLIENT_LIMIT" "$DOCKER" -H unix:///run/docker.sock "$@"
}

# Everything that the tests run has no network of the host's making: containers get lo.
run_kata() {
	docker run --runtime kata-runtime --network none "$@"
}

# Our processes, mounts and directories are gone when docker says that the container is.
assert_census() {
	docker ps -aq | while read -r id; do docker rm -f "$id" >/dev/null; done
	"$CENSUS" diff "$E2E_DIR/census" 10
}

# in_terminal [OPTION...] COMMAND...: see tests/vm/terminal
in_terminal() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../vm/terminal" "$@"
}

# --- podman ---

podman() {
	timeout "$CLIENT_LIMIT" /usr/bin/podman --root "$E2E_DIR/podman" --runroot /run/podman --tmpdir /run/podman/tmp \
		--cgroup-manager cgroupfs --events-backend file --storage-driver overlay --runtime "$RUNTIME" "$@" 3>&-
}

# For programs that start one themselves (terminal): the same as words.
podman_words() {
	printf '%s\n' /usr/bin/podman --root "$E2E_DIR/podman" --runroot /run/podman --tmpdir /run/podman/tmp \
		--cgroup-manager cgroupfs --events-backend file --storage-driver overlay --runtime "$RUNTIME"
}

run_podman() {
	podman run --network none "$@"
}

podman_setup() {
	e2e_setup_dirs
	tar -C "$E2E_DIR/rootfs" -c . | podman import - busybox >/dev/null 2>&1
	# The first container leaves what all later ones share: parent directories, the verdicts about this host.
	run_podman --rm busybox true
	podman pod create --name first --network none >/dev/null
	podman pod rm -f first >/dev/null
	"$CENSUS" save "$E2E_DIR/census"
}

podman_remove_all() {
	podman pod rm -fa -t 0 >/dev/null && podman rm -fa -t 0 >/dev/null
}

podman_teardown() {
	podman_remove_all 2>/dev/null || true
	e2e_remove_dirs
}

podman_census() {
	podman_remove_all
	# podman forgets a pod's group in these two hierarchies, with runc as well.
	find /sys/fs/cgroup/{systemd,unified}/libpod_parent -mindepth 1 -maxdepth 1 -type d ! -name 'libpod-*' \
		-exec rmdir {} + 2>/dev/null || true
	# Its storage is mounted now and then.
	CENSUS_IGNORE="${CENSUS_IGNORE:+$CENSUS_IGNORE|}^mount $E2E_DIR/podman/overlay " "$CENSUS" diff "$E2E_DIR/census" 10
}

# --- containerd ---

# Another containerd than Debian's, and its ctr: CONTAINERD=/somewhere/containerd. Its shim for runc is beside it.
CONTAINERD=${CONTAINERD:-/usr/bin/containerd}
CTR=${CTR:-$(dirname "$CONTAINERD")/ctr}

# A network for pods, since the CRI wants one with an address: a bridge without a way out.
containerd_network() {
	mkdir -p "$E2E_DIR/cni"
	cat >"$E2E_DIR/cni/10-pods.conflist" <<-END
	{ "cniVersion": "0.4.0", "name": "pods", "plugins": [ {
		"type": "bridge", "bridge": "cni0", "isGateway": false, "ipMasq": false,
		"ipam": { "type": "host-local", "dataDir": "/run/cni",
			"ranges": [ [ { "subnet": "10.88.0.0/16" } ] ], "routes": [] } } ] }
	END
}

# More networks, each with runtime handlers of its own (kata-NAME, runc-NAME), are folders of configurations
# "$E2E_DIR/cni-NAME". A pod gets an interface of each configuration.
containerd_more_handlers() {
	local dir name

	for dir in "$E2E_DIR"/cni-*/; do
		[ -d "$dir" ] || continue
		name=$(basename "$dir")
		name=${name#cni-}
		containerd_handler "runc-$name" io.containerd.runc.v2 "$dir"
		containerd_handler "kata-$name" io.containerd.kata.v2 "$dir"
	done >>"$E2E_DIR/containerd.toml"
}

# containerd_handler NAME RUNTIME FOLDER
containerd_handler() {
	cat <<-END
	[$cri.containerd.runtimes.$1]
	runtime_type = "$2"
	cni_conf_dir = "$3"
	cni_max_conf_num = 9
	pod_annotations = ["io.katacontainers.*"]
	END
}

# Of every version's configuration: 2.x reads version 2 too.
containerd_config() {
	local cri='plugins."io.containerd.grpc.v1.cri"'

	cat >"$E2E_DIR/containerd.toml" <<-END
	version = 2
	root = "$E2E_DIR/containerd"
	state = "/run/containerd"
	[grpc]
	address = "/run/containerd/containerd.sock"
	[$cri]
	sandbox_image = "localhost/pause:1"
	restrict_oom_score_adj = true # this host may not let it be lowered
	[$cri.cni]
	bin_dir = "/usr/lib/cni"
	conf_dir = "$E2E_DIR/cni"
	[$cri.containerd.runtimes.runc]
	runtime_type = "io.containerd.runc.v2"
	[$cri.containerd.runtimes.kata]
	runtime_type = "io.containerd.kata.v2"
	privileged_without_host_devices = true
	pod_annotations = ["io.katacontainers.*"]
	container_annotations = ["io.katacontainers.*"]
	END
	containerd_more_handlers
}

containerd_start() {
	PATH=${SHIM_DIR:-$BUILD_DIR/src/shim}:$(dirname "$CONTAINERD"):$PATH "$CONTAINERD" --config "$E2E_DIR/containerd.toml" \
		>>"$E2E_DIR/containerd.log" 2>&1 3>&- &
	echo $! >"$E2E_DIR/containerd.pid"
	disown # a shell that is told of its end would print that
	within 60 ctr version
}

# With its images: localhost/busybox:1, and localhost/pause:1 for pods' sandbox containers; in the namespaces
# default and k8s.io.
containerd_setup() {
	e2e_setup_dirs
	containerd_network
	containerd_config
	containerd_start
	mkdir -p "$E2E_DIR/pause"
	cp "$BUILD_DIR/tests/tools/pause" "$E2E_DIR/pause/"
	import_image localhost/busybox:1 "$E2E_DIR/rootfs" sh
	import_image localhost/pause:1 "$E2E_DIR/pause" /pause
}

# import_image NAME DIRECTORY COMMAND...
import_image() {
	local namespace

	"$BATS_TEST_DIRNAME/image" "$@" >"$E2E_DIR/image.tar"
	for namespace in default k8s.io; do
		ctr -n "$namespace" images import "$E2E_DIR/image.tar" >/dev/null
	done
	rm "$E2E_DIR/image.tar"
}

containerd_pid() {
	cat "$E2E_DIR/containerd.pid"
}

containerd_stop() {
	local pid

	pid=$(containerd_pid)
	kill "$pid"
	within 30 is_gone "$pid"
}

containerd_teardown() {
	[ ! -f "$E2E_DIR/containerd.pid" ] || containerd_stop
	e2e_remove_dirs
}

# Never with our stdin: it has hung `ctr task exec`.
ctr() {
	timeout "$CLIENT_LIMIT" "$CTR" -a /run/containerd/containerd.sock "$@" </dev/null 3>&-
}
