/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * launch.h - from an OCI spec to a process that waits for its go
 *
 * launch_prepare() decides (plan.c) and forks; the child builds its container and
 * stops at SYNC_READY. launch_start() lets it execute its program. An exec into a
 * running container is the same road with another plan: namespaces joined, nothing made.
 *
 * Everything is asynchronous: progress is read from the fds below by the agent's loop.
 *
 * Spec:   OCI runtime-spec 1.0.2 and later, config-linux.md, runtime.md "Lifecycle"
 * Trust:  the spec is the supervisor's; the root file system is hostile, so paths in it
 *         are opened beneath it (openat2) and never by string
 * Thread: the loop's; the child decides nothing
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

struct cgroup;
struct event_base;
struct launch;

/* What the spec does not say. All borrowed for the call of launch_prepare(). */
struct launch_context {
	const char *container_id;
	const char *rootfs;       /* absolute path in the guest; bind-mounted by the child */
	struct cgroup *cgroup;    /* entered by the child; NULL: none (tests) */
	/* Namespaces to join although the spec names none; -1: not. */
	int ipc_ns_fd, uts_ns_fd, pid_ns_fd;
	/*
	 * An exec: the init whose namespaces, root and seccomp context are joined. 0 for
	 * the container itself. With it only `process` (and linux.seccomp) of the spec counts.
	 */
	pid_t init_pid;
};

/* What the parent holds once the child exists; every fd is owned by the taker. */
struct launch_io {
	int stdin_fd;  /* write end; the pty master when terminal; -1 taken */
	int stdout_fd; /* read end; -1 when terminal (use stdin_fd both ways) */
	int stderr_fd; /* read end; -1 when terminal */
	int pidfd;
};

/*
 * done: the child is built and waits (err NULL), or failed with its own words (the child
 * is reaped then). Called from the loop exactly once unless launch_free() comes first.
 */
typedef void launch_done(void *arg, const struct err *err);

/*
 * process is spec->Process or an exec's; spec is the container's. Takes nothing.
 * NULL on failure: nothing was made. deadline_ms bounds the way to READY.
 */
struct launch *launch_prepare(struct event_base *base, const struct launch_context *ctx,
			      const Grpc__Spec *spec, const Grpc__Process *process,
			      uint32_t deadline_ms, launch_done *ready, void *arg, struct err *err);

/* Valid from launch_prepare() on. */
pid_t launch_pid(const struct launch *launch); /* in the agent's pid namespace */
/* Hands over the fds, once. */
void launch_take_io(struct launch *launch, struct launch_io *ret);

/*
 * Let it go after READY. done: it has executed its program, or could not ("exec
 * '/bin/x': No such file or directory", ERR_NOT_FOUND; ERR_DENIED for not executable).
 */
void launch_start(struct launch *launch, launch_done *done, void *arg);

/*
 * Forget. Kills the child if it was not started yet; a started one is left alone. The
 * reaping of the pid is the agent's business in both cases. NULL is fine.
 */
void launch_free(struct launch *launch);
