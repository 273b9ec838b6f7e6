/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - Task.Wait: answer when the process has exited
 *
 * Spec: containerd runtime v2, TaskService.Wait. Any number of waits may be open at once;
 * a client that hangs up only drops its own.
 */
#include <stdlib.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "task/task_priv.h"

struct wait {
	struct exit_waiter waiter;
	struct exit_latch *latch; /* borrowed: the process outlives its waits */
	struct ttrpc_call *call;  /* owned until replied or cancelled */
};

static void reply_exit(struct ttrpc_call *call, const struct exit_info *info)
{
	Containerd__Task__V2__WaitResponse resp = CONTAINERD__TASK__V2__WAIT_RESPONSE__INIT;
	Containerd__Task__V2__Timestamp at = CONTAINERD__TASK__V2__TIMESTAMP__INIT;

	resp.exit_status = (uint32_t)info->status;
	resp.exited_at = timestamp_fill(&at, info->at_ns);
	ttrpc_reply(call, &resp.base);
}

static void on_exited(struct exit_waiter *waiter, const struct exit_info *info)
{
	struct wait *w = container_of(waiter, struct wait, waiter);

	reply_exit(w->call, info);
	free(w);
}

static void on_cancelled(void *arg)
{
	struct wait *w = arg;

	exit_latch_cancel(w->latch, &w->waiter);
	free(w);
}

void task_wait(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__WaitRequest *req = (const void *)msg;
	struct err err = ERR_INIT;
	struct process *p = tasks_find_process(arg, req->id, req->exec_id, &err);
	struct wait *w;

	if (!p) {
		ttrpc_fail(call, &err);
		return;
	}
	if (process_exit(p)->set) {
		reply_exit(call, &process_exit(p)->info);
		return;
	}
	w = xnew(struct wait);
	*w = (struct wait){ .waiter.fn = on_exited, .latch = process_exit_latch(p), .call = call };
	exit_latch_wait(w->latch, &w->waiter);
	ttrpc_call_on_cancel(call, on_cancelled, w);
}
