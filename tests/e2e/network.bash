# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of networks share. "The host" is the test's own network namespace: the daemon makes its bridges
# there, and there its rules are. Sourced.
#
# NETWORK_RUNTIME=runc runs the same tests with containers of the host: what passes there is what people expect.

# shellcheck source=tests/e2e/lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

NETWORK_RUNTIME=${NETWORK_RUNTIME:-kata-runtime}
CLIENT=docker # or podman: whose containers are asked
PORT=7000 # of net_peer, in every container
NET_PEER=$BUILD_DIR/tests/tools/net_peer

# ip6tables is an experiment in 20.10; without it nothing of IPv6 is published.
# shellcheck disable=SC2034 # for docker_start_daemon
DOCKERD_NETWORK=(--experimental --ip6tables)

needs_vm() {
	[ "$NETWORK_RUNTIME" = kata-runtime ] || skip "of virtual machines only"
}

# What docker makes once and keeps, it has made before the census: the rules of the first network with IPv6, its name
# for the host's network.
network_docker_setup() {
	docker_setup
	docker network create --ipv6 --subnet 10.70.0.0/24 --subnet fd70::/64 first >/dev/null
	docker run --rm --network host busybox true
	docker run --rm --runtime "$NETWORK_RUNTIME" --network first busybox true
	docker network rm first >/dev/null
	"$CENSUS" save "$E2E_DIR/census"
	in_background "$NET_PEER" serve "$PORT"
}

# A server of the host's, until the end of the file.
in_background() {
	"$@" 3>&- &
	echo $! >>"$E2E_DIR/servers"
	disown
}

network_docker_teardown() {
	[ ! -f "$E2E_DIR/servers" ] || xargs kill <"$E2E_DIR/servers"
	docker_teardown
}

# The guest's configuration with another model: network_model tcfilter|macvtap|none
network_model() {
	write_config /etc/kata-containers/configuration.toml
	printf '[runtime]\ninternetworking_model = "%s"\n' "$1" >>/etc/kata-containers/configuration.toml
}

# start NAME [OPTION...]: a container that answers on PORT, with the runtime that is tested
start() {
	local name=$1

	shift
	docker run -d --name "$name" --runtime "$NETWORK_RUNTIME" "$@" busybox net_peer serve "$PORT" >/dev/null
}

inside() {
	local name=$1

	shift
	"$CLIENT" exec "$name" "$@"
}

# of NAME NETWORK FIELD: what the manager says, such as IPAddress, GlobalIPv6Address, MacAddress, Gateway
of() {
	"$CLIENT" inspect -f "{{(index .NetworkSettings.Networks \"$2\").$3}}" "$1"
}

# in_netns NAME COMMAND...: in the network namespace that the daemon made for the container
in_netns() {
	local key

	key=$("$CLIENT" inspect -f '{{.NetworkSettings.SandboxKey}}' "$1")
	shift
	nsenter --net="$key" "$@"
}

# Of an interface inside: "MAC MTU", and its addresses "ADDRESS/PREFIX", sorted, without link-local ones.
link_of() {
	inside "$1" cat "/sys/class/net/$2/address" "/sys/class/net/$2/mtu" | paste -sd ' '
}

addresses_of() {
	inside "$1" ip addr show dev "$2" | awk '$1 ~ /^inet/ && $2 !~ /^fe80:/ { print $2 }' | sort | paste -sd ' '
}

has_addresses() {
	[ "$(addresses_of "$1" "$2")" = "$3" ]
}

has_link() {
	inside "$1" test -d "/sys/class/net/$2"
}

has_no_link() {
	! has_link "$@"
}

# host_asks ADDRESS [PORT]; asks NAME ADDRESS [PORT]: TCP and UDP, both ways and compared. BYTES for TCP.
host_asks() {
	"$NET_PEER" tcp "$1" "${2:-$PORT}" "${BYTES:-1000000}"
	"$NET_PEER" udp "$1" "${2:-$PORT}" 50 1400
}

asks() {
	inside "$1" net_peer tcp "$2" "${3:-$PORT}" "${BYTES:-1000000}"
	inside "$1" net_peer udp "$2" "${3:-$PORT}" 20 1400
}

# resolves NAME WANTED ADDRESS: one of the addresses that a name has inside. busybox puts the search domain behind
# every name that does not end in a dot.
resolves() {
	inside "$1" nslookup "$2" | grep -qxE "Address: +$3"
}

answers_ping() {
	/bin/busybox ping -c 1 -W 2 "$1"
}

# --- podman ---

# The tests' podman takes another runtime by its path.
[ "$NETWORK_RUNTIME" = kata-runtime ] || RUNTIME=$(command -v "$NETWORK_RUNTIME")

# podman_network_setup netavark|cni: with what it makes once and keeps
podman_network_setup() {
	mkdir -p /etc/containers/containers.conf.d
	printf '[network]\nnetwork_backend = "%s"\n' "$1" >/etc/containers/containers.conf
	podman_setup
	# netavark leaves one empty chain a network, with runc too.
	export CENSUS_IGNORE='^rule chain ip6? nat NETAVARK-DN-'
	podman network create --ipv6 --subnet 10.60.0.0/24 --subnet fd60::/64 first >/dev/null
	podman run --rm --network first -p 8060:80 busybox true
	podman run --rm busybox true
	podman network rm first >/dev/null
	"$CENSUS" save "$E2E_DIR/census"
	in_background "$NET_PEER" serve "$PORT"
}

podman_network_teardown() {
	[ ! -f "$E2E_DIR/servers" ] || xargs kill <"$E2E_DIR/servers"
	podman_teardown
}
