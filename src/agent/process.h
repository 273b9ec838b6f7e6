/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * process.h - one process of a container: its launch, its streams, its exit
 *
 * states and who moves them on:
 *
 *	CREATING   the child builds itself; launch's ready -> CREATED, or the process is freed
 *	CREATED    it waits; streams are open; process_start() -> STARTING
 *	STARTING   it executes its program -> RUNNING
 *	RUNNING
 *	EXITED     said by the reaper, from any state; the latch is set and stays
 *
 * The record outlives the process: late and repeated waits get the same answer until the
 * container is removed or, for an exec whose exit was told, room is needed.
 */
#include <event2/event_struct.h>
#include <stdbool.h>
#include <sys/types.h>

#include "agent/streams.h"
#include "lib/base/err.h"
#include "lib/base/exit_latch.h"
#include "lib/base/list.h"
#include "oci.pb-c.h"

struct cgroup;
struct container;
struct launch;
struct reaper_watch;

enum process_state {
	PROCESS_CREATING,
	PROCESS_CREATED,
	PROCESS_STARTING,
	PROCESS_RUNNING,
	PROCESS_EXITED,
};

/* From the loop, once for each step asked for; err is NULL when it is done. */
typedef void process_done(void *arg, const struct err *err);

struct process {
	struct list node;      /* in the container's, oldest first */
	struct container *ctr; /* borrowed: it outlives its processes */
	char *id;              /* exec id; the container's for its init */
	enum process_state state;
	bool told; /* an exit was told to a waiter */
	pid_t pid; /* valid until EXITED */
	int pidfd; /* -1 before CREATED */
	struct input in;
	struct output out, errors;
	struct exit_latch exit;
	/* private */
	struct launch *launch; /* NULL once it runs */
	struct reaper_watch *watch;
	process_done *done;
	void *arg;
};

/* What a launch needs beside the container's spec. */
struct process_plan {
	const char *id;
	const Grpc__Process *process; /* borrowed for the call */
	pid_t init_pid;               /* 0: this is the init */
};

/*
 * Begin to launch; the process is in the container's list from then on. done comes when it
 * is CREATED or could not be (then the caller frees it). NULL: nothing was made.
 */
struct process *process_new(struct container *ctr, const struct process_plan *plan,
			    process_done *done, void *arg, struct err *err);

/* ERR_STATE when it is not CREATED; then done is not called. */
int process_start(struct process *p, process_done *done, void *arg, struct err *err);

/* Kills what was not started. Readers get the end, waiters 137. NULL is fine. */
void process_free(struct process *p);

/*
 * Send to this process alone. A SIGTERM that the container's init would never see, as the
 * kernel keeps it from the first process of a pid namespace that has no handler, is a
 * SIGKILL, as in Kata's agent.
 */
int process_signal(struct process *p, int sig, struct err *err);

/* ERR_UNIMPLEMENTED when there is no terminal. */
int process_resize(struct process *p, unsigned int rows, unsigned int columns, struct err *err);
