/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.c - Task.Create: the sandbox, if this is its first container, then the container
 */
#include <stdlib.h>
#include <unistd.h>

#include "engine/hooks.h"
#include "engine/resource/rootfs.h"
#include "lib/base/defs.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"
#include "task/events.h"
#include "task/oom_file.h"
#include "task/task_priv.h"

struct create {
	struct tasks *tasks;
	struct reply *reply;
	Containerd__Task__V2__CreateTaskRequest *req; /* ours: the call may be gone before it is done */
	char *rootfs, *config_path;
	Grpc__Spec *spec;
	bool first; /* makes the sandbox */
};

static void create_free(struct create *create)
{
	create->tasks->n_creating--;
	message_drop(&create->spec);
	message_drop(&create->req);
	free(create->rootfs);
	free(create->config_path);
	free(create);
}

static void fail(struct create *create, const struct err *err)
{
	struct tasks *tasks = create->tasks;
	bool stillborn = create->first;

	reply_fail(create->reply, err);
	create_free(create);
	if (stillborn && tasks->front->stillborn)
		tasks->front->stillborn(tasks->arg);
	else if (!stillborn)
		tasks_tell_if_empty(tasks);
}

static void on_created(void *arg, const struct err *err)
{
	Containerd__Task__V2__CreateTaskResponse resp =
		CONTAINERD__TASK__V2__CREATE_TASK_RESPONSE__INIT;
	struct create *create = arg;
	struct tasks *tasks = create->tasks;

	if (err) {
		fail(create, err);
		return;
	}
	if (tasks->front->timeline)
		sandbox_timeline(tasks->sandbox, tasks->front->timeline, tasks->arg);
	event_created(tasks, create->req);
	resp.pid = tasks->vmm_pid;
	reply_send(create->reply, &resp.base);
	if (tasks->front->created)
		tasks->front->created(tasks->arg, create->req->id, create->req->bundle);
	create_free(create);
}

static void make_container(struct create *create)
{
	const Containerd__Task__V2__CreateTaskRequest *asked = create->req;
	const struct stdio_request named = { .terminal = asked->terminal,
					     .in = asked->stdin,
					     .out = asked->stdout,
					     .err = asked->stderr };
	struct stdio_request stdio;
	scoped_free struct rootfs_mount *mounts = xcalloc(asked->n_rootfs + 1, sizeof(*mounts));
	const struct container_request req = { .id = asked->id,
					       .bundle = asked->bundle,
					       .rootfs = create->rootfs,
					       .mounts = mounts,
					       .n_mounts = asked->n_rootfs,
					       .spec = create->spec,
					       .stdio = tasks_stdio(create->tasks, &named,
								    &stdio) };

	for (size_t i = 0; i < asked->n_rootfs; i++)
		mounts[i] = (struct rootfs_mount){ .type = asked->rootfs[i]->type,
						   .source = asked->rootfs[i]->source,
						   .options = asked->rootfs[i]->options,
						   .n_options = asked->rootfs[i]->n_options };
	container_create(create->tasks->sandbox, &req, on_created, create);
}

static void on_sandbox_up(void *arg, const struct err *err)
{
	struct create *create = arg;

	if (err) {
		fail(create, err);
		return;
	}
	create->tasks->vmm_pid = (uint32_t)sandbox_vmm_pid(create->tasks->sandbox);
	make_container(create);
}

/* --- what the engine tells by itself --- */

static void on_warning(void *arg, const char *text)
{
	struct tasks *tasks = arg;

	if (tasks->front->warning)
		tasks->front->warning(tasks->arg, text);
}

static void on_console(void *arg, const char *line)
{
	struct tasks *tasks = arg;

	if (tasks->front->console)
		tasks->front->console(tasks->arg, line);
}

static void on_vm_lost(void *arg, const struct err *why)
{
	struct tasks *tasks = arg;

	if (tasks->front->failed)
		tasks->front->failed(tasks->arg, "keep the virtual machine", why);
}

static void on_exited(void *arg, struct process *p)
{
	event_exited(arg, p);
}

