/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * hooks.h - programs of the guest image that run at points of a container's life
 *
 * CreateSandbox may name a directory of the guest (guest_hook_path). The executables in
 * its subdirectories prestart, poststart and poststop run one after another, by name, with
 * the container's state as JSON on their standard input (OCI runtime-spec, runtime.md
 * "State"). A prestart that fails fails the creation; the others are told by log.
 *
 * Limits: HOOKS_MAX programs a point, HOOK_MS for each; then it is killed
 * Trust:  the guest image's; the container has no part in it
 */
#include <sys/types.h>

#include "lib/base/err.h"

#define HOOKS_MAX 64
#define HOOK_MS   10000

struct agent;
struct hooks;

struct hooks_state {
	const char *container_id; /* checked by check_id() */
	const char *status;       /* "created", "running", "stopped" */
	pid_t pid;                /* 0: none */
};

/* From the loop, once. NULL when every one ended with 0. */
typedef void hooks_done(void *arg, const struct err *err);

/*
 * Run dir/point. NULL when there is nothing to run, then done is not called. state is
 * borrowed for the call. done may be NULL: failures go to the log alone.
 */
struct hooks *hooks_run(struct agent *agent, const char *dir, const char *point,
			const struct hooks_state *state, hooks_done *done, void *arg);

/* Kill what runs, without a call. NULL is fine; not for one that was told. */
void hooks_free(struct hooks *hooks);
