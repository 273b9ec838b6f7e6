#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the container's
#
# Pods, as a kubelet makes them over containerd's CRI.

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/cri.bash"

EXECS=${PODS_EXECS:-200} # execs of the probe test
EVERY=${PODS_EXEC_EVERY:-0} # seconds between them: 600 of them with 1 are what a probe does in ten minutes

setup_file() {
	cri_setup
}

teardown_file() {
	containerd_teardown
}

teardown() {
	cri_census
}

boot_id() {
	in_container "$1" cat /proc/sys/kernel/random/boot_id
}

@test "a pod of two containers is one machine: hostname, /dev/shm and network are common, processes are not" {
	run_pod pod
	run_container pod one . sh -c 'echo 5 >/dev/shm/x; exec sleep 600'
	run_container pod two . sleep 600
	pod_is pod READY
	container_is one RUNNING
	[ "$(boot_id one)" = "$(boot_id two)" ]
	[ "$(in_container one hostname)" = pod ]
	[ "$(in_container two hostname)" = pod ]
	within 60 in_container two cat /dev/shm/x
	[ "$(in_container one readlink /proc/self/ns/net)" = "$(in_container two readlink /proc/self/ns/net)" ]
	[ "$(in_container one ps -o pid,comm | grep -c sleep)" = 1 ]
	[ "$HANDLER" = runc ] || [ "$(boot_id one)" != "$(cat /proc/sys/kernel/random/boot_id)" ]
	[ "$(cri_get '.containers | length' ListContainers)" = 2 ]
	stop_pod pod
	pod_is pod NOTREADY
	container_is one EXITED
	remove_pod pod
	[ "$(cri_get '.items | length' ListPodSandbox)" = 0 ]
}

@test "init containers run one after another, and what they leave on a volume is there" {
	run_pod pod
	mkdir "$BATS_TEST_TMPDIR/work"
	volume=".mounts = [{ container_path: \"/notes\", host_path: \"$BATS_TEST_TMPDIR/work\" }]"
	for name in first second; do
		run_container pod "$name" "$volume" sh -c "echo $name >>/notes/order"
		ended "$name" 0
		remove_container "$name"
	done
	run_container pod failing . sh -c 'exit 7'
	ended failing 7
	[ "$(status_of failing reason)" = Error ]
	run_container pod main "$volume" sleep 600
	[ "$(in_container main cat /notes/order | paste -sd ' ')" = "first second" ]
}

@test "a shared pid namespace: pause is process 1, each sees and may signal the other, orphans are buried" {
	run_pod pod '.linux.security_context.namespace_options.pid = "POD"'
	shared='.linux.security_context.namespace_options.pid = "POD"'
	run_container pod one "$shared" sleep 601
	run_container pod two "$shared" sleep 602
	[ "$(in_container one cat /proc/1/comm)" = pause ]
	in_container one ps | grep -q 'sleep 602'
	in_container two ps | grep -q 'sleep 601'
	orphan=$(in_container one sh -c 'sleep 0.1 >/dev/null 2>&1 & echo $!')
	within 10 in_container one test ! -e "/proc/$orphan"
	in_container one sh -c 'kill -9 $(ps | grep "[s]leep 602" | awk "{ print \$1 }")'
	ended two 137
	container_is one RUNNING
}

@test "an exec probe, many times: every one answers, and nothing grows" {
	run_pod pod
	run_container pod main . sleep 3600
	shim=$(process_of "$(id_of pod)" containerd-shim)
	[ "$(in_container main echo warm)" = warm ]
	fds_before=$(n_fds "$shim")
	guest_before=$(n_processes main)
	[ "$(CLIENT_LIMIT=3600 cri exec --times "$EXECS" --every "$EVERY" "$(id_of main)" echo probe)" = probe ]
	within 10 fds_at_most "$shim" "$fds_before"
	[ "$(n_processes main)" = "$guest_before" ]
}

# n_processes CONTAINER: with the shell that counts them, which starts no other
n_processes() {
	in_container "$1" sh -c 'set -- /proc/[0-9]*; echo $#'
}

@test "exec: exit codes, both streams, a program that is not there, a limit" {
	run_pod pod
	run_container pod main . sleep 600
	run in_container main sh -c 'echo out; echo err >&2; exit 3'
	[ "$status" -eq 3 ]
	[[ "$output" == *out* && "$output" == *err* ]]
	run in_container main no-such-program
	[ "$status" -ne 0 ]
	[[ "$output" == *no-such-program* ]]
	run cri --limit 1 exec "$(id_of main)" sleep 30
	[ "$status" -eq 125 ]
	[[ "$output" == *DEADLINE_EXCEEDED* ]]
	[ "$(in_container main echo still)" = still ]
}

