/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * child.h - the other side of the fork
 *
 * Child-safe: all of it; nothing here allocates, logs or returns to the loop
 */
#include <limits.h>

#include "agent/launch/plan.h"
#include "lib/base/err.h"

/* The only thing the child changes. Made by launch.c, lives on the child's stack. */
struct child {
	const struct plan *plan;
	int sync_fd, report_fd;
	int stdio[3];    /* -1: no pipe, a terminal */
	const int *keep; /* every other fd from 3 up is closed; ascending */
	size_t n_keep;
	char pid[16]; /* in the agent's pid namespace, for hooks */
	/* what operations find out */
	int root_fd;
	int tty_fd;
	char home[PATH_MAX + 8]; /* "HOME=..." */
	char program[PATH_MAX];
};

/*
 * In launch.c, where all clones are: as fork(), from the child, with a pidfd of the new
 * process. 0 in that process.
 */
pid_t launch_fork_hook(int *ret_pidfd, struct err *err);

_Noreturn void child_run(struct child *child);

/* A row for every kind of operation; child_ops[kind] is never NULL, which a test checks. */
typedef int child_op(const struct plan_op *op, struct child *child, struct err *err);
extern child_op *const child_ops[PLAN_KIND_COUNT];
