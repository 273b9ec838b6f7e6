/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/agent/agent.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "health.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"

#define OOM_PAUSE_MS 200
#define LINGER_MS    500 /* QEMU ends with its sockets first, and then tells how it ended */

struct agent {
	struct event_base *base;
	agent_done *on_lost;
	void *lost_arg;
	struct ttrpc_client *client;
	bool answered;

	/* the dial in progress */
	char *address;
	agent_done *dialed;
	void *dialed_arg;
	struct event *deadline;
	uint32_t dial_ms;

	struct event
		*soon; /* what must come from the loop: first connect, calls without a channel */
	struct list calls; /* those not answered yet */

	void (*called)(void *arg, const char *method, uint64_t took_ns); /* NULL: nobody asked */
	void *called_arg;

	agent_oom *oom;
	void *oom_arg;
	struct event *oom_again;
	struct err gone;     /* what calls without a channel are told */
	bool failing, freed; /* agent_free() in a callback of fail_without_channel() waits */
};

struct call {
	struct list node;
	bool no_channel; /* made when there was none: fails from the loop */
	agent_done *done;
	agent_waited *waited;
	agent_counted *counted;
	agent_answered *answered;
	void *arg;
};

struct ttrpc_client *const *agent_client_at(const struct agent *agent)
{
	return &agent->client;
}

static void run_soon(struct agent *agent)
{
	const struct timeval now = { 0 };

	evtimer_add(agent->soon, &now);
}

struct ttrpc_client *agent_client(const struct agent *agent)
{
	return agent->answered ? agent->client : NULL;
}

/* Takes the call off the list before it is told: the callback may free the agent. */
static void end_call(struct call *kept, const ProtobufCMessage *resp, const struct err *err)
{
	const Grpc__WaitProcessResponse *waited = (const void *)resp;
	struct call call = *kept;

	list_remove(&kept->node);
	free(kept);
	if (call.waited)
		call.waited(call.arg, waited ? waited->status : 0, err);
	else if (call.counted)
		call.counted(call.arg, (const void *)resp, err);
	else if (call.answered)
		call.answered(call.arg, resp, err);
	else if (call.done)
		call.done(call.arg, err);
}

/* --- dial --- */

static void end_dial(struct agent *agent, const struct err *err)
{
	agent_done *done = agent->dialed;

	if (!done)
		return;
	agent->dialed = NULL;
	if (agent->deadline)
		event_free(take_ptr(&agent->deadline));
	done(agent->dialed_arg, err);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	(void)fd, (void)what;
	ttrpc_client_free(take_ptr(&agent->client));
	err_set(&err, ERR_TIMEOUT, "no answer within %u ms", agent->dial_ms);
	end_dial(agent, &err);
}

static void on_closed(void *arg, const struct err *why)
{
	struct agent *agent = arg;
	bool was_answered = agent->answered;

	agent->gone = *why;

	ttrpc_client_free(take_ptr(&agent->client));
	agent->answered = false;
	if (was_answered)
		agent->on_lost(agent->lost_arg, why);
	/* A vsock that nobody listens on yet: agent_announced() or the deadline is next. */
	else if (!agent->address || !str_starts(agent->address, "vsock://"))
		end_dial(agent, why);
}

static void on_checked(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct agent *agent = arg;

	(void)resp;
	if (err && err->code == ERR_UNAVAILABLE)
		return; /* on_closed() follows and decides */
	if (!err) {
		agent->answered = true;
		ttrpc_client_linger(agent->client, LINGER_MS);
	}
	end_dial(agent, err);
}

static int connect_vsock(const char *address, struct err *err)
{
	struct sockaddr_vm sa = { .svm_family = AF_VSOCK };
	scoped_fd int fd = -1;

	if (sscanf(address, "vsock://%u:%u", &sa.svm_cid, &sa.svm_port) != 2)
		return err_set(err, ERR_INVALID, "connect '%s': not an address", address);
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "make vsock socket");
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS)
		return err_sys(err, errno, "connect '%s'", address);
	return take_fd(&fd);
}

static int connect_address(const char *address, struct err *err)
{
	if (str_starts(address, "unix://"))
		return unix_connect(address + strlen("unix://"), err);
	if (str_starts(address, "vsock://"))
		return connect_vsock(address, err);
	return err_set(err, ERR_INVALID, "connect '%s': not an address of an agent", address);
}

static int try_connect(struct agent *agent, struct err *err)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	int fd = connect_address(agent->address, err);

	if (fd < 0)
		return -1;
	agent->client = ttrpc_client_new(agent->base, fd, on_closed, agent);
	ttrpc_client_watch(agent->client, agent->called, agent->called_arg);
	/* The guest answers when it is up; until then the bytes wait in the channel. */
	ttrpc_client_call(agent->client, &grpc__health__descriptor, "Check", &req.base, 0,
			  on_checked, agent);
	return 0;
}

