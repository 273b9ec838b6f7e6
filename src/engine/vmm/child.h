/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * child.h - a helper process whose end is an event
 *
 * Embedded in whoever runs it. Watched, signalled and reaped by pidfd only, so a reused
 * pid is never hit.
 *
 * Owns: the pidfd, and the process
 */
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/spawn.h"

struct str;

struct child {
	pid_t pid;            /* 0: does not run */
	uint64_t start_ticks; /* proc.h */
	int pidfd;
	int status;           /* as of wait(2), valid once ended */
	bool ended;
	struct event ev;
	void (*exited)(void *arg);
	void *arg;
};

#define CHILD_INIT ((struct child){ .pidfd = -1 })

/* exited comes once from the loop, when the process has been reaped; may free everything. */
int child_start(struct child *child, struct event_base *base, const struct spawn *spawn,
		void (*exited)(void *arg), void *arg, struct err *err);

/* SIGKILL; exited follows. Nothing when it does not run. */
void child_kill(struct child *child);

/*
 * Kill, reap, forget: no callback. Safe on CHILD_INIT and twice.
 * Blocks: until it is gone, at most CHILD_WAIT_MS
 */
#define CHILD_WAIT_MS 2000u
void child_done(struct child *child);

/* "exited with status 1", "killed by signal 9 (Killed)" */
void child_describe(const struct child *child, struct str *out);
