/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete.c - Task.Delete and Shutdown: the two ends
 */
#include <stdlib.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"
#include "task/events.h"
#include "task/task_priv.h"

struct delete
{
	struct tasks *tasks;
	struct reply *reply;
	char *id; /* the container's, owned; NULL: an exec is deleted */
	char *bundle;
	Grpc__Spec *spec; /* for its hooks; NULL for an exec */
	uint32_t pid;
	struct exit_info exit;
	/* One that never started ends while it is deleted. */
	struct exit_latch *latch; /* borrowed; NULL: not waited for */
	struct exit_waiter waiter;
};

static void delete_free(struct delete *del)
{
	if (del->latch)
		exit_latch_cancel(del->latch, &del->waiter);
	message_drop(&del->spec);
	free(del->bundle);
	free(del->id);
	free(del);
}

static void on_exited(struct exit_waiter *waiter, const struct exit_info *info)
{
	struct delete *del = container_of(waiter, struct delete, waiter);

	del->exit = *info;
	del->latch = NULL;
}

static void answer(void *arg, const struct err *ignored)
{
	Containerd__Task__V2__DeleteResponse resp = CONTAINERD__TASK__V2__DELETE_RESPONSE__INIT;
	Containerd__Task__V2__Timestamp at = CONTAINERD__TASK__V2__TIMESTAMP__INIT;
	struct delete *del = arg;
	const struct tasks *tasks = del->tasks;

	(void)ignored; /* a hook's; it was told */
	resp.pid = del->pid;
	resp.exit_status = (uint32_t)del->exit.status;
	resp.exited_at = timestamp_fill(&at, del->exit.at_ns);
	reply_send(del->reply, &resp.base);
	delete_free(del);
	tasks_tell_if_empty(tasks);
}

static void on_deleted(void *arg, const struct err *err)
{
	struct delete *del = arg;
	const struct hook_target target = { .id = del->id,
					    .bundle = del->bundle,
					    .spec = del->spec };

	if (err) {
		reply_fail(del->reply, err);
		delete_free(del);
		return;
	}
	if (del->id)
		event_deleted(del->tasks, del->id, del->pid, &del->exit);
	task_hooks(del->tasks, HOOKS_STOPPED, &target, answer, del);
}

static void delete_container(struct delete *del, struct container *c)
{
	struct process *init = container_init(c);

	del->id = xstrdup(container_id(c));
	if (del->tasks->runs_hooks) {
		del->bundle = xstrdup(container_bundle(c));
		del->spec = spec_copy(container_spec(c));
	}
	del->waiter.fn = on_exited;
	if (!exit_latch_wait(process_exit_latch(init), &del->waiter))
		del->latch = process_exit_latch(init);
	/* Never started, it has nothing to lose: runc deletes such a container too. */
	container_delete(c, container_status(c) == CONTAINER_CREATED, on_deleted, del);
}

void task_delete(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__DeleteRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "delete");
	struct tasks *tasks = arg;
	struct err err = ERR_INIT;
	struct process *p = tasks_find_process(tasks, req->id, req->exec_id, &err);
	struct container *c;
	struct delete *del;

	if (!p) {
		reply_fail(reply, &err);
		return;
	}
	del = xnew(struct delete);
	*del = (struct delete){ .tasks = tasks,
				.reply = reply,
				.pid = tasks_pid(tasks, p),
				.exit = process_exit(p)->info };
	c = process_container(p);
	if (p == container_init(c))
		delete_container(del, c);
	else
		process_delete(p, on_deleted, del);
}

void task_shutdown(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__ShutdownRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "shut down");
	struct tasks *tasks = arg;

	/* A pod that still has containers goes on; so does one that goes down already. */
	if (tasks->shutdown ||
	    (!req->now && tasks->sandbox && sandbox_n_containers(tasks->sandbox) > 0)) {
		reply_done(reply, NULL);
		return;
	}
	tasks->shutdown = reply;
	tasks_down(tasks);
}