static struct call *find_without_channel(struct agent *agent)
{
	list_for_each(&agent->calls, struct call, node, call)
		if (call->no_channel)
			return call;
	return NULL;
}

static void destroy(struct agent *agent)
{
	event_free(agent->soon);
	if (agent->oom_again)
		event_free(agent->oom_again);
	list_for_each_safe(&agent->calls, struct call, node, call)
		free(call);
	free(agent->address);
	free(agent);
}

/* All in one go: whoever gives the channel up counts on it. A callback may free the agent. */
static void fail_without_channel(struct agent *agent)
{
	struct call *call;

	agent->failing = true;
	while (!agent->freed && (call = find_without_channel(agent))) {
		struct err err = agent->gone;

		end_call(call, NULL, &err);
	}
	agent->failing = false;
	if (agent->freed)
		destroy(agent);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	(void)fd, (void)what;
	if (agent->dialed && !agent->client) {
		if (try_connect(agent, &err) < 0)
			end_dial(agent, &err);
		return;
	}
	fail_without_channel(agent);
}

struct agent *agent_new(struct event_base *base, agent_done *on_lost, void *arg)
{
	struct agent *agent = xnew(struct agent);

	agent->base = base;
	agent->on_lost = on_lost;
	agent->lost_arg = arg;
	agent->soon = evtimer_new(base, on_soon, agent);
	list_init(&agent->calls);
	err_set(&agent->gone, ERR_UNAVAILABLE, "call the agent: it is not connected");
	return agent;
}

void agent_watch_calls(struct agent *agent,
		       void (*fn)(void *arg, const char *method, uint64_t took_ns), void *arg)
{
	agent->called = fn;
	agent->called_arg = arg;
}

void agent_dial(struct agent *agent, const char *address, uint32_t timeout_ms, agent_done *done,
		void *arg)
{
	const struct timeval tv = { .tv_sec = timeout_ms / 1000,
				    .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };

	agent->address = xstrdup(address);
	agent->dial_ms = timeout_ms;
	agent->dialed = done;
	agent->dialed_arg = arg;
	agent->deadline = evtimer_new(agent->base, on_deadline, agent);
	evtimer_add(agent->deadline, &tv);
	run_soon(agent); /* so that a failure to connect is told from the loop too */
}

void agent_announced(struct agent *agent)
{
	struct err err = ERR_INIT;

	if (agent->dialed && !agent->client && try_connect(agent, &err) < 0)
		end_dial(agent, &err);
}

void agent_abort(struct agent *agent, const struct err *why)
{
	agent->gone = *why;
	agent->gone.code = ERR_UNAVAILABLE;
	agent->answered = false;
	if (agent->client)
		ttrpc_client_abort(agent->client, &agent->gone);
}

void agent_forget(struct agent *agent, const void *arg)
{
	list_for_each(&agent->calls, struct call, node, call) {
		if (call->arg != arg)
			continue;
		call->done = NULL;
		call->waited = NULL;
		call->counted = NULL;
		call->answered = NULL;
	}
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	if (agent->deadline)
		event_free(take_ptr(&agent->deadline));
	ttrpc_client_free(take_ptr(&agent->client));
	if (agent->failing)
		agent->freed = true;
	else
		destroy(agent);
}

/* --- calls --- */

static void on_answered(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	end_call(arg, resp, err);
}

static void start_call_of(struct agent *agent, const ProtobufCServiceDescriptor *service,
			  const char *method, const ProtobufCMessage *req, uint32_t timeout_ms,
			  struct call call)
{
	struct call *kept = xnew(struct call);

	*kept = call;
	list_add(&agent->calls, &kept->node);
	if (!agent->client) {
		kept->no_channel = true;
		run_soon(agent);
		return;
	}
	ttrpc_client_call(agent->client, service, method, req, timeout_ms, on_answered, kept);
}

static void start_call(struct agent *agent, const char *method, const ProtobufCMessage *req,
		       uint32_t timeout_ms, struct call call)
{
	start_call_of(agent, &grpc__agent_service__descriptor, method, req, timeout_ms, call);
}

void agent_call(struct agent *agent, const ProtobufCServiceDescriptor *service, const char *method,
		const ProtobufCMessage *req, uint32_t timeout_ms, agent_answered *done, void *arg)
{
	start_call_of(agent, service, method, req, timeout_ms,
		      (struct call){ .answered = done, .arg = arg });
}

