#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time
#
# Many pods, two at a time, come and go: nothing is left of them, and containerd does not grow. Each has a published
# port and limits, so that there are rules and queueing disciplines of it, besides links and namespaces.
# PODS=50 TURNS=5 for the long form.

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/cri.bash"

PODS=${PODS:-4}
TURNS=${TURNS:-3}

containerd_network() {
	network "$E2E_DIR/cni/10-pods.conflist" pods "$(ranges 10.88.0.0/16 fd00:88::/64)" \
		'{ "type": "bridge", "bridge": "cni0", "isGateway": true }' \
		'{ "type": "portmap", "capabilities": { "portMappings": true } }' \
		'{ "type": "bandwidth", "ingressRate": 80000000, "ingressBurst": 8000000, "egressRate": 80000000, "egressBurst": 8000000 }'
}

# The plugin's own chains stay, when there was one published port.
first_pod() {
	run_pod first '.port_mappings = [{ protocol: "TCP", container_port: 80, host_port: 79 }]'
	remove_pod first
}

setup_file() {
	cri_setup
}

teardown_file() {
	containerd_teardown
}

teardown() {
	cri_census
}

# containerd's memory in kB and its descriptors
figures() {
	echo "$(awk '/^VmRSS:/ { print $2 }' "/proc/$(containerd_pid)/status")" \
		"$(n_fds "$(containerd_pid)")"
}

# "many" is what containers and pods of this test have as their name, with a number behind it.
turn() {
	local pod container

	pod=$(jq -nc --arg handler "$HANDLER" '{ runtime_handler: $handler, config: {
		metadata: { name: "many", uid: "many", namespace: "default" }, hostname: "many",
		port_mappings: [{ container_port: 80, host_port: 8000 }, { protocol: "UDP", container_port: 53, host_port: 8000 }],
		linux: { cgroup_parent: "/kubepods", security_context: { namespace_options: { pid: "CONTAINER" } } } } }')
	container=$(jq -nc '{ metadata: { name: "NAME" }, image: { image: "localhost/busybox:1" }, command: ["sleep", "600"],
		linux: { resources: {}, security_context: { namespace_options: { pid: "CONTAINER" } } } }')
	CLIENT_LIMIT=$((60 + PODS * 20)) cri bench "$PODS" "$pod" "${container/NAME/one}" "${container/NAME/two}"
}

@test "$PODS pods of two containers, $TURNS times, two at a time" {
	turn
	"$CENSUS" diff "$E2E_DIR/census" 10
	read -r memory fds < <(figures)
	echo "# after turn 1: $memory kB, $fds descriptors"
	for i in $(seq 2 "$TURNS"); do
		turn
		"$CENSUS" diff "$E2E_DIR/census" 10
		read -r memory_now fds_now < <(figures)
		echo "# after turn $i: $memory_now kB, $fds_now descriptors"
	done
	# What garbage holds goes when the collector runs: within two minutes, and sooner when there is work.
	within 150 is_flat
}

# A garbage collector's idea of flat, after a question that makes garbage
is_flat() {
	local memory_now fds_now

	ctr -n k8s.io containers ls
	read -r memory_now fds_now < <(figures)
	[ "$fds_now" -le $((fds + 2)) ] && [ "$memory_now" -le $((memory + memory / 4)) ]
}
