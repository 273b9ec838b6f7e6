/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * container.h - one container of the sandbox
 *
 * Made by the flow in container_up.c; removed by container_remove(), which kills what is
 * left, waits for it with a deadline, and then gives everything back. What may run beside
 * what: signals, waits and streams always; start, exec and a change of limits not while it
 * is being created or removed (ERR_STATE).
 *
 * Owns: spec, cgroup, processes, its use of storages, its bundle directory
 */
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent.pb-c.h"
#include "agent/process.h"
#include "lib/base/err.h"
#include "lib/base/flow.h"
#include "lib/base/list.h"

#define CONTAINER_PROCESSES_MAX 1024
#define CONTAINER_BUNDLES       "/run/kata-containers" /* a directory a container below it */

struct agent;
struct cgroup;
struct ttrpc_call;

/* From the loop, once. On success the container is gone. */
typedef void container_done(void *arg, const struct err *err);

struct container {
	struct list node; /* in the sandbox's, oldest first */
	struct agent *agent;
	char *id;
	Grpc__Spec *spec; /* as it runs here; owned */
	struct cgroup *cgroup;
	char **points; /* mount points of its storages */
	struct list processes;
	struct process *init; /* one of processes; NULL until it is launched */
	bool sandbox_pidns;   /* joins, or makes, the sandbox's pid namespace */
	int pid_ns_fd;        /* that of another container, which it joins; -1: none */
	bool creating, paused, removing;
	/* private */
	struct flow up;
	struct ttrpc_call *call;                     /* of the flow; NULL when its caller is gone */
	const Grpc__CreateContainerRequest *request; /* the call's, while it lives */
	struct hooks *prestart;                      /* NULL: none runs */
	bool has_bundle;
	int mount_ns_fd; /* of its init, kept until it is removed: see container.c. -1: none */
	int oom_fd;
	struct event oom, oom_again;
	struct event remove_turn, remove_deadline;
	container_done *removed;
	void *removed_arg;
};

/* Begin to create; ends the call. */
void container_create(struct agent *agent, struct ttrpc_call *call,
		      const Grpc__CreateContainerRequest *request);

/* Forget, with whatever there is of it: for undo and the end. NULL is fine. */
void container_free(struct container *ctr);

/* timeout_ms 0: wait for ever. ERR_TIMEOUT leaves the container as it is, killed. */
void container_remove(struct container *ctr, uint32_t timeout_ms, container_done *done, void *arg);

/* ERR_STATE, saying why, unless the init runs (or waits, with_created) and nothing is in the way.
 */
int container_check(const struct container *ctr, bool with_created, struct err *err);

/* "" is the init. ERR_NOT_FOUND. */
struct process *container_find_process(struct container *ctr, const char *exec_id, struct err *err);

/*
 * May a new exec have this id? One whose exit was told is forgotten for it: its maker deleted it, of
 * which the agent is not told.
 */
bool container_free_id(struct container *ctr, const char *exec_id);

/* Forget told execs when there are many; ERR_EXHAUSTED when that makes no room. */
int container_make_room(struct container *ctr, struct err *err);

/* For process.c: one of its processes has exited, or a launch was told. */
void container_on_change(struct container *ctr);
/* A process has ended: was it killed for want of memory? Told before its end is. */
void container_look_for_oom(struct container *ctr);

/* Guest hooks whose failure goes to the log alone. */
void container_run_hooks(struct container *ctr, const char *point, const char *status);

/* For container_up.c. */
void container_watch_oom(struct container *ctr);
int container_keep_mounts(struct container *ctr, struct err *err);
