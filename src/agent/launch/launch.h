/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * launch.h - from an OCI spec to a process that waits for its go
 *
 * launch_prepare() decides (plan.c) and forks; the child builds its container and
 * stops at SYNC_READY. launch_start() lets it execute its program. An exec into a
 * running container is the same road with another plan: namespaces joined, nothing made.
 *
 * Everything is asynchronous: progress is read from the child by the loop, and the two
 * callbacks come from the loop, never from inside the call that started the work.
 *
 * Spec:   OCI runtime-spec 1.0.2 and later, config-linux.md, runtime.md "Lifecycle"
 * Trust:  the spec is the supervisor's; the root file system is hostile, so paths in it
 *         are opened beneath it (openat2) and never by string
 * Errors: what the child could not do comes back in its own words, e.g. "mount 'tmpfs' on
 *         '/tmp': ..."; what is not built is ERR_UNIMPLEMENTED naming the property
 * Blocks: on clone3() and on mounts' sources when the container has a user namespace of
 *         its own (they are opened by the parent then); otherwise it does not
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
	const char *rootfs;    /* absolute path in the guest; bind-mounted by the child */
	struct cgroup *cgroup; /* entered by the child; NULL: none (tests) */
	/*
	 * Namespaces to join instead of what the spec says of that type; -1: as the spec
	 * says. For the container itself only; an exec joins all of init_pid's.
	 */
	int ipc_ns_fd, uts_ns_fd, pid_ns_fd;
	/*
	 * An exec: the init whose namespaces and root are joined; 0 for the container
	 * itself. With it only `process` and linux.seccomp of the spec count. The caller
	 * keeps the pid from being reaped during the call.
	 */
	pid_t init_pid;
};

#define LAUNCH_CONTEXT_INIT \
	((struct launch_context){ .ipc_ns_fd = -1, .uts_ns_fd = -1, .pid_ns_fd = -1 })

/* What the parent holds once the child exists; every fd is close-on-exec and the taker's. */
struct launch_io {
	int stdin_fd;  /* write end; the pty master when terminal */
	int stdout_fd; /* read end; -1 when terminal (use stdin_fd both ways) */
	int stderr_fd; /* read end; -1 when terminal */
	int pidfd;
};

/*
 * err is NULL: the step is done. Otherwise it failed with the child's words, or
 * ERR_TIMEOUT; the child has ended or is killed. Called exactly once for each of
 * launch_prepare() and launch_start(), unless launch_free() comes first.
 */
typedef void launch_done(void *arg, const struct err *err);

/*
 * process is spec->process or an exec's; spec is the container's. Takes nothing.
 * NULL on failure: nothing was made and ready is not called. deadline_ms bounds the way
 * to READY, and again the way from launch_start() to the program.
 *
 * The pid belongs to the caller from then on, whatever happens: it is the caller's child
 * and reaped by the caller alone, also when ready says that the launch failed.
 */
struct launch *launch_prepare(struct event_base *base, const struct launch_context *ctx,
			      const Grpc__Spec *spec, const Grpc__Process *process,
			      uint32_t deadline_ms, launch_done *ready, void *arg, struct err *err);

/* In the agent's pid namespace. Valid from launch_prepare() on. */
pid_t launch_pid(const struct launch *launch);

/* Properties passed over as the specification asks ("bounding capability ...: not known here"), or "". */
const char *launch_warnings(const struct launch *launch);

/* Hands over the fds, once, after READY: a terminal is made by the child on its way there. */
void launch_take_io(struct launch *launch, struct launch_io *ret);

/*
 * Let it go after READY. done: it has executed its program, or could not ("exec
 * '/bin/x': no such file or directory", ERR_NOT_FOUND; ERR_DENIED for not executable).
 * ERR_STATE, from the loop, when it is not waiting.
 */
void launch_start(struct launch *launch, launch_done *done, void *arg);

/*
 * Forget. Kills the child if it was not started yet; a started one is left alone. NULL
 * is fine.
 */
void launch_free(struct launch *launch);
