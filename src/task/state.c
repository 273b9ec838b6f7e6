/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - Task.State, Pids, Connect: what is known without asking the guest
 */
#include <stdint.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "task/task_priv.h"

Containerd__Task__V2__Timestamp *timestamp_fill(Containerd__Task__V2__Timestamp *at, uint64_t ns)
{
	at->seconds = (int64_t)(ns / NS_PER_SEC);
	at->nanos = (int32_t)(ns % NS_PER_SEC);
	return at;
}

struct container *tasks_find(const struct tasks *tasks, const char *id, struct err *err)
{
	if (tasks->sandbox)
		return sandbox_find(tasks->sandbox, id, err);
	err_set(err, ERR_NOT_FOUND, "find container '%s': the sandbox has none yet", id);
	return NULL;
}

struct process *tasks_find_process(const struct tasks *tasks, const char *id, const char *exec_id,
				   struct err *err)
{
	struct container *c = tasks_find(tasks, id, err);

	return c ? container_find_process(c, exec_id, err) : NULL;
}

uint32_t tasks_pid(const struct tasks *tasks, const struct process *p)
{
	pid_t shim = process_shim_pid(p);

	return shim ? (uint32_t)shim : tasks->vmm_pid;
}

static Containerd__Task__V2__Status task_status(const struct process *p)
{
	const struct container *c = process_container(p);

	if (process_exit(p)->set)
		return CONTAINERD__TASK__V2__STATUS__STOPPED;
	if (p != container_init(c))
		return process_started(p) ? CONTAINERD__TASK__V2__STATUS__RUNNING
					  : CONTAINERD__TASK__V2__STATUS__CREATED;
	switch (container_status(c)) {
	case CONTAINER_CREATING:
		return CONTAINERD__TASK__V2__STATUS__UNKNOWN;
	case CONTAINER_CREATED:
		return CONTAINERD__TASK__V2__STATUS__CREATED;
	case CONTAINER_RUNNING:
		return CONTAINERD__TASK__V2__STATUS__RUNNING;
	case CONTAINER_PAUSED:
		return CONTAINERD__TASK__V2__STATUS__PAUSED;
	case CONTAINER_STOPPED:
		break;
	}
	return CONTAINERD__TASK__V2__STATUS__STOPPED;
}

void task_state(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__StateRequest *req = (const void *)msg;
	Containerd__Task__V2__StateResponse resp = CONTAINERD__TASK__V2__STATE_RESPONSE__INIT;
	Containerd__Task__V2__Timestamp at = CONTAINERD__TASK__V2__TIMESTAMP__INIT;
	struct tasks *tasks = arg;
	struct err err = ERR_INIT;
	struct process *p = tasks_find_process(tasks, req->id, req->exec_id, &err);

	if (!p) {
		ttrpc_fail(call, &err);
		return;
	}
	resp.id = req->id;
	resp.exec_id = req->exec_id;
	resp.bundle = unconst(container_bundle(process_container(p)));
	resp.pid = tasks_pid(tasks, p);
	resp.status = task_status(p);
	if (process_stdio(p)) {
		resp.terminal = process_stdio(p)->terminal;
		resp.stdin = unconst(process_stdio(p)->in);
		resp.stdout = unconst(process_stdio(p)->out);
		resp.stderr = unconst(process_stdio(p)->err);
	}
	if (process_exit(p)->set) {
		resp.exit_status = (uint32_t)process_exit(p)->info.status;
		resp.exited_at = timestamp_fill(&at, process_exit(p)->info.at_ns);
	}
	ttrpc_reply(call, &resp.base);
}

void task_pids(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__PidsRequest *req = (const void *)msg;
	Containerd__Task__V2__PidsResponse resp = CONTAINERD__TASK__V2__PIDS_RESPONSE__INIT;
	Containerd__Task__V2__ProcessInfo info = CONTAINERD__TASK__V2__PROCESS_INFO__INIT;
	Containerd__Task__V2__ProcessInfo *list[] = { &info };
	struct tasks *tasks = arg;
	struct err err = ERR_INIT;

	if (!tasks_find(tasks, req->id, &err)) {
		ttrpc_fail(call, &err);
		return;
	}
	info.pid = (uint32_t)sandbox_vmm_pid(tasks->sandbox);
	resp.processes = list;
	resp.n_processes = info.pid ? 1 : 0;
	ttrpc_reply(call, &resp.base);
}

void task_connect(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	Containerd__Task__V2__ConnectResponse resp = CONTAINERD__TASK__V2__CONNECT_RESPONSE__INIT;
	struct tasks *tasks = arg;

	(void)msg;
	resp.shim_pid = (uint32_t)getpid();
	resp.task_pid = tasks->vmm_pid;
	resp.version = unconst(KATA_VERSION);
	ttrpc_reply(call, &resp.base);
}