@test "a container starts again inside the living machine" {
	run_pod pod
	run_container pod sidecar . sleep 600
	before=$(boot_id sidecar)
	for attempt in 0 1 2; do
		run_container pod "main$attempt" ".metadata = { name: \"main\", attempt: $attempt }" sh -c 'echo up; exit 1'
		ended "main$attempt" 1
		[ "$(said "main$attempt")" = up ]
		remove_container "main$attempt"
	done
	[ "$(boot_id sidecar)" = "$before" ]
}

@test "stop: SIGTERM first, SIGKILL after the time" {
	run_pod pod
	run_container pod nice . sh -c 'trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.1; done'
	run_container pod deaf . sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
	within 60 has_said nice up
	within 60 has_said deaf up
	stop_container nice 30
	[ "$(status_of nice exit_code)" = 5 ]
	[ "$(said nice | tail -n 1)" = bye ]
	stop_container deaf 1
	[ "$(status_of deaf exit_code)" = 137 ]
}

@test "an ephemeral container that targets another one's processes" {
	run_pod pod
	run_container pod main . sleep 601
	target="{ pid: \"TARGET\", target_id: \"$(id_of main)\" }"
	run_container pod debug ".linux.security_context.namespace_options = $target" sleep 602
	in_container debug ps | grep -q 'sleep 601'
	in_container main ps | grep -q 'sleep 602'
	need_vm
	# One machine, one pid that containerd is told: with a third one, it could be any.
	run run_container pod other ".linux.security_context.namespace_options = $target" true
	[ "$status" -ne 0 ]
	[[ "$output" == *"does not tell which"* ]]
	# The pod is not one that shares its processes.
	run_container pod more . sh -c 'ps'
	ended more 0
	run has_said more sleep
	[ "$status" -ne 0 ]
}

@test "the termination message file" {
	run_pod pod
	: >"$BATS_TEST_TMPDIR/message"
	run_container pod main ".mounts = [{ container_path: \"/dev/termination-log\", host_path: \"$BATS_TEST_TMPDIR/message\" }]" \
		sh -c 'echo out of luck >/dev/termination-log; exit 1'
	ended main 1
	[ "$(cat "$BATS_TEST_TMPDIR/message")" = "out of luck" ]
}

@test "logs: every line of both streams, and again after they were rotated" {
	run_pod pod
	run_container pod main . sh -c 'seq 1 2000; echo bad >&2'
	ended main 0
	seq 1 2000 | cmp - <(said main | grep -v bad)
	grep -q ' stderr F bad$' "$BATS_TEST_TMPDIR/logs/main.log"
	run_container pod lasting . sh -c 'while :; do echo tick; sleep 0.2; done'
	within 60 has_said lasting tick
	mv "$BATS_TEST_TMPDIR/logs/lasting.log" "$BATS_TEST_TMPDIR/logs/lasting.old"
	container_do ReopenContainerLog lasting
	within 60 has_said lasting tick
}

@test "cp: tar through exec, out and in, gives the same bytes" {
	run_pod pod
	run_container pod main . sleep 600
	mkdir "$BATS_TEST_TMPDIR/from" "$BATS_TEST_TMPDIR/to"
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/from/data"
	ln -s data "$BATS_TEST_TMPDIR/from/link"
	tar -C "$BATS_TEST_TMPDIR/from" -c . >"$BATS_TEST_TMPDIR/in.tar"
	size=$(stat -c %s "$BATS_TEST_TMPDIR/in.tar")
	# The protocol has no end of input: the program is told how much there will be.
	cri stream "$(id_of main)" sh -c "mkdir /tmp/x; head -c $size | tar -C /tmp/x -x" <"$BATS_TEST_TMPDIR/in.tar"
	[ "$(in_container main sha256sum /tmp/x/data | cut -d ' ' -f 1)" = "$(sha256sum <"$BATS_TEST_TMPDIR/from/data" | cut -d ' ' -f 1)" ]
	in_container main tar -C /tmp/x -c . | tar -C "$BATS_TEST_TMPDIR/to" -x
	diff -r "$BATS_TEST_TMPDIR/from" "$BATS_TEST_TMPDIR/to"
}

@test "attach: input reaches the container, its output comes back" {
	run_pod pod
	run_container pod main '.stdin = true | .stdin_once = true' sh -c 'read -r line; echo "got $line"; sleep 0.2'
	run cri attach "$(id_of main)" <<<"a line"
	[[ "$output" == *"got a line"* ]]
	ended main 0
}

