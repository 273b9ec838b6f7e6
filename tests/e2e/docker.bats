#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2016,SC2154 # lib.bash is found at run time; $ in quotes is the guest's
#
# docker 20.10 and its daemon, unpatched, with kata-runtime as its users use it

source "$BATS_TEST_DIRNAME/lib.bash"

setup_file() {
	docker_setup
	# One container for all tests that look into a running one: a start costs seconds.
	run_kata -d --name lasting --hostname inside busybox sh -c \
		'i=0; while :; do i=$((i+1)); echo "line $i"; echo "err $i" >&2; sleep 1; done' >/dev/null
}

teardown_file() {
	docker_teardown
}

@test "run: another kernel, its output, its exit code, and nothing left" {
	run docker run --rm --runtime kata-runtime --network none busybox sh -c 'uname -r; exit 7'
	[ "$status" -eq 7 ]
	[ "$output" = "$(basename "$(readlink "$GUEST_DIR/vmlinux.container")" | sed 's/^vmlinux-//')" ]
	[ "$output" != "$(uname -r)" ]
}

@test "run: 127 for a missing command, 126 for one that cannot be run, 125 for neither" {
	run run_kata --rm busybox no-such-program
	[ "$status" -eq 127 ]
	[[ "$output" == *"exec 'no-such-program': executable file not found in \$PATH"* ]]
	run run_kata --rm busybox /no/such
	[ "$status" -eq 127 ]
	run run_kata --rm busybox /etc/passwd
	[ "$status" -eq 126 ]
	[[ "$output" == *"exec '/etc/passwd': permission denied"* ]]
}

@test "run -i: a pipe in, a pipe out, stdout and stderr apart, 10 MB unchanged" {
	head -c 10000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	run_kata -i --rm busybox sh -c 'cat; echo over >&2' <"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = over ]
}

@test "run -it: a terminal of the client's size, and ^C" {
	# This docker tells the size after the start; until then it is 0 0, with any runtime.
	run in_terminal --limit 60 --size 33x99 -- "$DOCKER" -H unix:///run/docker.sock run -it --rm --runtime kata-runtime \
		--network none busybox sh -c 'tty; until stty size 2>/dev/null | grep "^33 99"; do sleep 0.1; done; exit 5'
	[ "$status" -eq 5 ]
	[[ "$output" == */dev/pts/0* ]]
	[[ "$output" == *"33 99"* ]]
	run in_terminal --limit 60 --wait ready --type '\x03' -- "$DOCKER" -H unix:///run/docker.sock run -it --rm \
		--runtime kata-runtime --network none busybox sh -c 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 1; done'
	[ "$status" -eq 9 ]
	[[ "$output" == *caught* ]]
}

