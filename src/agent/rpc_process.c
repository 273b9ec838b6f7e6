/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_process.c - processes beside the init, signals, waits
 */
#include <signal.h>
#include <string.h>

#include "agent.pb-c.h"
#include "agent/agent.h"
#include "agent/check.h"
#include "agent/container.h"
#include "agent/ps.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"
#include "lib/log/log.h"
#include "lib/ttrpc/server.h"

static struct process *find(struct agent *agent, const char *container_id, const char *exec_id,
			    struct err *err)
{
	struct container *ctr = sandbox_find(agent->sandbox, container_id, err);

	return ctr ? container_find_process(ctr, exec_id, err) : NULL;
}

/* ExecProcess: create and start in one call. */
struct exec {
	struct process *p;
	struct ttrpc_call *call; /* NULL when the caller is gone: the exec goes on */
};

static void end_exec(struct exec *x, const struct err *why)
{
	struct err err = why ? *why : ERR_INIT;

	if (why) {
		log_error("process not started", "container", x->p->ctr->id, "process", x->p->id,
			  "reason", err.text);
	}
	if (x->call) {
		ttrpc_call_on_cancel(x->call, NULL, NULL);
		rpc_end(x->call, &err);
	}
	if (why)
		process_free(x->p);
	free(x);
}

static void on_exec_started(void *arg, const struct err *err)
{
	end_exec(arg, err);
}

static void on_exec_ready(void *arg, const struct err *why)
{
	struct exec *x = arg;
	struct err err = ERR_INIT;

	if (why)
		end_exec(x, why);
	else if (process_start(x->p, on_exec_started, x, &err) < 0)
		end_exec(x, &err);
}

static void on_exec_cancelled(void *arg)
{
	struct exec *x = arg;

	x->call = NULL;
}

static int check_exec(struct container *ctr, const Grpc__ExecProcessRequest *req, struct err *err)
{
	if (check_id("exec id", req->exec_id, err) < 0)
		return -1;
	if (!req->process)
		return err_set(err, ERR_INVALID, "exec '%s' without a process", req->exec_id);
	if (req->stdin_port || req->stdout_port || req->stderr_port)
		return err_set(err, ERR_UNIMPLEMENTED,
			       "streams on ports of their own are not built");
	if (req->string_user && (*req->string_user->uid || *req->string_user->gid))
		return err_set(err, ERR_UNIMPLEMENTED, "a user by name is not built");
	if (container_check(ctr, false, err) < 0)
		return -1;
	if (!container_free_id(ctr, req->exec_id))
		return err_set(err, ERR_EXISTS, "process '%s' is there already", req->exec_id);
	return container_make_room(ctr, err);
}

void rpc_exec_process(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__ExecProcessRequest *req = (const Grpc__ExecProcessRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, req->container_id, &err);
	struct process_plan plan = { .id = req->exec_id, .process = req->process };
	struct exec *x;

	if (!ctr || check_exec(ctr, req, &err) < 0) {
		ttrpc_fail(call, &err);
		return;
	}
	plan.init_pid = ctr->init->pid;
	x = xnew(struct exec);
	x->p = process_new(ctr, &plan, on_exec_ready, x, &err);
	if (!x->p) {
		free(x);
		ttrpc_fail(call, &err);
		return;
	}
	x->call = call;
	ttrpc_call_on_cancel(call, on_exec_cancelled, x);
}

void rpc_signal_process(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__SignalProcessRequest *req = (const Grpc__SignalProcessRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, req->container_id, &err);
	struct process *p = NULL;

	if (ctr && req->signal >= (uint32_t)_NSIG)
		err_set(&err, ERR_INVALID, "signal %u does not exist", req->signal);
	else if (ctr && !*req->exec_id && ctr->cgroup)
		(void)cgroup_signal(ctr->cgroup, (int)req->signal, &err); /* in err */
	else if (ctr && (p = container_find_process(ctr, req->exec_id, &err)))
		(void)process_signal(p, (int)req->signal, &err); /* in err */
	rpc_end(call, &err);
}

/* WaitProcess: any number at once; who hangs up only drops its own. */
struct wait {
	struct exit_waiter waiter;
	struct process *p; /* outlives its waits: freeing it sets the latch */
	struct ttrpc_call *call;
};

static void reply_exit(struct process *p, struct ttrpc_call *call, const struct exit_info *info)
{
	Grpc__WaitProcessResponse resp = GRPC__WAIT_PROCESS_RESPONSE__INIT;

	p->told = true;
	resp.status = info->status;
	ttrpc_reply(call, &resp.base);
}

static void on_exited(struct exit_waiter *waiter, const struct exit_info *info)
{
	struct wait *w = container_of(waiter, struct wait, waiter);

	reply_exit(w->p, w->call, info);
	free(w);
}

static void on_wait_cancelled(void *arg)
{
	struct wait *w = arg;

	exit_latch_cancel(&w->p->exit, &w->waiter);
	free(w);
}

void rpc_wait_process(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__WaitProcessRequest *req = (const Grpc__WaitProcessRequest *)msg;
	struct err err = ERR_INIT;
	struct process *p = find(arg, req->container_id, req->exec_id, &err);
	struct wait *w;

	if (!p) {
		ttrpc_fail(call, &err);
		return;
	}
	if (p->exit.set) {
		reply_exit(p, call, &p->exit.info);
		return;
	}
	w = xnew(struct wait);
	*w = (struct wait){ .waiter.fn = on_exited, .p = p, .call = call };
	exit_latch_wait(&p->exit, &w->waiter);
	ttrpc_call_on_cancel(call, on_wait_cancelled, w);
}

void rpc_list_processes(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__ListProcessesRequest *req = (const Grpc__ListProcessesRequest *)msg;
	Grpc__ListProcessesResponse resp = GRPC__LIST_PROCESSES_RESPONSE__INIT;
	struct agent *agent = arg;
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, req->container_id, &err);
	scoped_free char *text = NULL;
	scoped_free pid_t *pids = NULL;
	size_t n = 0;

	if (ctr && !ctr->cgroup)
		err_set(&err, ERR_STATE, "container '%s' is being created", ctr->id);
	else if (ctr && cgroup_pids(ctr->cgroup, &pids, &n, &err) == 0)
		text = ps_format(pids, n, req->format, &err);
	if (!text) {
		ttrpc_fail(call, &err);
		return;
	}
	resp.process_list = (ProtobufCBinaryData){ .data = (uint8_t *)text, .len = strlen(text) };
	ttrpc_reply(call, &resp.base);
}

void rpc_tty_win_resize(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__TtyWinResizeRequest *req = (const Grpc__TtyWinResizeRequest *)msg;
	struct err err = ERR_INIT;
	struct process *p = find(arg, req->container_id, req->exec_id, &err);

	if (p)
		(void)process_resize(p, req->row, req->column, &err); /* in err */
	rpc_end(call, &err);
}