static void on_oom(void *arg, struct container *c)
{
	struct tasks *tasks = arg;
	struct err err = ERR_INIT;

	event_oom(tasks, container_id(c));
	if (oom_file_wanted(container_spec(c)) && oom_file_make(container_bundle(c), &err) < 0 &&
	    tasks->front->failed)
		tasks->front->failed(tasks->arg, "tell of an OOM kill", &err);
	if (tasks->front->oom)
		tasks->front->oom(tasks->arg, c);
}

static void on_agent_called(void *arg, const char *method, uint64_t took_ns)
{
	struct tasks *tasks = arg;

	if (tasks->watch)
		tasks->watch->agent_called(tasks->watch_arg, method, took_ns);
}

static const struct sandbox_events engine_events = {
	.exited = on_exited,
	.agent_called = on_agent_called,
	.vm_lost = on_vm_lost,
	.warning = on_warning,
	.console = on_console,
	.oom = on_oom,
};

static int make_sandbox(struct create *create, struct err *err)
{
	struct tasks *tasks = create->tasks;
	struct config *config =
		tasks->front->configure(tasks->arg, create->spec, create->config_path, err);

	if (!config)
		return -1;
	tasks->sandbox =
		sandbox_new(tasks->base, tasks->sandbox_id, config, &engine_events, tasks, err);
	if (!tasks->sandbox)
		return -1;
	return 0;
}

/* The network namespace is there, and we are in it: what a hook puts there, the VM finds. */
static void on_hooks_run(void *arg, const struct err *err)
{
	struct create *create = arg;
	struct err why = ERR_INIT;

	if (create->tasks->going_down)
		err_set(&why, ERR_STATE, "the sandbox is being taken down");
	else if (err)
		why = *err;
	if (why.code != ERR_OK)
		fail(create, &why);
	else if (create->first)
		sandbox_up(create->tasks->sandbox, create->spec, on_sandbox_up, create);
	else
		make_container(create);
}

static void run_hooks(struct create *create)
{
	const struct hook_target target = { .id = create->req->id,
					    .bundle = create->req->bundle,
					    .spec = create->spec,
					    .pid = (uint32_t)getpid() };

	task_hooks(create->tasks, HOOKS_CREATING, &target, on_hooks_run, create);
}

/* spec.root.path is relative to the bundle unless it is absolute. */
static char *find_rootfs(const char *bundle, const Grpc__Spec *spec)
{
	const char *path = spec->root->path;

	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", bundle, path);
}

static int check_request(const struct tasks *tasks,
			 const Containerd__Task__V2__CreateTaskRequest *req, struct err *err)
{
	if (tasks->going_down)
		return err_set(err, ERR_STATE, "the sandbox is being taken down");
	for (size_t i = 0; i < req->n_rootfs; i++)
		if (req->rootfs[i]->target[0])
			return err_set(err, ERR_UNIMPLEMENTED,
				       "mount on '%.100s' inside the root file system",
				       req->rootfs[i]->target);
	if (req->checkpoint[0] || req->parent_checkpoint[0])
		return err_set(err, ERR_UNIMPLEMENTED, "restore from a checkpoint");
	if (id_check(req->id, err) < 0)
		return -1;
	if (req->bundle[0] != '/')
		return err_set(err, ERR_INVALID, "bundle '%s' is not an absolute path",
			       req->bundle);
	return 0;
}

void task_create(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__CreateTaskRequest *req = (const void *)msg;
	struct create *create = xnew(struct create);
	struct err err = ERR_INIT;

	create->tasks = arg;
	create->tasks->n_creating++;
	create->reply = reply_new(arg, call, "create container");
	create->req = message_copy(Containerd__Task__V2__CreateTaskRequest, req);
	create->first = !create->tasks->sandbox;
	if (check_request(create->tasks, req, &err) < 0 ||
	    task_options_read(req->options, &create->config_path, &err) < 0 ||
	    !(create->spec = spec_load(req->bundle, &err)) ||
	    (create->tasks->runs_hooks && hooks_check(create->spec, &err) < 0)) {
		fail(create, &err);
		return;
	}
	if (create->tasks->front->busy)
		create->tasks->front->busy(create->tasks->arg);
	create->rootfs = find_rootfs(req->bundle, create->spec);
	if (create->first && make_sandbox(create, &err) < 0)
		fail(create, &err);
	else
		run_hooks(create);
}