@test "create, start, stop, restart, kill, wait, rm" {
	docker create --name life --runtime kata-runtime --network none busybox sh -c \
		'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
	[ "$(docker inspect -f '{{.State.Status}}' life)" = created ]
	docker start life
	within 60 sh -c "'$DOCKER' -H unix:///run/docker.sock logs life | grep -q up"
	docker stop -t 20 life
	[ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' life)" = "exited 4" ]
	docker restart life
	[ "$(docker inspect -f '{{.State.Status}}' life)" = running ]
	docker kill life
	run docker wait life
	[ "$output" = 137 ]
	docker rm life
	run docker inspect life
	[ "$status" -ne 0 ]
}

@test "rm -f of a running container" {
	run_kata -d --name doomed busybox sleep 600 >/dev/null
	docker rm -f doomed
	run docker inspect doomed
	[ "$status" -ne 0 ]
}

@test "logs: every line of a program that prints 1000 and exits at once, in order" {
	run_kata --name lines busybox seq 1 1000 >"$BATS_TEST_TMPDIR/attached"
	seq 1 1000 | cmp - "$BATS_TEST_TMPDIR/attached"
	docker logs lines | cmp - <(seq 1 1000)
	docker rm lines >/dev/null
}

@test "logs -f follows" {
	timeout 20 "$DOCKER" -H unix:///run/docker.sock logs -f lasting 2>/dev/null | grep -m 1 "line [0-9]*"
}

@test "exec: the guest's kernel, a user, a directory, an environment, input, exit codes" {
	[ "$(docker exec lasting uname -r)" != "$(uname -r)" ]
	[ "$(docker exec -u 1000:1001 -w /tmp -e A=b lasting sh -c 'id -u; id -g; pwd; echo $A' | paste -sd ' ')" = "1000 1001 /tmp b" ]
	[ "$(echo through | docker exec -i lasting cat)" = through ]
	run docker exec lasting sh -c 'exit 3'
	[ "$status" -eq 3 ]
	run docker exec lasting no-such-program
	[ "$status" -eq 126 ] # docker 20.10 says so with runc too
	[[ "$output" == *"executable file not found"* ]]
	run docker exec lasting sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
}

@test "exec -it: a terminal, ended by typing" {
	# The size comes after the start here too. What is typed is echoed, and so does not have it in one piece.
	run in_terminal --limit 60 --size 20x70 --wait '#' --type 'until stty size | grep "2[0] 70"; do sleep 0.1; done; exit 6\n' \
		-- "$DOCKER" -H unix:///run/docker.sock exec -it lasting sh
	[ "$status" -eq 6 ]
	[[ "$output" == *"20 70"* ]]
}

@test "exec --privileged has every capability, without it docker's" {
	[ "$(docker exec lasting grep CapEff /proc/self/status)" != "$(docker exec --privileged lasting grep CapEff /proc/self/status)" ]
}

@test "pause and unpause" {
	docker pause lasting
	[ "$(docker inspect -f '{{.State.Status}}' lasting)" = paused ]
	docker unpause lasting
	[ "$(docker exec lasting echo awake)" = awake ]
}

@test "top names the process that stands for the container, ps -o in the container the guest's" {
	run docker top lasting
	[ "$status" -eq 0 ]
	[[ "$output" == *kata-shim* ]]
	run docker exec lasting ps -o comm
	[[ "$output" == *sh* ]]
}

@test "stats counts the whole machine" {
	run docker stats --no-stream --format '{{.MemPerc}} {{.PIDs}}' lasting
	[ "$status" -eq 0 ]
	[[ "$output" != "0.00% "* ]]
}

@test "update changes the limit that the guest keeps" {
	docker update --memory 300m --memory-swap 300m lasting >/dev/null
	[ "$(docker exec lasting cat /sys/fs/cgroup/memory.max)" = 314572800 ]
}

@test "cp in and out, diff, commit, export" {
	echo from-host >"$BATS_TEST_TMPDIR/f"
	docker cp "$BATS_TEST_TMPDIR/f" lasting:/tmp/f
	[ "$(docker exec lasting cat /tmp/f)" = from-host ]
	docker exec lasting sh -c 'echo from-guest >/tmp/g'
	docker cp lasting:/tmp/g "$BATS_TEST_TMPDIR/g"
	[ "$(cat "$BATS_TEST_TMPDIR/g")" = from-guest ]
	docker diff lasting | grep -q '^A /tmp/g$'
	docker export lasting | tar -t | grep -q '^tmp/g$'
	docker commit lasting committed >/dev/null
	[ "$(run_kata --rm committed cat /tmp/g)" = from-guest ]
}

@test "volumes: a directory, a file, read-only, nested, named and populated, tmpfs, shm" {
	mkdir -p "$E2E_DIR/v/sub"
	echo data >"$E2E_DIR/v/f"
	run run_kata --rm -v "$E2E_DIR/v:/v" -v "$E2E_DIR/v:/ro:ro" -v "$E2E_DIR/v/f:/one" -v named:/etc \
		--mount "type=bind,src=$E2E_DIR/v,dst=/v/sub" --tmpfs /t:size=8m --shm-size 32m busybox sh -c '
			cat /v/f /one /v/sub/f; echo made >/v/g; echo no >/ro/x; test -s /etc/passwd && echo populated
			df -k /t /dev/shm | awk "NR > 1 { print \$2 }"'
	[ "$status" -eq 0 ]
	[ "$(grep -c '^data$' <<<"$output")" -eq 3 ]
	[[ "$output" == *"Read-only file system"* ]]
	[[ "$output" == *populated* ]]
	[[ "$output" == *8192* ]]
	[[ "$output" == *32768* ]]
	[ "$(cat "$E2E_DIR/v/g")" = made ]
	docker volume rm named >/dev/null
}

@test "volumes: a socket of the host is refused by name" {
	run run_kata --rm -v /run/docker.sock:/s busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"a socket of the host does not work in a virtual machine"* ]]
}

