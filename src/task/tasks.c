/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.c - the table of methods, and the way down
 */
#include <event2/event.h>
#include <stdlib.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "task/task_priv.h"

struct tasks *tasks_new(struct event_base *base, const char *sandbox_id,
			const struct tasks_front *front, void *arg)
{
	struct tasks *tasks = xnew(struct tasks);

	tasks->base = base;
	tasks->sandbox_id = xstrdup(sandbox_id);
	tasks->front = front;
	tasks->arg = arg;
	list_init(&tasks->forgets);
	list_init(&tasks->hook_runs);
	return tasks;
}

void tasks_free(struct tasks *tasks)
{
	if (!tasks)
		return;
	task_hooks_free(tasks);
	sandbox_free(tasks->sandbox);
	task_forgets_free(tasks);
	free(tasks->sandbox_id);
	free(tasks);
}

struct sandbox *tasks_sandbox(const struct tasks *tasks)
{
	return tasks->sandbox;
}

void tasks_tell_if_empty(const struct tasks *tasks)
{
	if (tasks->front->empty && tasks->n_creating == 0 &&
	    sandbox_n_containers(tasks->sandbox) == 0)
		tasks->front->empty(tasks->arg);
}

static void on_down(void *arg, const struct err *err)
{
	struct tasks *tasks = arg;

	if (tasks->shutdown)
		reply_done(take_ptr(&tasks->shutdown), err);
	tasks->front->down(tasks->arg, err);
}

static void down_without_sandbox(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	on_down(arg, NULL);
}

void tasks_down(struct tasks *tasks)
{
	const struct timeval now = { 0 };

	if (tasks->going_down)
		return;
	tasks->going_down = true;
	if (tasks->sandbox)
		sandbox_down(tasks->sandbox, on_down, tasks);
	else
		event_base_once(tasks->base, -1, EV_TIMEOUT, down_without_sandbox, tasks, &now);
}

static const struct ttrpc_method methods[] = {
	{ "Create", task_create },     { "Start", task_start },   { "Kill", task_kill },
	{ "Pause", task_pause },       { "Resume", task_resume }, { "Exec", task_exec },
	{ "Update", task_update },     { "State", task_state },   { "Pids", task_pids },
	{ "Connect", task_connect },   { "Wait", task_wait },     { "Delete", task_delete },
	{ "Shutdown", task_shutdown }, { "Stats", task_stats },   { "Checkpoint", task_checkpoint },
	{ "CloseIO", task_close_io },  { "ResizePty", task_resize_pty },
};

void tasks_watch_calls(struct tasks *tasks, const struct tasks_watch *watch, void *arg)
{
	tasks->watch = watch;
	tasks->watch_arg = arg;
}

size_t tasks_open_calls(const struct tasks *tasks)
{
	return tasks->n_calls;
}

static void on_call(void *arg, const struct ttrpc_call_news *news)
{
	struct tasks *tasks = arg;

	if (!news->ended) {
		tasks->n_calls++;
		return;
	}
	tasks->n_calls--;
	if (tasks->watch)
		tasks->watch->served(tasks->watch_arg, news->method, news->took_ns);
}

struct ttrpc_service tasks_service(struct tasks *tasks)
{
	return (struct ttrpc_service){
		.desc = &containerd__task__v2__task__descriptor,
		.methods = methods,
		.n_methods = ARRAY_LEN(methods),
		.arg = tasks,
		.watch = on_call,
	};
}

struct ttrpc_service tasks_service_v3(struct tasks *tasks)
{
	static ProtobufCServiceDescriptor v3;
	struct ttrpc_service service = tasks_service(tasks);

	v3 = containerd__task__v2__task__descriptor;
	v3.name = "containerd.task.v3.Task";
	service.desc = &v3;
	return service;
}
