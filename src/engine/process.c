/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - one process of a container, from the agent's word that it exists to its end
 *
 * The end is a latch. A process has ended with the agent's answer to WaitProcess, or with the
 * loss of the VM; its latch is set once what it wrote is written, and not while its start is
 * unanswered, so that its start is told before its exit. kata-shim, the host process that stands in
 * for it, is watched the other way: when it ends first, somebody killed what docker calls the
 * container's pid, and the process in the guest is killed too.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/agent/agent.h"
#include "engine/persist/journal.h"
#include "engine/sandbox_priv.h"
#include "engine/stdio/process_io.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/cgroup/cgroup.h"
#include "lib/oci/message.h"
#include "lib/stdio/streams.h"

#define EXIT_WAIT_FAILED 255 /* Kata's status when the agent does not tell */

struct process *process_new(struct container *c, const char *exec_id)
{
	struct process *p = xnew(struct process);

	p->container = c;
	p->exec_id = xstrdup(exec_id);
	p->shim_fd = -1;
	list_init(&p->node);
	return p;
}

static void forget_shim(struct process *p)
{
	if (p->shim_event)
		event_free(take_ptr(&p->shim_event));
	close_fd(&p->shim_fd);
}

struct start {
	struct process *p; /* NULL: deleted before the answer came */
	engine_done *done;
	void *arg;
};

/* Its answer will come, and find nobody. */
static void forget_start(struct process *p)
{
	if (p->start)
		p->start->p = NULL;
}

/* --- the end --- */

static void note_end(struct process *p, int status)
{
	if (p->ended)
		return;
	p->ended = true;
	p->end = (struct exit_info){ .status = status & 0xff, .at_ns = clock_real_ns() };
}

static void tell_exit(struct process *p)
{
	struct container *c = p->container;
	struct sandbox *sb = c->sandbox;

	if (p->exit.set)
		return;
	if (p == c->init)
		c->status = CONTAINER_STOPPED;
	exit_latch_set(&p->exit, &p->end);
	if (sb->events.exited)
		sb->events.exited(sb->events_arg, p);
}

static void tell_exit_if_due(void *arg)
{
	struct process *p = arg;

	if (p->ended && !p->start && (!p->io || process_io_is_drained(p->io)))
		tell_exit(p);
}

void process_end(struct process *p, int status)
{
	note_end(p, status);
	if (p->io)
		process_io_exited(p->io);
	tell_exit_if_due(p);
}

void process_lose(struct process *p, int status)
{
	note_end(p, status);
	if (p->io)
		process_io_lost(p->io);
	tell_exit_if_due(p);
}

void process_set_exit(struct process *p, int status)
{
	note_end(p, status);
	tell_exit(p);
}

/*
 * Removed before it ended, or before it began: whoever waits for it is not left waiting. What the
 * guest has goes with its container, killed.
 */
static void end_removed(struct process *p)
{
	const struct exit_info info = { .status = 128 + SIGKILL, .at_ns = clock_real_ns() };

	if (p->created)
		process_set_exit(p, info.status);
	else
		exit_latch_set(&p->exit, &info);
}

/* For messages too: the agent knows a container's init by the container's id. */
static const char *agent_exec_id(const struct process *p)
{
	return p->exec_id[0] ? p->exec_id : p->container->id;
}

/* Deleted before its streams were open. */
static void tell_not_opened(struct process *p)
{
	struct err err = ERR_INIT;

	if (!p->opened)
		return;
	err_set(&err, ERR_CANCELLED, "exec '%s': it was deleted", p->exec_id);
	sandbox_later(p->container->sandbox, p->opened, p->opened_arg, &err);
}

void process_free(struct process *p)
{
	struct sandbox *sb;

	if (!p)
		return;
	sb = p->container->sandbox;
	if (sb->agent)
		agent_forget(sb->agent, p);
	forget_start(p);
	tell_not_opened(p);
	end_removed(p);
	process_io_free(p->io);
	journal_strike(sb->journal, p->shim_seq);
	forget_shim(p);
	list_remove(&p->node);
	if (p->process)
		protobuf_c_message_free_unpacked(&p->process->base, NULL);
	free(p->exec_id);
	free(p);
}

static void on_waited(void *arg, int status, const struct err *err)
{
	struct process *p = arg;

	p->waiting = false;
	process_end(p, err ? EXIT_WAIT_FAILED : status);
}

void process_watch(struct process *p)
{
	struct agent *agent = p->container->sandbox->agent;
	const struct stdio_peer peer = { .client = agent_client_at(agent),
					 .container_id = p->container->id,
					 .exec_id = agent_exec_id(p) };

	p->created = true;
	p->waiting = true;
	agent_wait(agent, p->container->id, agent_exec_id(p), on_waited, p);
	if (p->sized)
		agent_resize(agent, p->container->id, agent_exec_id(p), p->rows, p->columns, NULL,
			     NULL);
	if (p->io)
		process_io_start(p->io, &peer, tell_exit_if_due, p);
}

