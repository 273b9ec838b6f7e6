#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2012,SC2154 # lib.bash is found at run time
#
# Loads under docker and podman: many containers at once, one after another, many files, a big file
#
# Small here; tests/bench/loads gives the sizes of a real load.

source "$BATS_TEST_DIRNAME/lib.bash"

MANY=${MANY:-4}     # containers at once
COUNT=${COUNT:-8}   # containers one after another
FILES=${FILES:-1000}
BIG_MIB=${BIG_MIB:-64}

setup_file() {
	docker_setup
	podman_setup
}

teardown_file() {
	podman_remove_all || true
	docker_teardown
}

# "docker" or "podman" and what follows `run`
run_with() {
	local client=$1

	shift
	case $client in
	docker) run_kata "$@" ;;
	podman) run_podman "$@" ;;
	esac
}

containerd_pid() {
	pgrep -P "$(cat "$E2E_DIR/dockerd.pid")" -x containerd
}

# Memory in kB that belongs to no file, and open files, of docker's daemons.
weigh() {
	local pid

	for pid in "$(cat "$E2E_DIR/dockerd.pid")" "$(containerd_pid)"; do
		awk '/^RssAnon:/ { print $2 }' "/proc/$pid/status"
		n_fds "$pid"
	done | paste -sd ' '
}

one_after_another() {
	local client=$1 i

	for i in $(seq "$COUNT"); do
		[ "$(run_with "$client" --rm busybox echo "$i")" = "$i" ]
	done
}

# Each says which kernel it has: as many as there are containers.
many_at_once() {
	local client=$1 i jobs=()

	for i in $(seq "$MANY"); do
		run_with "$client" -d --name "many$i" busybox \
			sh -c 'cat /proc/sys/kernel/random/boot_id; exec sleep 3600' >/dev/null 3>&- &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i"; done
	for i in $(seq "$MANY"); do within 60 eval "$client logs many$i | grep -q -"; done
	[ "$(for i in $(seq "$MANY"); do "$client" logs "many$i"; done | sort -u | wc -l)" -eq "$MANY" ]
	jobs=()
	for i in $(seq "$MANY"); do
		"$client" rm -f "many$i" >/dev/null 3>&- &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i"; done
}

files_both_sides() {
	local dir=$E2E_DIR/data-$1

	mkdir "$dir"
	run_with "$1" --rm -v "$dir:/d" busybox sh -c "
		i=0; mkdir /d/small; while [ \$i -lt $FILES ]; do echo \"file \$i\" >/d/small/\$i; i=\$((i+1)); done
		dd if=/dev/urandom of=/d/big bs=1M count=$BIG_MIB 2>/dev/null
		cd /d/small; ls | sort -n | xargs cat | sha256sum; sha256sum </d/big" >"$BATS_TEST_TMPDIR/guest"
	(cd "$dir/small" && ls | sort -n | xargs cat | sha256sum; sha256sum <"$dir/big") |
		diff - "$BATS_TEST_TMPDIR/guest"
	[ "$(find "$dir/small" -type f | wc -l)" -eq "$FILES" ]
	[ "$(stat -c %s "$dir/big")" -eq $((BIG_MIB << 20)) ]
	rm -r "$dir"
}

@test "docker: containers one after another: no open file of the daemons more, memory flat" {
	for _ in 1 2 3; do run_kata --rm busybox true; done # buffers and caches find their size
	before=$(weigh)
	one_after_another docker
	after=$(weigh)
	echo "# dockerd kB, files, containerd kB, files: $before -> $after after $COUNT containers" >&3
	read -r -a b <<<"$before"
	# dockerd keeps one connection of each `docker run`, with runc too, until its collector of garbage runs: within
	# two minutes, and sooner when there is work.
	within 150 is_flat "${b[@]}"
}

# is_flat KB FILES KB FILES: hardly more than these, of dockerd and containerd, after a question that makes garbage.
# What Go's collector has not come to yet varies by this; a leak of a stream or buffer does not fit.
is_flat() {
	local now

	docker ps -a
	read -r -a now < <(weigh)
	[ "${now[0]}" -le $(($1 + 16384 + 32 * COUNT)) ] && [ "${now[2]}" -le $(($3 + 16384 + 32 * COUNT)) ] &&
		[ "${now[1]}" -le $(($2 + 3)) ] && [ "${now[3]}" -le $(($4 + 3)) ]
}

@test "docker: many containers at once, then removed: each has its own machine" {
	many_at_once docker
}

@test "docker: many small files and a big one in a volume: the same on both sides" {
	files_both_sides docker
}

@test "podman: containers one after another" {
	one_after_another podman
}

@test "podman: many containers at once, then removed: each has its own machine" {
	many_at_once podman
}

@test "podman: many small files and a big one in a volume: the same on both sides" {
	files_both_sides podman
}

@test "nothing is left of all these containers" {
	docker ps -aq | while read -r id; do docker rm -f "$id" >/dev/null; done
	podman_census
}