void agent_create_sandbox(struct agent *agent, const Grpc__CreateSandboxRequest *req,
			  agent_done *done, void *arg)
{
	start_call(agent, "CreateSandbox", &req->base, AGENT_TIMEOUT_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_create_container(struct agent *agent, const Grpc__CreateContainerRequest *req,
			    uint32_t timeout_ms, agent_done *done, void *arg)
{
	start_call(agent, "CreateContainer", &req->base, timeout_ms,
		   (struct call){ .done = done, .arg = arg });
}

void agent_start_container(struct agent *agent, const char *id, agent_done *done, void *arg)
{
	Grpc__StartContainerRequest req = GRPC__START_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	start_call(agent, "StartContainer", &req.base, AGENT_TIMEOUT_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_remove_container(struct agent *agent, const char *id, agent_done *done, void *arg)
{
	Grpc__RemoveContainerRequest req = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	start_call(agent, "RemoveContainer", &req.base, AGENT_REMOVE_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_exec(struct agent *agent, const char *id, const char *exec_id,
		const Grpc__Process *process, agent_done *done, void *arg)
{
	Grpc__ExecProcessRequest req = GRPC__EXEC_PROCESS_REQUEST__INIT;

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	req.process = (Grpc__Process *)(uintptr_t)process;
	start_call(agent, "ExecProcess", &req.base, AGENT_TIMEOUT_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_signal(struct agent *agent, const char *id, const char *exec_id, int sig,
		  agent_done *done, void *arg)
{
	Grpc__SignalProcessRequest req = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	req.signal = (uint32_t)sig;
	start_call(agent, "SignalProcess", &req.base, AGENT_SIGNAL_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_wait(struct agent *agent, const char *id, const char *exec_id, agent_waited *done,
		void *arg)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	start_call(agent, "WaitProcess", &req.base, 0, (struct call){ .waited = done, .arg = arg });
}

void agent_resize(struct agent *agent, const char *id, const char *exec_id, uint32_t rows,
		  uint32_t columns, agent_done *done, void *arg)
{
	Grpc__TtyWinResizeRequest req = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;

	req.container_id = unconst(id);
	req.exec_id = unconst(exec_id);
	req.row = rows;
	req.column = columns;
	start_call(agent, "TtyWinResize", &req.base, AGENT_TIMEOUT_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_pause(struct agent *agent, const char *id, agent_done *done, void *arg)
{
	Grpc__PauseContainerRequest req = GRPC__PAUSE_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	start_call(agent, "PauseContainer", &req.base, AGENT_TIMEOUT_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_resume(struct agent *agent, const char *id, agent_done *done, void *arg)
{
	Grpc__ResumeContainerRequest req = GRPC__RESUME_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	start_call(agent, "ResumeContainer", &req.base, AGENT_TIMEOUT_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_update(struct agent *agent, const char *id, const Grpc__LinuxResources *res,
		  agent_done *done, void *arg)
{
	Grpc__UpdateContainerRequest req = GRPC__UPDATE_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	req.resources = (Grpc__LinuxResources *)(uintptr_t)res;
	start_call(agent, "UpdateContainer", &req.base, AGENT_TIMEOUT_MS,
		   (struct call){ .done = done, .arg = arg });
}

void agent_stats(struct agent *agent, const char *id, agent_counted *done, void *arg)
{
	Grpc__StatsContainerRequest req = GRPC__STATS_CONTAINER_REQUEST__INIT;

	req.container_id = unconst(id);
	start_call(agent, "StatsContainer", &req.base, AGENT_STATS_MS,
		   (struct call){ .counted = done, .arg = arg });
}

/* --- OOM events --- */

static void ask_oom(evutil_socket_t fd, short what, void *arg);

/* Not asked again at once: a guest that answers for ever must not keep us busy. */
static void on_oom(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const struct timeval pause = { .tv_usec = OOM_PAUSE_MS * 1000 };
	struct agent *agent = arg;
	const Grpc__OOMEvent *event = (const Grpc__OOMEvent *)(const void *)resp;

	if (err)
		return; /* an agent without the method, or no agent any more */
	evtimer_add(agent->oom_again, &pause);
	agent->oom(agent->oom_arg, event->container_id);
}

static void ask_oom(evutil_socket_t fd, short what, void *arg)
{
	Grpc__GetOOMEventRequest req = GRPC__GET_OOMEVENT_REQUEST__INIT;
	struct agent *agent = arg;

	(void)fd, (void)what;
	if (agent->client)
		ttrpc_client_call(agent->client, &grpc__agent_service__descriptor, "GetOOMEvent",
				  &req.base, 0, on_oom, agent);
}

void agent_watch_oom(struct agent *agent, agent_oom *fn, void *arg)
{
	agent->oom = fn;
	agent->oom_arg = arg;
	agent->oom_again = evtimer_new(agent->base, ask_oom, agent);
	ask_oom(-1, 0, agent);
}