@test "files: locks, links, owners, xattrs, sparse, mapped, renamed, inotify, and the host sees the same" {
	mkdir -p "$E2E_DIR/files"
	run run_kata --rm -v "$E2E_DIR/files:/f" busybox /bin/fs_probe /f
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(stat -c '%u:%g %a %h' "$E2E_DIR/files/owned")" = "12:34 4640 2" ]
	[ "$(readlink "$E2E_DIR/files/soft")" = owned ]
	# Written through a mapping and never synced: not lost with the machine.
	[ "$(tr -d m <"$E2E_DIR/files/mapped" | wc -c)" -eq 0 ]
	[ "$(stat -c %s "$E2E_DIR/files/mapped")" -eq 1048576 ]
}

@test "identity: user, groups, hostname, workdir, environment, entrypoint, sysctl, ulimit, read-only" {
	run run_kata --rm --user 1000:1001 --group-add 2000 --hostname here --workdir /tmp --env A=b --read-only \
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

@test "rights: cap-add, cap-drop, privileged, no-new-privileges, seccomp, init, oom score" {
	run run_kata --rm --cap-drop ALL --cap-add NET_ADMIN --security-opt no-new-privileges --oom-score-adj 500 \
		--init busybox sh -c 'grep -E "CapEff|NoNewPrivs" /proc/self/status; cat /proc/self/oom_score_adj; cat /proc/1/comm'
	[ "$status" -eq 0 ]
	[[ "$output" == *0000000000001000* ]]
	[[ "$output" == *NoNewPrivs:*1* ]]
	[[ "$output" == *500* ]]
	[[ "$output" == *docker-init* ]]
	run run_kata --rm --privileged busybox grep CapEff /proc/self/status
	[[ "$output" == *ffffffff ]]
}

@test "limits: memory, cpus, pids are the guest's cgroup's, and the machine is sized for them" {
	run run_kata --rm --memory 64m --cpus 0.5 --pids-limit 77 busybox sh -c \
		'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max; nproc; free -m | awk "/^Mem:/ { print \$2 }"'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 67108864 ]
	[ "${lines[1]}" = "50000 100000" ]
	[ "${lines[2]}" = 77 ]
	# The machine is made for them: 1 + 0.5 CPUs are two, 512 + 64 MiB less what the kernel keeps.
	[ "${lines[3]}" = 2 ]
	[ "${lines[4]}" -gt 490 ]
}

@test "a container over its memory limit is killed by the guest, and the machine lives on to say so" {
	run run_kata --name hungry --memory 32m --memory-swap 32m busybox sh -c 'x=a; while :; do x=$x$x$x; done'
	[ "$status" -eq 137 ]
	docker rm hungry >/dev/null
}

@test "a restart policy starts a new machine" {
	run_kata -d --name again --restart on-failure:2 busybox sh -c 'exit 1' >/dev/null
	restarted_twice() { [ "$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' again)" = "2 exited" ]; }
	within 120 restarted_twice
	docker rm again >/dev/null
}

@test "attach, and detach with ^P^Q" {
	run_kata -dit --name shell busybox sh >/dev/null
	run in_terminal --limit 30 --wait '#' --type '\x10\x11' -- "$DOCKER" -H unix:///run/docker.sock attach shell
	[ "$(docker inspect -f '{{.State.Status}}' shell)" = running ]
	docker rm -f shell >/dev/null
}


@test "last of all: nothing is left of all these containers" {
	assert_census
}
