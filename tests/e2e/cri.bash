# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Pods over the CRI of a containerd of our own (lib.bash: containerd_setup), as a kubelet makes them. Sourced.
#
# CRI_HANDLER=runc runs the same with containers of the host: what fails there too is no fault of ours.

HANDLER=${CRI_HANDLER:-kata}

cri() {
	timeout "$CLIENT_LIMIT" "$BATS_TEST_DIRNAME/cri" "$@" 3>&-
}

# A method whose answer is not wanted, and one field of an answer.
cri_do() {
	cri call "$@" >/dev/null
}

cri_get() {
	local field=$1

	shift
	cri call "$@" | jq -r "$field"
}

cri_setup() {
	[ "$HANDLER" = runc ] || [ -x "$BUILD_DIR/src/shim/containerd-shim-kata-v2" ] || skip "no shim for containerd"
	containerd_setup
	# The first pod leaves what all later ones share: the bridge, parent directories, the verdicts about this host.
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR first_pod
	"$CENSUS" save "$E2E_DIR/census"
}

first_pod() {
	run_pod first
	run_container first first-container . true
	remove_pod first
}

# Sandboxes that a test left are none of its successor's business.
cri_remove_all() {
	local id

	for id in $(cri_get '.items[].id' ListPodSandbox); do
		cri_do StopPodSandbox "{\"pod_sandbox_id\": \"$id\"}" || true
		cri_do RemovePodSandbox "{\"pod_sandbox_id\": \"$id\"}"
	done
}

cri_census() {
	cri_remove_all
	"$CENSUS" diff "$E2E_DIR/census" 10
}

# --- networks: configurations of CNI ---

# ranges SUBNET...: host-local; a first address is the gateway's
ranges() {
	printf '{ "subnet": "%s" }\n' "$@" | jq -sc '{ type: "host-local", dataDir: "/run/cni", ranges: map([.]) }'
}

# network FILE NAME IPAM PLUGIN...: PLUGIN is JSON; the first one gets the IPAM
network() {
	local file=$1 name=$2 ipam=$3

	shift 3
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$@" | jq -s --arg name "$name" --argjson ipam "$ipam" \
		'.[0].ipam = $ipam | { cniVersion: "0.4.0", name: $name, plugins: . }' >"$file"
}

# --- pods: each test has its own folder of "NAME.json", "NAME.id" ---

pod_file() {
	echo "$BATS_TEST_TMPDIR/$1.$2"
}

id_of() {
	cat "$(pod_file "$1" id)"
}

# run_pod NAME [CHANGE]: CHANGE is jq's, of the PodSandboxConfig.
run_pod() {
	mkdir -p "$BATS_TEST_TMPDIR/logs"
	jq -n --arg name "$1" --arg logs "$BATS_TEST_TMPDIR/logs" '{
		metadata: { name: $name, uid: "\($name)-uid", namespace: "default" },
		hostname: $name, log_directory: $logs, labels: { app: $name },
		linux: { cgroup_parent: "/kubepods", security_context: { namespace_options: { pid: "CONTAINER" } } }
	} | '"${2:-.}" >"$(pod_file "$1" json)"
	jq --arg handler "$HANDLER" '{ config: ., runtime_handler: $handler }' "$(pod_file "$1" json)" |
		cri call RunPodSandbox - | jq -r .pod_sandbox_id >"$(pod_file "$1" id)"
	[ -s "$(pod_file "$1" id)" ]
}

stop_pod() {
	cri_do StopPodSandbox "{\"pod_sandbox_id\": \"$(id_of "$1")\"}"
}

remove_pod() {
	stop_pod "$1"
	cri_do RemovePodSandbox "{\"pod_sandbox_id\": \"$(id_of "$1")\"}"
}

pod_state() {
	cri_get .status.state PodSandboxStatus "{\"pod_sandbox_id\": \"$(id_of "$1")\"}"
}

pod_is() {
	[ "$(pod_state "$1")" = "SANDBOX_$2" ]
}

# create_container POD NAME CHANGE COMMAND...: CHANGE is jq's, of the ContainerConfig. The name is one of the test's.
create_container() {
	local pod=$1 name=$2 change=$3

	shift 3
	jq -n --arg name "$name" '{
		metadata: { name: $name }, image: { image: "localhost/busybox:1" }, command: $ARGS.positional,
		log_path: "\($name).log",
		linux: { resources: {}, security_context: { namespace_options: { pid: "CONTAINER" } } }
	} | '"$change" --args -- "$@" >"$(pod_file "$name" json)"
	jq -n --arg pod "$(id_of "$pod")" --slurpfile config "$(pod_file "$name" json)" \
		--slurpfile pod_config "$(pod_file "$pod" json)" \
		'{ pod_sandbox_id: $pod, config: $config[0], sandbox_config: $pod_config[0] }' |
		cri call CreateContainer - | jq -r .container_id >"$(pod_file "$name" id)"
	[ -s "$(pod_file "$name" id)" ]
}

container_do() {
	cri_do "$1" "{\"container_id\": \"$(id_of "$2")\"}"
}

start_container() {
	container_do StartContainer "$1"
}

# run_container POD NAME CHANGE COMMAND...
run_container() {
	create_container "$@"
	start_container "$2"
}

# stop_container NAME [SECONDS]: how long it may take to heed SIGTERM.
stop_container() {
	cri_do StopContainer "{\"container_id\": \"$(id_of "$1")\", \"timeout\": ${2:-0}}"
}

remove_container() {
	container_do RemoveContainer "$1"
}

# status_of NAME FIELD
status_of() {
	cri_get ".status.$2" ContainerStatus "{\"container_id\": \"$(id_of "$1")\"}"
}

container_is() {
	[ "$(status_of "$1" state)" = "CONTAINER_$2" ]
}

# ended NAME CODE: within a time that a container of these tests may take
ended() {
	within 60 container_is "$1" EXITED
	[ "$(status_of "$1" exit_code)" = "$2" ]
}

# in_container NAME COMMAND...
in_container() {
	local name=$1

	shift
	cri exec "$(id_of "$name")" "$@"
}

# said NAME: its log, without the time and the stream of each line
said() {
	sed -E 's/^[^ ]+ (stdout|stderr) F //' "$BATS_TEST_TMPDIR/logs/$1.log"
}

has_said() {
	said "$1" | grep -q -- "$2"
}

need_vm() {
	[ "$HANDLER" != runc ] || skip "about virtual machines"
}
