/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - what happened to the tasks, as containerd's events
 *
 * Called at the moment that a thing is true, before its caller is answered; the order of the calls
 * is the order of the events. What is kept about an order that is not plain:
 *
 *	exit    once for each process whose beginning was told: the engine tells every end once, and
 *	        an exec that was not started, or could not be, has none, as with runc
 *	delete  of a container, after its exit. One that was never started is killed first, so it
 *	        has both; an exec goes without a word. As runc's shim does
 *
 * Spec: containerd runtime v2, "Events"
 */
#include "task/events.h"

#include "lib/base/defs.h"
#include "task/task_priv.h"
#include "task_events.pb-c.h"

static void tell(const struct tasks *tasks, const char *topic, const ProtobufCMessage *message)
{
	if (tasks->front->event)
		tasks->front->event(tasks->arg, topic, message);
}

void event_created(const struct tasks *tasks, const Containerd__Task__V2__CreateTaskRequest *req)
{
	Containerd__Events__TaskCreate event = CONTAINERD__EVENTS__TASK_CREATE__INIT;
	Containerd__Events__TaskIO io = CONTAINERD__EVENTS__TASK_IO__INIT;

	io.stdin = req->stdin;
	io.stdout = req->stdout;
	io.stderr = req->stderr;
	io.terminal = req->terminal;
	event.container_id = req->id;
	event.bundle = req->bundle;
	event.rootfs = req->rootfs;
	event.n_rootfs = req->n_rootfs;
	event.io = &io;
	event.checkpoint = req->checkpoint;
	event.pid = tasks->vmm_pid;
	tell(tasks, "/tasks/create", &event.base);
}

static void init_started(const struct tasks *tasks, const struct process *p)
{
	Containerd__Events__TaskStart event = CONTAINERD__EVENTS__TASK_START__INIT;

	event.container_id = unconst(container_id(process_container(p)));
	event.pid = tasks_pid(tasks, p);
	tell(tasks, "/tasks/start", &event.base);
}

static void exec_started(const struct tasks *tasks, const struct process *p)
{
	Containerd__Events__TaskExecStarted event = CONTAINERD__EVENTS__TASK_EXEC_STARTED__INIT;

	event.container_id = unconst(container_id(process_container(p)));
	event.exec_id = unconst(process_exec_id(p));
	event.pid = tasks_pid(tasks, p);
	tell(tasks, "/tasks/exec-started", &event.base);
}

static bool is_exec(const struct process *p)
{
	return p != container_init(process_container(p));
}

void event_started(const struct tasks *tasks, const struct process *p)
{
	if (is_exec(p))
		exec_started(tasks, p);
	else
		init_started(tasks, p);
}

void event_exec_added(const struct tasks *tasks, const char *id, const char *exec_id)
{
	Containerd__Events__TaskExecAdded event = CONTAINERD__EVENTS__TASK_EXEC_ADDED__INIT;

	event.container_id = unconst(id);
	event.exec_id = unconst(exec_id);
	tell(tasks, "/tasks/exec-added", &event.base);
}

void event_exited(const struct tasks *tasks, const struct process *p)
{
	Containerd__Task__V2__Timestamp at = CONTAINERD__TASK__V2__TIMESTAMP__INIT;
	Containerd__Events__TaskExit event = CONTAINERD__EVENTS__TASK_EXIT__INIT;
	const struct exit_info *info = &process_exit(p)->info;

	if (is_exec(p) && !process_started(p))
		return;
	event.container_id = unconst(container_id(process_container(p)));
	event.id = is_exec(p) ? unconst(process_exec_id(p)) : event.container_id;
	event.pid = tasks_pid(tasks, p);
	event.exit_status = (uint32_t)info->status;
	event.exited_at = timestamp_fill(&at, info->at_ns);
	tell(tasks, "/tasks/exit", &event.base);
}

void event_deleted(const struct tasks *tasks, const char *id, uint32_t pid,
		   const struct exit_info *info)
{
	Containerd__Task__V2__Timestamp at = CONTAINERD__TASK__V2__TIMESTAMP__INIT;
	Containerd__Events__TaskDelete event = CONTAINERD__EVENTS__TASK_DELETE__INIT;

	event.container_id = unconst(id);
	event.pid = pid;
	event.exit_status = (uint32_t)info->status;
	event.exited_at = timestamp_fill(&at, info->at_ns);
	tell(tasks, "/tasks/delete", &event.base);
}

void event_oom(const struct tasks *tasks, const char *id)
{
	Containerd__Events__TaskOOM event = CONTAINERD__EVENTS__TASK_OOM__INIT;

	event.container_id = unconst(id);
	tell(tasks, "/tasks/oom", &event.base);
}

void event_paused(const struct tasks *tasks, const char *id, const char *exec_id)
{
	Containerd__Events__TaskPaused event = CONTAINERD__EVENTS__TASK_PAUSED__INIT;

	(void)exec_id;
	event.container_id = unconst(id);
	tell(tasks, "/tasks/paused", &event.base);
}

void event_resumed(const struct tasks *tasks, const char *id, const char *exec_id)
{
	Containerd__Events__TaskResumed event = CONTAINERD__EVENTS__TASK_RESUMED__INIT;

	(void)exec_id;
	event.container_id = unconst(id);
	tell(tasks, "/tasks/resumed", &event.base);
}
