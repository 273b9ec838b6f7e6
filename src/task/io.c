/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.c - Task.ResizePty, CloseIO, and which streams are carried here
 */
#include "task/task_priv.h"

void tasks_carry_streams(struct tasks *tasks, const char *namespace)
{
	tasks->carries_streams = true;
	tasks->namespace = namespace;
}

const struct stdio_request *tasks_stdio(const struct tasks *tasks, const struct stdio_request *req,
					struct stdio_request *ret)
{
	if (!tasks->carries_streams && !req->in[0] && !req->out[0] && !req->err[0])
		return NULL;
	*ret = *req;
	ret->namespace = tasks->namespace;
	return ret;
}

void task_resize_pty(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__ResizePtyRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "resize a terminal");
	struct err err = ERR_INIT;
	struct process *p = tasks_find_process(arg, req->id, req->exec_id, &err);

	if (p)
		process_resize(p, req->height, req->width, reply_done, reply);
	else
		reply_fail(reply, &err);
}

/* The streams of a process that has ended are closed: that is no mistake of the caller's. */
void task_close_io(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__CloseIORequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "close a stream");
	struct err err = ERR_INIT;
	struct process *p = tasks_find_process(arg, req->id, req->exec_id, &err);

	if (!p) {
		reply_fail(reply, &err);
		return;
	}
	if (req->stdin)
		process_close_stdin(p);
	reply_done(reply, NULL);
}
