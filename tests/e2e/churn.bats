#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154 # lib.bash is found at run time
#
# Containers one after another: nothing grows. COUNT=200 in the benchmark.

source "$BATS_TEST_DIRNAME/lib.bash"

COUNT=${COUNT:-10}

setup_file() {
	docker_setup
}

teardown_file() {
	docker_teardown
}

containerd_pid() {
	pgrep -P "$(cat "$E2E_DIR/dockerd.pid")" -x containerd
}

# Memory in kB that belongs to no file, and open files, of the daemons.
weigh() {
	local pid

	for pid in "$(cat "$E2E_DIR/dockerd.pid")" "$(containerd_pid)"; do
		awk '/^RssAnon:/ { print $2 }' "/proc/$pid/status"
		find "/proc/$pid/fd" -mindepth 1 | wc -l
	done | paste -sd ' '
}

@test "containers one after another: census clean, no open file more, memory flat" {
	for _ in 1 2 3; do run_kata --rm busybox true; done # buffers and caches find their size
	before=$(weigh)
	for i in $(seq "$COUNT"); do
		[ "$(run_kata --rm busybox echo "$i")" = "$i" ]
	done
	assert_census
	after=$(weigh)
	echo "dockerd kB, files, containerd kB, files: $before -> $after after $COUNT containers"
	read -r -a b <<<"$before"
	read -r -a a <<<"$after"
	# What Go's collector has not come to yet varies by this; a leak of a stream or buffer does not fit.
	[ "${a[0]}" -le $((b[0] + 16384 + 32 * COUNT)) ]
	[ "${a[2]}" -le $((b[2] + 16384 + 32 * COUNT)) ]
	[ "${a[1]}" -le $((b[1] + 3)) ]
	[ "${a[3]}" -le $((b[3] + 3)) ]
}
