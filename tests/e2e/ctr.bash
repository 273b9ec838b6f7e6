# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Containers of a containerd of our own (lib.bash), by ctr. Sourced after lib.bash.
#
# CTR_RUNTIME=io.containerd.runc.v2 runs the same with runc: what it does otherwise is to have a reason.

CTR_RUNTIME=${CTR_RUNTIME:-io.containerd.kata.v2}
CTR_NAMESPACES=(default)

# The census passes over containerd's own sockets, which it makes anew.
ctr_setup() {
	containerd_setup
	run_ctr first true # leaves what all later ones share
	export CENSUS_IGNORE="^socket (@|/run/containerd/(debug|containerd)\.sock)"
	"$CENSUS" save "$E2E_DIR/census"
}

# run_ctr ID COMMAND...: in the foreground, with the streams of ours
run_ctr() {
	ctr run --rm --runtime "$CTR_RUNTIME" localhost/busybox:1 "$@"
}

# start_ctr ID COMMAND...: in the background; its output goes to a file
start_ctr() {
	ctr run -d --log-uri "file://$BATS_TEST_TMPDIR/$1.log" --runtime "$CTR_RUNTIME" localhost/busybox:1 "$@"
}

has_logged() {
	grep -q "$2" "$BATS_TEST_TMPDIR/$1.log"
}

# status_of ID [OPTION OF CTR...]
status_of() {
	ctr "${@:2}" task ls | awk -v id="$1" '$1 == id { print $3 }'
}

has_status() {
	[ "$(status_of "$1")" = "$2" ]
}

# remove ID [OPTION OF CTR...]: there may be no task of it, and one that is left keeps the container
remove() {
	ctr "${@:2}" task rm -f "$1" >/dev/null 2>&1 || true
	ctr "${@:2}" container rm "$1"
}

# follow: `ctr events` goes to the file $EVENTS from now on
follow() {
	timeout 1200 "$CTR" -a /run/containerd/containerd.sock events >>"$EVENTS" 2>/dev/null </dev/null 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/follower"
	disown
	within 30 is_following
}

# ctr says nothing when it has begun, so something is made to happen.
is_following() {
	local name=probe$RANDOM

	ctr namespaces create "$name" >/dev/null
	ctr namespaces rm "$name" >/dev/null
	grep -q "\"$name\"" "$EVENTS"
}

unfollow() {
	local pid

	pid=$(cat "$BATS_TEST_TMPDIR/follower")
	kill "$pid" 2>/dev/null || true
	within 10 is_gone "$pid"
}

# What a test that failed left is not the next one's.
remove_all() {
	local ns id

	for ns in "${CTR_NAMESPACES[@]}"; do
		for id in $(ctr -n "$ns" container ls -q); do
			remove "$id" -n "$ns"
		done
	done
}

assert_nothing_left() {
	"$CENSUS" diff "$E2E_DIR/census" 10
}
