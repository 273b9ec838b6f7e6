/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * spawn.h - start a helper process (QEMU, virtiofsd, kata-shim, a hook)
 *
 * The only fork() on the host. The defaults are the safe ones: a minimal
 * environment, every other fd closed, default signal actions, an empty mask,
 * /dev/null for the three standard streams.
 *
 * Blocks: until the child has executed its program or failed to, which is when
 * the error is known
 * Owns: nothing; every fd in struct spawn is borrowed for the call
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define SPAWN_FDS_MAX 32

struct spawn_fd {
	int from; /* ours */
	int to;   /* the number in the child, >= 3 */
};

struct spawn {
	const char *path;  /* NULL: argv[0]; no search in PATH */
	char *const *argv;
	char *const *envp; /* NULL: PATH only */
	const char *cwd;   /* NULL: "/" */
	int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null */
	const struct spawn_fd *fds;
	size_t n_fds;            /* <= SPAWN_FDS_MAX */
	int netns_fd;            /* -1: ours */
	const int *cgroup_fds;   /* open tasks files of v1; the child writes itself into each */
	size_t n_cgroup_fds;
	int cgroup_dir_fd;       /* of v2: the child is born there; -1: where we are */
	int death_signal;        /* sent to the child when we die; 0: none */
	bool new_pid_namespace;  /* the program is process 1 of its own: what it has forked dies with it */
	bool new_session;        /* setsid(); the program is then no part of our terminal */
	bool keep_capabilities;  /* the program keeps them as another effective user than root */
	bool drop_user;          /* change to uid and gid, no supplementary groups but the list's */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
};

#define SPAWN_INIT                                                                     \
	((struct spawn){ .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .netns_fd = -1, \
			 .cgroup_dir_fd = -1 })

/*
 * ret_pidfd is owned by the caller (close-on-exec); whoever holds it reaps the
 * child with waitid(P_PIDFD). It may be NULL when the caller never reaps: the
 * child is then left to whoever adopts orphans after us.
 */
int spawn(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *err);

/*
 * Wait for a child by its pidfd with a deadline and take its status: 0..255, or
 * 128 + signal. ERR_TIMEOUT leaves it running. timeout_ms < 0 waits for ever.
 */
int spawn_wait(int pidfd, int timeout_ms, int *ret_status, struct err *err);
