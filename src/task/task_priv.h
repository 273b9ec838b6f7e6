/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * task_priv.h - what the files of the Task service share
 */
#include "engine/engine.h"
#include "lib/base/list.h"
#include "task.pb-c.h"
#include "task/task.h"

struct tasks {
	struct event_base *base;
	char *sandbox_id;
	const struct tasks_front *front;
	void *arg;
	struct sandbox *sandbox; /* from the first Create on */
	uint32_t vmm_pid;        /* kept: every event of a task has the same, also the last */
	bool going_down;
	struct reply *shutdown; /* who asked for it, told when it is done */
	bool carries_streams; /* tasks_carry_streams() */
	const char *namespace;
	bool runs_hooks;        /* tasks_run_hooks() */
	struct list hook_runs;  /* under way */
	struct list forgets;    /* tasks_forget() under way */
	size_t n_creating;      /* Creates under way, the one that boots the sandbox too */
	size_t n_calls;         /* open */
	const struct tasks_watch *watch; /* NULL: nobody counts */
	void *watch_arg;
};

/* reply.c: a call that is answered when an operation of the engine ends. */
struct reply;
struct reply *reply_new(struct tasks *tasks, struct ttrpc_call *call, const char *what);
void reply_done(void *arg, const struct err *err); /* an engine_done: Empty, or the error */
void reply_send(struct reply *reply, const ProtobufCMessage *resp);
void reply_fail(struct reply *reply, const struct err *err);

/*
 * options.c: the file that the options of a Create name; *ret_config_path is the caller's, NULL when
 * they name none. ERR_INVALID: options that would have to be passed over.
 */
int task_options_read(const Containerd__Task__V2__Any *options, char **ret_config_path,
		      struct err *err);

/* hooks.c: run those of one moment, and then, perhaps at once, done; their failures are done's only
 * while a container is created. target is borrowed for the call. */
enum hook_moment { HOOKS_CREATING, HOOKS_STARTED, HOOKS_STOPPED };
struct hook_target {
	const char *id, *bundle;
	const Grpc__Spec *spec;
	uint32_t pid; /* what a hook is told of it; 0: none */
};
void task_hooks(struct tasks *tasks, enum hook_moment moment, const struct hook_target *target,
		engine_done *done, void *arg);
void task_hooks_free(struct tasks *tasks); /* kills what runs; done does not come */

/* Once the sandbox is there: the front end hears when nobody is in it, nor about to be. */
void tasks_tell_if_empty(const struct tasks *tasks);

/* forget.c: those that will not be told any more. */
void task_forgets_free(struct tasks *tasks);

struct process *tasks_find_process(const struct tasks *tasks, const char *id, const char *exec_id,
				   struct err *err);
/* What stands for the process on the host: kata-shim, else the VM. */
uint32_t tasks_pid(const struct tasks *tasks, const struct process *p);
/* Borrows *at. */
Containerd__Task__V2__Timestamp *timestamp_fill(Containerd__Task__V2__Timestamp *at, uint64_t ns);

/* io.c: the streams of a Create or an Exec; NULL: none are carried here. Fills and borrows *ret. */
const struct stdio_request *tasks_stdio(const struct tasks *tasks, const struct stdio_request *req,
					struct stdio_request *ret);

/* The methods; each ends its call once, now or later. */
typedef void task_method(struct ttrpc_call *call, const ProtobufCMessage *req, void *tasks);
task_method task_create, task_start, task_kill, task_pause, task_resume, task_exec, task_update;
task_method task_state, task_stats, task_pids, task_connect, task_wait, task_delete;
task_method task_shutdown, task_checkpoint, task_resize_pty, task_close_io;