/* --- start --- */

static void on_started(void *arg, const struct err *err)
{
	struct start *start = arg;
	struct process *p = start->p;

	/* A program that could not be executed has ended: the agent's wait says so too. */
	if (p)
		p->started = !err;
	if (p && p == p->container->init) {
		p->container->busy = false;
		if (!err && p->container->status == CONTAINER_CREATED)
			p->container->status = CONTAINER_RUNNING;
	}
	start->done(start->arg, err);
	/* It may have been deleted in there. */
	if (start->p) {
		start->p->start = NULL;
		/* An exec that never was: whoever reads its streams is not left waiting. */
		start->p->failed = err && !start->p->created;
		if (start->p->failed)
			process_io_free(take_ptr(&start->p->io));
		tell_exit_if_due(start->p);
	}
	free(start);
}

static int check_start(const struct process *p, struct err *err)
{
	const struct container *c = p->container;

	if (sandbox_need_up(c->sandbox, err) < 0)
		return -1;
	if (p->opened)
		return err_set(err, ERR_STATE, "start '%s': its logger is not ready yet",
			       agent_exec_id(p));
	if (p->failed)
		return err_set(err, ERR_STATE, "start '%s': it could not be started before",
			       agent_exec_id(p));
	if (p->start || p->started || p->ended)
		return err_set(err, ERR_STATE, "start '%s': it was started already",
			       agent_exec_id(p));
	if (p == c->init && (c->busy || c->status != CONTAINER_CREATED))
		return err_set(err, ERR_STATE, "start container '%s': it is %s", c->id,
			       c->busy ? "busy" : container_status_name(c->status));
	return 0;
}

static void on_exec_created(void *arg, const struct err *err)
{
	const struct start *start = arg;

	if (!err && start->p)
		process_watch(start->p);
	on_started(arg, err);
}

void process_start(struct process *p, engine_done *done, void *arg)
{
	struct sandbox *sb = p->container->sandbox;
	struct err err = ERR_INIT;

	if (check_start(p, &err) < 0) {
		sandbox_later(sb, done, arg, &err);
		return;
	}
	p->start = xnew(struct start);
	*p->start = (struct start){ .p = p, .done = done, .arg = arg };
	if (p == p->container->init) {
		p->container->busy = true;
		agent_start_container(sb->agent, p->container->id, on_started, p->start);
	} else {
		agent_exec(sb->agent, p->container->id, p->exec_id, p->process, on_exec_created,
			   p->start);
	}
}

/* --- signal --- */

/* The process may be deleted before the answer, so only the sandbox is kept. */
struct signalled {
	struct sandbox *sb;
	engine_done *done;
	void *arg;
	int sig;
};

/* SIGKILL must work: an agent that leaves it unanswered has lost its guest. */
static void on_signalled(void *arg, const struct err *err)
{
	struct signalled op = *(struct signalled *)arg;

	free(arg);
	if (err && op.sig == SIGKILL &&
	    (err->code == ERR_TIMEOUT || err->code == ERR_UNAVAILABLE)) {
		struct err why = *err;

		err_wrap(&why, "the agent left SIGKILL unanswered");
		sandbox_lose(op.sb, &why);
		err = NULL;
	}
	if (op.done)
		op.done(op.arg, err);
}

void process_signal(struct process *p, int sig, bool all, engine_done *done, void *arg)
{
	struct sandbox *sb = p->container->sandbox;
	struct err err = ERR_INIT;
	struct signalled *op;

	if (sig == SIGKILL && p->io)
		process_io_killed(p->io);
	if (p->ended && !(all && sandbox_is_up(sb))) {
		err_set(&err, ERR_STATE, "signal '%s': it has ended", agent_exec_id(p));
		sandbox_later(sb, done, arg, sig == SIGKILL || sig == SIGTERM ? NULL : &err);
		return;
	}
	if (sandbox_need_up(sb, &err) < 0 || !p->created) {
		if (err.code == ERR_OK)
			err_set(&err, ERR_STATE, "signal '%s': it is not created yet",
				agent_exec_id(p));
		sandbox_later(sb, done, arg, &err);
		return;
	}
	/* A stopped QEMU is found out by its monitor sooner than by a guest that does not answer. */
	if (sig == SIGKILL)
		sandbox_check(sb);
	op = xnew(struct signalled);
	*op = (struct signalled){ .sb = sb, .done = done, .arg = arg, .sig = sig };
	agent_signal(sb->agent, p->container->id, all ? "" : agent_exec_id(p), sig, on_signalled, op);
}

