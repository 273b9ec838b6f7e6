/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete.c - Task.Delete and Shutdown: the two ends
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "task/task_priv.h"

struct delete
{
	struct tasks *tasks;
	struct reply *reply;
	uint32_t pid;
	struct exit_info exit;
};

static void on_deleted(void *arg, const struct err *err)
{
	Containerd__Task__V2__DeleteResponse resp = CONTAINERD__TASK__V2__DELETE_RESPONSE__INIT;
	Containerd__Task__V2__Timestamp at = CONTAINERD__TASK__V2__TIMESTAMP__INIT;
	struct delete del = *(struct delete *)arg;

	free(arg);
	if (err) {
		reply_fail(del.reply, err);
		return;
	}
	resp.pid = del.pid;
	resp.exit_status = (uint32_t)del.exit.status;
	resp.exited_at = timestamp_fill(&at, del.exit.at_ns);
	reply_send(del.reply, &resp.base);
	if (del.tasks->front->empty && sandbox_n_containers(del.tasks->sandbox) == 0)
		del.tasks->front->empty(del.tasks->arg);
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
	/* Never started, it has nothing to lose: runc deletes such a container too. */
	if (p == container_init(c))
		container_delete(c, container_status(c) == CONTAINER_CREATED, on_deleted, del);
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