@test "the pod's limits make the machine's size" {
	need_vm
	run_pod pod '.annotations = {} | .linux.resources = { cpu_quota: 200000, cpu_period: 100000, memory_limit_in_bytes: 402653184 }'
	run_container pod main . sleep 600
	run_pod small
	run_container small other . sleep 600
	memory() { in_container "$1" awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo; }
	[ "$(memory main)" -gt $(($(memory other) + 300)) ]
	[ "$(in_container other nproc)" = 1 ]
	[ "$(in_container main nproc)" -gt 1 ] || [ "$(nproc)" = 1 ]
}

@test "stats and update of a container's limits" {
	run_pod pod
	run_container pod main '.linux.resources = { memory_limit_in_bytes: 67108864 }' sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exec sleep 600'
	within 60 eval '[ "$(cri_get .stats.cpu.usage_core_nano_seconds.value ContainerStats "{\"container_id\": \"$(id_of main)\"}")" -gt 100000000 ]'
	used=$(cri_get .stats.memory.working_set_bytes.value ContainerStats "{\"container_id\": \"$(id_of main)\"}")
	[ "$used" -gt 10000 ]
	[ "$used" -lt 67108864 ]
	limit_in() { in_container main sh -c 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes'; }
	[ "$(limit_in)" = 67108864 ]
	cri_do UpdateContainerResources "{\"container_id\": \"$(id_of main)\", \"linux\": { \"memory_limit_in_bytes\": 33554432 }}"
	[ "$(limit_in)" = 33554432 ]
}

@test "out of memory: the reason is told" {
	run_pod pod
	run_container pod hog '.linux.resources = { memory_limit_in_bytes: 20971520 }' tail -c 100m /dev/zero
	ended hog 137
	within 60 eval '[ "$(status_of hog reason)" = OOMKilled ]'
}

@test "DNS, hostname, sysctls, environment, working directory" {
	run_pod pod '.dns_config = { servers: ["10.1.2.3"], searches: ["a.example"], options: ["ndots:5"] }
		| .linux.sysctls = { "kernel.shm_rmid_forced": "1" } | .hostname = "named"'
	run_container pod main '.envs = [{ key: "A", value: "b c" }] | .working_dir = "/tmp"' sh -c 'echo "$A"; pwd; exec sleep 600'
	[ "$(in_container main cat /etc/resolv.conf | paste -sd ' ')" = "search a.example nameserver 10.1.2.3 options ndots:5" ]
	[ "$(in_container main hostname)" = named ]
	[ "$(in_container main cat /etc/hostname)" = named ]
	[ "$(in_container main cat /proc/sys/kernel/shm_rmid_forced)" = 1 ]
	within 60 has_said main /tmp
	[ "$(said main | paste -sd ' ')" = "b c /tmp" ]
}

@test "everything may be asked for twice: stopping and removing what is stopped and removed" {
	run_pod pod
	run_container pod main . sleep 600
	stop_container main
	stop_container main
	remove_container main
	remove_container main
	stop_pod pod
	stop_pod pod
	remove_pod pod
	cri_do RemovePodSandbox "{\"pod_sandbox_id\": \"$(id_of pod)\"}"
	run start_container main
	[ "$status" -ne 0 ]
}

@test "start: a program that is not there, one that is none, a container that never started" {
	run_pod pod
	run run_container pod missing . no-such-program
	[ "$status" -ne 0 ]
	[[ "$output" == *no-such-program* ]]
	run run_container pod refused . /etc/passwd
	[ "$status" -ne 0 ]
	[[ "$output" == *"permission denied"* || "$output" == *"Permission denied"* ]]
	create_container pod never . sleep 600
	container_is never CREATED
	run in_container never true
	[ "$status" -ne 0 ]
	remove_container never
	run_container pod good . true
	ended good 0
}

@test "a terminal: exec and attach, with its size" {
	run_pod pod
	run_container pod main '.tty = true | .stdin = true' sh
	[ "$(in_container main sh -c 'readlink /proc/1/fd/0')" = /dev/pts/0 ]
	run cri attach --tty "$(id_of main)" <<<'tty; exit 4'
	[[ "$output" == *"/dev/pts/0"* ]]
	ended main 4
	run_container pod second . sleep 600
	run cri stream --tty "$(id_of second)" sh <<<'tty; exit 6'
	[ "$status" -eq 6 ]
	[[ "$output" == *"/dev/pts/"* ]]
}

@test "privileged containers only in privileged pods" {
	run_pod pod
	run run_container pod main '.linux.security_context.privileged = true' true
	[ "$status" -ne 0 ]
	[[ "$output" == *privileged* ]]
}