void process_resize(struct process *p, uint32_t rows, uint32_t columns, engine_done *done,
		    void *arg)
{
	struct container *c = p->container;
	struct err err = ERR_INIT;

	if (p->ended)
		err_set(&err, ERR_STATE, "resize the terminal of '%s': it has ended",
			agent_exec_id(p));
	else if (sandbox_need_up(c->sandbox, &err) == 0 && p->created && p->io &&
		 process_io_request(p->io)->terminal) {
		agent_resize(c->sandbox->agent, c->id, agent_exec_id(p), rows, columns, done, arg);
		return;
	}
	p->sized = p->io && process_io_request(p->io)->terminal;
	p->rows = rows;
	p->columns = columns;
	sandbox_later(c->sandbox, done, arg, err.code == ERR_OK ? NULL : &err);
}

void process_delete(struct process *p, engine_done *done, void *arg)
{
	struct sandbox *sb = p->container->sandbox;
	struct err err = ERR_INIT;

	if (p == p->container->init || p->start || (p->created && !p->exit.set))
		err_set(&err, ERR_STATE, "delete process '%s': it has not ended",
			agent_exec_id(p));
	else
		process_free(p);
	sandbox_later(sb, done, arg, err.code == ERR_OK ? NULL : &err);
}

/* --- streams --- */

static void on_io_warning(void *arg, const struct err *err)
{
	const struct process *p = arg;

	sandbox_warn(p->container->sandbox, err);
}

int process_open_io(struct process *p, const struct stdio_request *req, struct err *err)
{
	const struct process_io_env env = { .base = p->container->sandbox->base,
					    .loggers = &p->container->sandbox->loggers,
					    .id = agent_exec_id(p),
					    .warning = on_io_warning,
					    .arg = p };

	if (!req)
		return 0;
	p->io = process_io_new(&env, req, err);
	return p->io ? 0 : -1;
}

static void on_opened(void *arg, const struct err *err)
{
	struct process *p = arg;
	engine_done *done = take_ptr(&p->opened);
	void *done_arg = p->opened_arg;

	if (err)
		process_free(p);
	done(done_arg, err);
}

void process_on_opened(struct process *p, engine_done *done, void *arg)
{
	if (!p->io || !process_io_is_opening(p->io)) {
		sandbox_later(p->container->sandbox, done, arg, NULL);
		return;
	}
	p->opened = done;
	p->opened_arg = arg;
	process_io_on_opened(p->io, on_opened, p);
}

void process_close_stdin(struct process *p)
{
	if (p->io)
		process_io_close_stdin(p->io);
}

const struct stdio_request *process_stdio(const struct process *p)
{
	return p->io ? process_io_request(p->io) : NULL;
}

/* --- the stand-in --- */

static void on_shim_ended(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;

	(void)fd, (void)what;
	forget_shim(p);
	p->shim_pid = 0;
	journal_strike(p->container->sandbox->journal, p->shim_seq);
	p->shim_seq = 0;
	if (!p->exit.set)
		process_signal(p, SIGKILL, p == p->container->init, NULL, NULL);
}

int process_attach_shim(struct process *p, pid_t pid, uint64_t start_ticks, struct err *err)
{
	struct sandbox *sb = p->container->sandbox;
	scoped_fd int fd = -1;

	if (p->shim_fd >= 0)
		return err_set(err, ERR_EXISTS, "attach process %d: process %d stands in already",
			       (int)pid, (int)p->shim_pid);
	fd = proc_open(pid, start_ticks, err);
	if (fd < 0)
		return err_wrap(err, "attach process %d", (int)pid);
	p->shim_seq = journal_add_process(sb->journal, "kata-shim", pid, start_ticks, err);
	/* Whoever asks for the cgroup of the container's pid is to find what the VM uses. */
	if (!p->shim_seq || cgroup_add_pid(sb->cgroup, pid, err) < 0)
		return -1;
	p->shim_pid = pid;
	p->attached = true;
	p->shim_fd = take_fd(&fd);
	p->shim_event = event_new(sb->base, p->shim_fd, EV_READ, on_shim_ended, p);
	event_add(p->shim_event, NULL);
	return 0;
}

pid_t process_shim_pid(const struct process *p)
{
	return p->shim_pid;
}

bool process_attached(const struct process *p)
{
	return p->attached;
}

const struct exit_latch *process_exit(const struct process *p)
{
	return &p->exit;
}

struct exit_latch *process_exit_latch(struct process *p)
{
	return &p->exit;
}

const char *process_exec_id(const struct process *p)
{
	return p->exec_id;
}

struct container *process_container(const struct process *p)
{
	return p->container;
}

bool process_started(const struct process *p)
{
	return p->started;
}
