#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2012,SC2016,SC2046,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# podman 4.3, unpatched, with kata-runtime as its users use it

source "$BATS_TEST_DIRNAME/lib.bash"

bats_require_minimum_version 1.5.0

setup_file() {
	podman_setup
	mkdir -p "$E2E_DIR/shared/sub"
	echo data >"$E2E_DIR/shared/f"
	# One container for all tests that look into a running one: a start costs seconds.
	run_podman -d --name lasting --hostname inside --tmpfs /t -v "$E2E_DIR/shared:/v" -v "$E2E_DIR/shared:/ro:ro" \
		busybox sh -c 'i=0; while :; do i=$((i+1)); echo "line $i"; echo "err $i" >&2; sleep 1; done' >/dev/null
}

teardown_file() {
	podman_teardown
}

state() {
	podman inspect -f "{{.State.$2}}" "$1"
}

has_state() {
	[ "$(state "$1" Status)" = "$2" ]
}

@test "run: another kernel, stdout and stderr apart, its exit code" {
	run_podman --rm busybox sh -c 'uname -r; echo other >&2; exit 7' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" ||
		status=$?
	[ "$status" -eq 7 ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "$(basename "$(readlink "$GUEST_DIR/vmlinux.container")" | sed 's/^vmlinux-//')" ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" != "$(uname -r)" ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = other ]
}

@test "run: 127 for a missing command, 126 for one that cannot be run, 143 and 137 for signals" {
	run -127 run_podman --rm busybox no-such-program
	[ "$status" -eq 127 ]
	[[ "$output" == *"exec 'no-such-program': executable file not found in \$PATH"* ]]
	run run_podman --rm busybox /etc/passwd
	[ "$status" -eq 126 ]
	[[ "$output" == *"exec '/etc/passwd': permission denied"* ]]
	run run_podman --rm busybox sh -c 'sleep 99 & kill -TERM $!; wait $!'
	[ "$status" -eq 143 ]
	run run_podman --rm busybox sh -c 'sleep 99 & kill -KILL $!; wait $!'
	[ "$status" -eq 137 ]
}

@test "run -i: a pipe in, a pipe out, 5 MB unchanged" {
	head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	run_podman -i --rm busybox cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "run -it: a terminal of the client's size, resized, and ^C" {
	mapfile -t words < <(podman_words)
	run in_terminal --limit 60 --size 33x99 --wait ready --resize 20x55 --type '\x03' -- "${words[@]}" run -it --rm \
		--network none busybox sh -c 'stty size; trap "until stty size | grep ^20; do sleep 0.1; done; exit 9" INT
			echo ready; while :; do sleep 1; done' # a size and a key go different ways
	[ "$status" -eq 9 ]
	[[ "$output" == *"33 99"* ]]
	[[ "$output" == *"20 55"* ]]
}

@test "create, start, stop, restart, kill, wait, rm" {
	podman create --name life --network none busybox sh -c \
		'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
	has_state life created
	podman start life
	within 60 sh -c "$(podman_words | paste -sd ' ') logs life | grep -q up"
	podman stop -t 20 life
	has_state life exited
	[ "$(state life ExitCode)" = 4 ]
	podman start life
	podman restart -t 20 life
	has_state life running
	podman kill life
	[ "$(podman wait life)" = 137 ]
	podman rm life
	run podman inspect life
	[ "$status" -ne 0 ]
}

@test "rm -f of a running container; ps shows it before and not after" {
	run_podman -d --name doomed --init busybox sleep 600 >/dev/null
	podman ps --format '{{.Names}}' | grep -qx doomed
	[[ "$(podman exec doomed cat /proc/1/cmdline | tr '\0' ' ')" == */catatonit* || "$(podman exec doomed cat /proc/1/comm)" == *init* ]]
	podman rm -f -t 0 doomed
	run podman ps -a --format '{{.Names}}'
	[[ "$output" != *doomed* ]]
}

@test "logs: every line, in order; -f follows" {
	run_podman --name lines busybox seq 1 1000 >"$BATS_TEST_TMPDIR/attached"
	seq 1 1000 | cmp - "$BATS_TEST_TMPDIR/attached"
	podman logs lines | cmp - <(seq 1 1000)
	podman rm lines >/dev/null
	timeout 20 $(podman_words | paste -sd ' ') logs -f lasting 2>/dev/null | grep -m 1 'line [0-9]'
}

@test "exec: the guest's kernel, a user, a directory, an environment, input, exit codes" {
	[ "$(podman exec lasting uname -r)" != "$(uname -r)" ]
	[ "$(podman exec -u 1000:1001 -w /tmp -e A=b lasting sh -c 'id -u; id -g; pwd; echo $A' | paste -sd ' ')" = "1000 1001 /tmp b" ]
	[ "$(echo through | podman exec -i lasting cat)" = through ]
	run podman exec lasting sh -c 'exit 3'
	[ "$status" -eq 3 ]
	run -127 podman exec lasting no-such-program
	[ "$status" -eq 127 ]
	[[ "$output" == *"executable file not found"* ]]
	run podman exec lasting /etc/passwd
	[ "$status" -eq 126 ]
	run podman exec lasting sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
	[ "$(podman exec lasting grep CapEff /proc/self/status)" != "$(podman exec --privileged lasting grep CapEff /proc/self/status)" ]
}

@test "exec -it: a terminal, ended by typing" {
	mapfile -t words < <(podman_words)
	# What is typed is echoed, and so does not have the size in one piece.
	run in_terminal --limit 60 --size 20x70 --wait '#' --type 'until stty size | grep "2[0] 70"; do sleep 0.1; done; exit 6\n' \
		-- "${words[@]}" exec -it lasting sh
	[ "$status" -eq 6 ]
	[[ "$output" == *"20 70"* ]]
}

@test "attach, and detach with ^P^Q" {
	mapfile -t words < <(podman_words)
	run_podman -dit --name shell busybox sh -c 'while :; do echo tick; sleep 1; done' >/dev/null
	run in_terminal --limit 30 --wait tick --pause 0.1 --type '\x10\x11' -- "${words[@]}" attach shell
	[ "$status" -ne 124 ]
	has_state shell running
	podman rm -f -t 0 shell >/dev/null
}

@test "pause and unpause" {
	podman pause lasting
	has_state lasting paused
	podman unpause lasting
	[ "$(podman exec lasting echo awake)" = awake ]
}

@test "top: nothing of the host; with arguments for ps, the guest's processes" {
	run podman top lasting
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ] # the heading: the kernel of the host has no such processes
	run podman top lasting -o pid,comm
	[[ "$output" == *"1 sh"* ]]
	[[ "$output" != *conmon* ]]
}

@test "stats counts the whole machine" {
	run podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' lasting
	[ "$status" -eq 0 ]
	[[ "$output" == *MB* ]]
}

@test "update changes the limit that the guest keeps" {
	podman update --memory 300m lasting >/dev/null
	[ "$(podman exec lasting cat /sys/fs/cgroup/memory.max)" = 314572800 ]
}

@test "cp in and out while it runs: the container's files, its volumes, never the host's" {
	echo from-host >"$BATS_TEST_TMPDIR/f"
	podman cp "$BATS_TEST_TMPDIR/f" lasting:/e2e-copied
	[ ! -e /e2e-copied ]
	[ "$(podman exec lasting cat /e2e-copied)" = from-host ]
	podman exec lasting sh -c 'echo from-guest >/e2e-made; echo in-volume >/v/made'
	podman cp lasting:/e2e-made "$BATS_TEST_TMPDIR/g"
	[ "$(cat "$BATS_TEST_TMPDIR/g")" = from-guest ]
	podman cp lasting:/v/made "$BATS_TEST_TMPDIR/m"
	[ "$(cat "$BATS_TEST_TMPDIR/m")" = in-volume ]
	podman cp "$BATS_TEST_TMPDIR/f" lasting:/v/put
	[ "$(cat "$E2E_DIR/shared/put")" = from-host ]
	run podman cp lasting:/etc/shadow "$BATS_TEST_TMPDIR/shadow"
	[ "$status" -ne 0 ]
	[[ "$output" == *"no such file"* ]]
}

@test "cp into what is read only, or a tmpfs of the guest, says so" {
	echo from-host >"$BATS_TEST_TMPDIR/f"
	for place in /ro/h /t/h; do
		run podman cp "$BATS_TEST_TMPDIR/f" "lasting:$place"
		[ "$status" -ne 0 ]
		[[ "$output" == *"read-only file system"* ]]
	done
	[ ! -e "$E2E_DIR/shared/h" ]
}

@test "diff, commit, export" {
	podman exec lasting touch /tmp/new
	podman diff lasting | grep -q '^A /tmp/new$'
	podman export lasting | tar -t | grep -q '^tmp/new$'
	podman commit lasting committed >/dev/null 2>&1
	[ "$(run_podman --rm committed ls /tmp/new)" = /tmp/new ]
}

@test "volumes: a directory, a file, read-only, nested, named and populated, tmpfs, shm" {
	run run_podman --rm -v "$E2E_DIR/shared:/a" -v "$E2E_DIR/shared:/b:ro" -v "$E2E_DIR/shared/f:/one" -v named:/etc \
		--mount "type=bind,src=$E2E_DIR/shared,dst=/a/sub" --tmpfs /x:size=8m --mount type=tmpfs,dst=/y \
		--shm-size 32m busybox sh -c '
			cat /a/f /one /a/sub/f; echo made >/a/g; echo no >/b/x; test -s /etc/passwd && echo populated
			df -k /x | awk "NR > 1 { print \$2 }"; grep -c " /y tmpfs" /proc/mounts; echo s >/dev/shm/s && echo shm'
	[ "$status" -eq 0 ]
	[ "$(grep -c '^data$' <<<"$output")" -eq 3 ]
	[[ "$output" == *"Read-only file system"* ]]
	[[ "$output" == *populated* ]]
	[[ "$output" == *8192* ]]
	[[ "$output" == *shm* ]]
	[ "$(cat "$E2E_DIR/shared/g")" = made ]
	podman volume rm named >/dev/null
}

@test "identity: user, groups, hostname, workdir, environment, entrypoint, sysctl, ulimit, read-only" {
	run run_podman --rm --user 1000:1001 --group-add 2000 --hostname here --workdir /tmp --env A=b --read-only \
		--sysctl kernel.msgmax=9000 --ulimit nofile=123:456 --entrypoint sh busybox -c '
			id -u; id -G; hostname; pwd; echo $A; cat /proc/sys/kernel/msgmax; ulimit -n; ulimit -Hn; touch /x 2>&1'
	[ "${lines[0]}" = 1000 ]
	[[ "${lines[1]}" == *1001*2000* ]]
	[ "${lines[2]}" = here ]
	[ "${lines[3]}" = /tmp ]
	[ "${lines[4]}" = b ]
	[ "${lines[5]}" = 9000 ]
	[ "${lines[6]}" = 123 ]
	[ "${lines[7]}" = 456 ]
	[[ "${lines[8]}" == *"Read-only file system"* ]]
}

@test "rights and limits: cap-add, cap-drop, no-new-privileges, memory, cpus, pids; privileged" {
	run run_podman --rm --cap-drop ALL --cap-add NET_ADMIN --security-opt no-new-privileges --memory 64m --cpus 0.5 \
		--pids-limit 77 busybox sh -c \
		'grep -E "CapEff|NoNewPrivs" /proc/self/status; cd /sys/fs/cgroup; cat memory.max cpu.max pids.max'
	[ "$status" -eq 0 ]
	[[ "$output" == *0000000000001000* ]]
	[[ "$output" == *NoNewPrivs:*1* ]]
	[[ "$output" == *67108864* ]]
	[[ "$output" == *"50000 100000"* ]]
	[[ "$output" == *77* ]]
	run run_podman --rm --privileged busybox grep CapEff /proc/self/status
	[[ "$output" == *ffffff ]] # podman gives what it has itself
}

@test "many options at once: what they set is seen inside" {
	echo word | podman secret create secret1 - >/dev/null
	run_podman -d --name multi --annotation a=b --add-host h1:10.1.2.3 --cpu-shares 512 --memory-reservation 48m \
		--memory 64m --memory-swap 96m --oom-score-adj 200 --personality LINUX32 --secret secret1 --umask 0077 \
		--pidfile "$BATS_TEST_TMPDIR/pid" --stop-signal USR1 --device /dev/null:/dev/n2 --health-cmd true \
		--health-interval disable busybox sh -c '
			uname -m; umask; cat /run/secrets/secret1; grep h1 /etc/hosts; cd /sys/fs/cgroup
			cat cpu.weight memory.low memory.swap.max; cat /proc/self/oom_score_adj; ls /dev/n2
			trap "exit 33" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
	within 60 eval 'podman logs multi | grep -q ready'
	[ "$(podman logs multi | tr '\t' ' ' | paste -sd ' ')" = \
		"i686 0077 word 10.1.2.3 h1 20 50331648 33554432 200 /dev/n2 ready" ]
	[ "$(cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/comm")" = kata-shim ]
	podman healthcheck run multi
	podman stop -t 20 multi >/dev/null
	[ "$(state multi ExitCode)" = 33 ]
	podman rm multi >/dev/null
	podman secret rm secret1 >/dev/null
}

@test "what a guest cannot do is refused by its name" {
	refused() {
		run run_podman --rm "$@" busybox true
		echo "$output"
		[ "$status" -eq 126 ]
	}
	/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/podman.sock.test")'
	refused --memory-swappiness 10
	[[ "$output" == *"swappiness: cgroup v2 has no such limit"* ]]
	refused --oom-kill-disable --memory 64m
	[[ "$output" == *"OOM killer: cgroup v2 has no such limit"* ]]
	refused --device /dev/loop-control
	[[ "$output" == *"device '/dev/loop-control'"*"the virtual machine has no such device"* ]]
	refused -v /run/podman.sock.test:/s
	[[ "$output" == *"a socket of the host does not work in a virtual machine"* ]]
	rm /run/podman.sock.test
}

@test "namespaces of another container are refused by name" {
	for kind in pid ipc uts network; do
		options=(--network none "--$kind" container:lasting)
		[ "$kind" != network ] || options=(--network container:lasting)
		run podman run --rm "${options[@]}" busybox true
		[ "$status" -eq 126 ]
		[[ "$output" == *"share $kind namespace '/proc/"*"outside of this container's virtual machine"* ]]
	done
}

@test "namespaces of the host are the virtual machine's" {
	run run_podman --rm --pid host --ipc host --uts host --cgroupns host busybox sh -c 'ps | grep -c "[c]onmon"; uname -r'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" != "$(uname -r)" ]
}

machines() {
	[ "$(pgrep -c qemu-system)" = "$1" ]
}

@test "pods: containers share one machine, its pids, IPC and network; they restart alone and together" {
	podman pod create --name pod --share net,ipc,pid --network none >/dev/null
	podman run -d --pod pod --name one busybox sh -c 'echo 5 >/dev/shm/x; nc -l -p 80 -e echo hello; exec sleep 301' >/dev/null
	podman run -d --pod pod --name two busybox sleep 302 >/dev/null
	boot_id() { podman exec "$1" cat /proc/sys/kernel/random/boot_id; }
	[ "$(boot_id one)" = "$(boot_id two)" ]
	[ "$(podman exec two cat /dev/shm/x)" = 5 ]
	[ "$(podman exec two nc 127.0.0.1 80 </dev/null)" = hello ]
	podman exec two ps | grep -q 'sleep 302'
	within 60 sh -c "$(podman_words | paste -sd ' ') exec two ps | grep -q 'sleep 301'"
	within 10 machines 2 # this and the lasting one

	before=$(boot_id two)
	podman restart -t 1 one >/dev/null
	[ "$(boot_id one)" = "$before" ]
	podman pod stop -t 1 pod >/dev/null
	within 30 machines 1 # podman leaves the cleaning up to a process in the background
	podman pod start pod >/dev/null
	[ "$(boot_id one)" = "$(boot_id two)" ]
	[ "$(boot_id one)" != "$before" ]
	podman pod restart pod >/dev/null
	[ "$(boot_id one)" = "$(boot_id two)" ]
	podman pod rm -f -t 0 pod >/dev/null
	within 10 machines 1
}

@test "generate kube, play kube" {
	podman pod create --name web --network none >/dev/null
	podman create --pod web --name web-a busybox sleep 300 >/dev/null
	podman create --pod web --name web-b busybox sleep 300 >/dev/null
	podman generate kube web >"$BATS_TEST_TMPDIR/pod.yaml" 2>/dev/null
	podman pod rm -f web >/dev/null
	podman play kube --network none "$BATS_TEST_TMPDIR/pod.yaml" >/dev/null
	[ "$(podman exec web-web-a cat /proc/sys/kernel/random/boot_id)" = "$(podman exec web-web-b cat /proc/sys/kernel/random/boot_id)" ]
	podman play kube --down "$BATS_TEST_TMPDIR/pod.yaml" >/dev/null
	[ -z "$(podman pod ps -q)" ]
}

@test "podman system service: docker's own client over podman's socket" {
	# shellcheck disable=SC2046 # words
	timeout 600 $(podman_words) system service -t 120 unix:///run/podman/podman.sock >/dev/null 2>&1 3>&- &
	service=$!
	within 30 test -S /run/podman/podman.sock
	run timeout "$CLIENT_LIMIT" "$DOCKER" -H unix:///run/podman/podman.sock run --name served --network none busybox sh -c 'uname -r; exit 3'
	[ "$status" -eq 3 ]
	[[ "$output" == *"$(basename "$(readlink "$GUEST_DIR/vmlinux.container")" | sed 's/^vmlinux-//')"* ]]
	timeout "$CLIENT_LIMIT" "$DOCKER" -H unix:///run/podman/podman.sock logs served | grep -q '^6'
	timeout "$CLIENT_LIMIT" "$DOCKER" -H unix:///run/podman/podman.sock rm served
	kill "$service"
	wait "$service" || true
	rm -f /run/podman/podman.sock
}

@test "rootless: somebody else than root is told why not, in one line" {
	cp "$RUNTIME" /run/kata-runtime # the build folder may be closed to others
	for who in "" "unshare --map-root-user"; do
		# shellcheck disable=SC2086 # words
		run setpriv --reuid 65534 --regid 65534 --clear-groups $who /run/kata-runtime run --bundle /tmp x
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ "$output" == *"rootless containers are not supported"* ]]
	done
}

@test "last of all: nothing is left of all these containers" {
	podman_census
}
