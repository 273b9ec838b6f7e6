/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - Task.Start, Kill, Pause, Resume, Exec, Update, Checkpoint: what changes a task that
 * exists
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/oci/spec.h"
#include "task/events.h"
#include "task/task_priv.h"

/* An operation that is told of. By name: what it is about may be deleted meanwhile. */
struct change {
	struct tasks *tasks;
	struct reply *reply;
	char *id, *exec_id;
	event_by_name *tell; /* NULL: a start */
};

static struct change *change_new(struct tasks *tasks, struct reply *reply, const char *id,
				 const char *exec_id, event_by_name *event)
{
	struct change *change = xnew(struct change);

	*change = (struct change){ .tasks = tasks,
				   .reply = reply,
				   .id = xstrdup(id),
				   .exec_id = xstrdup(exec_id),
				   .tell = event };
	return change;
}

static void change_free(struct change *change)
{
	free(change->id);
	free(change->exec_id);
	free(change);
}

static void on_changed(void *arg, const struct err *err)
{
	struct change *change = arg;

	if (!err)
		change->tell(change->tasks, change->id, change->exec_id);
	reply_done(change->reply, err);
	change_free(change);
}

/* Started is started, whatever a hook says. */
static void on_hooks_run(void *arg, const struct err *err)
{
	Containerd__Task__V2__StartResponse resp = CONTAINERD__TASK__V2__START_RESPONSE__INIT;
	struct change *start = arg;
	struct err gone = ERR_INIT;
	const struct process *p =
		tasks_find_process(start->tasks, start->id, start->exec_id, &gone);

	(void)err;
	resp.pid = p ? tasks_pid(start->tasks, p) : 0;
	reply_send(start->reply, &resp.base);
	change_free(start);
}

static void tell_started(struct change *start)
{
	struct hook_target target = { .id = start->id };
	struct err gone = ERR_INIT;
	struct process *p = tasks_find_process(start->tasks, start->id, start->exec_id, &gone);

	if (p) {
		event_started(start->tasks, p);
		target.pid = tasks_pid(start->tasks, p);
		target.bundle = container_bundle(process_container(p));
		target.spec = start->exec_id[0] ? NULL : container_spec(process_container(p));
	}
	task_hooks(start->tasks, HOOKS_STARTED, &target, on_hooks_run, start);
}

static void on_started(void *arg, const struct err *err)
{
	struct change *start = arg;

	if (!err) {
		tell_started(start);
		return;
	}
	reply_fail(start->reply, err);
	change_free(start);
}

void task_start(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__StartRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "start process");
	struct err err = ERR_INIT;
	struct process *p = tasks_find_process(arg, req->id, req->exec_id, &err);

	if (p)
		process_start(p, on_started, change_new(arg, reply, req->id, req->exec_id, NULL));
	else
		reply_fail(reply, &err);
}

void task_kill(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__KillRequest *req = (const void *)msg;
	struct err err = ERR_INIT;
	struct process *p = tasks_find_process(arg, req->id, req->exec_id, &err);
	struct reply *reply;

	/* Not for the log: containerd kills what it has deleted, at every end of a pod. */
	if (!p) {
		ttrpc_fail(call, &err);
		return;
	}
	reply = reply_new(arg, call, "signal process");
	if (req->signal == 0 || req->signal >= _NSIG)
		err_set(&err, ERR_INVALID, "signal process: no signal has number %u", req->signal);
	if (err.code != ERR_OK)
		reply_fail(reply, &err);
	else
		process_signal(p, (int)req->signal, req->all, reply_done, reply);
}

void task_pause(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__PauseRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "pause container");
	struct err err = ERR_INIT;
	struct container *c = tasks_find(arg, req->id, &err);

	if (c)
		container_pause(c, on_changed, change_new(arg, reply, req->id, "", event_paused));
	else
		reply_fail(reply, &err);
}

void task_resume(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__ResumeRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "resume container");
	struct err err = ERR_INIT;
	struct container *c = tasks_find(arg, req->id, &err);

	if (c)
		container_resume(c, on_changed, change_new(arg, reply, req->id, "", event_resumed));
	else
		reply_fail(reply, &err);
}

/* An Any holds JSON; its type is named by the last part of a path of any version. */
static ProtobufCMessage *parse_any(const Containerd__Task__V2__Any *any, const char *type,
				   const ProtobufCMessageDescriptor *desc, struct err *err)
{
	const char *last = any ? strrchr(any->type_url, '/') : NULL;

	if (!any || !last || strcmp(last + 1, type) != 0) {
		err_set(err, ERR_INVALID, "read '%s' of the request: it holds '%.64s'", type,
			any ? any->type_url : "nothing");
		return NULL;
	}
	return spec_parse(desc, (const char *)any->value.data, any->value.len, err);
}

void task_exec(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__ExecProcessRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "exec");
	struct err err = ERR_INIT;
	struct container *c = tasks_find(arg, req->id, &err);
	const struct stdio_request named = { .terminal = req->terminal,
					     .in = req->stdin,
					     .out = req->stdout,
					     .err = req->stderr };
	struct stdio_request stdio;
	ProtobufCMessage *process = NULL;

	if (c)
		process = parse_any(req->spec, "Process", &grpc__process__descriptor, &err);
	if (!process) {
		reply_fail(reply, &err);
		return;
	}
	container_exec(c, req->exec_id, (const Grpc__Process *)(const void *)process,
		       tasks_stdio(arg, &named, &stdio), on_changed,
		       change_new(arg, reply, req->id, req->exec_id, event_exec_added));
	protobuf_c_message_free_unpacked(process, NULL);
}

void task_update(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__UpdateTaskRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "update container");
	struct err err = ERR_INIT;
	struct container *c = tasks_find(arg, req->id, &err);
	ProtobufCMessage *res = NULL;

	/* Annotations are for shims that want them: none of Kata's is about a running container. */
	if (c && !req->resources) {
		reply_done(reply, NULL);
		return;
	}
	if (c)
		res = parse_any(req->resources, "LinuxResources",
				&grpc__linux_resources__descriptor, &err);
	if (!res) {
		reply_fail(reply, &err);
		return;
	}
	container_update(c, (const Grpc__LinuxResources *)(const void *)res, reply_done, reply);
	protobuf_c_message_free_unpacked(res, NULL);
}

void task_checkpoint(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__CheckpointTaskRequest *req = (const void *)msg;
	struct err err = ERR_INIT;

	(void)arg;
	err_set(&err, ERR_UNIMPLEMENTED,
		"checkpoint container '%s': containers in a virtual machine cannot be checkpointed",
		req->id);
	ttrpc_fail(call, &err);
}
