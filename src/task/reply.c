/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.c - a call kept while an operation runs
 *
 * The caller may hang up before the operation ends: the operation goes on, as what it
 * changes is real, and only its answer is dropped. Failures are told to the front end's log here,
 * once, where every answer passes.
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "task/task_priv.h"

struct reply {
	struct tasks *tasks;
	struct ttrpc_call *call; /* NULL: hung up */
	const char *what;
};

static void on_hung_up(void *arg)
{
	struct reply *reply = arg;

	reply->call = NULL;
}

struct reply *reply_new(struct tasks *tasks, struct ttrpc_call *call, const char *what)
{
	struct reply *reply = xnew(struct reply);

	*reply = (struct reply){ .tasks = tasks, .call = call, .what = what };
	ttrpc_call_on_cancel(call, on_hung_up, reply);
	return reply;
}

void reply_send(struct reply *reply, const ProtobufCMessage *resp)
{
	if (reply->call)
		ttrpc_reply(reply->call, resp);
	free(reply);
}

void reply_fail(struct reply *reply, const struct err *err)
{
	struct tasks *tasks = reply->tasks;

	if (tasks->front->failed)
		tasks->front->failed(tasks->arg, reply->what, err);
	if (reply->call)
		ttrpc_fail(reply->call, err);
	free(reply);
}

void reply_done(void *arg, const struct err *err)
{
	Containerd__Task__V2__Empty empty = CONTAINERD__TASK__V2__EMPTY__INIT;

	if (err)
		reply_fail(arg, err);
	else
		reply_send(arg, &empty.base);
}
