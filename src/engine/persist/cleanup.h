/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * cleanup.h - remove what a dead supervisor left behind
 *
 * Replays the journal newest first: processes killed, mounts taken off, cgroups and
 * directories removed, what was made in the pod's network namespace taken back, then the sandbox's own directory. Needs no supervisor and no VM
 * alive, may run any number of times, and goes on after a failure to remove all it can.
 *
 * Blocks: up to CLEANUP_KILL_MS a process and CLEANUP_CGROUP_MS a cgroup
 */
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define CLEANUP_KILL_MS   2000
#define CLEANUP_CGROUP_MS 2000

/*
 * sandbox_id was checked. Success when nothing is left, also when there never was
 * anything. On failure err tells the first thing that could not be removed.
 */
int sandbox_cleanup(const char *sandbox_id, struct err *err);

/*
 * A pidfd, owned by the caller, of the supervisor that the journal names, and its pid unless
 * ret_pid is NULL; -1 when there is none alive, or no journal.
 */
int sandbox_open_supervisor(const char *sandbox_id, pid_t *ret_pid);
bool sandbox_supervisor_alive(const char *sandbox_id);

/*
 * Held by a delete from when it knows that nobody is left until the sandbox is gone, and by a
 * create from when it looks who is there until it is recorded: a pod's first container may be
 * wanted again while its last one still goes. Closing it lets go.
 * Returns a descriptor, or -1 without an error when there is no such sandbox (any more).
 * Blocks: for as long as another one has it, whose waits have deadlines
 */
int sandbox_lock(const char *sid);
