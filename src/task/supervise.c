/* SPDX-License-Identifier: Apache-2.0 */
#include "task/supervise.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/persist/journal.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"

struct supervise {
	const char *sandbox_id;
	const struct supervise_front *front;
	void *arg;
	struct event_base *base;
	struct ttrpc_server *server;
	struct tasks *tasks;
	struct event *idle, *flush, *on_term, *on_int;
};

/* --- down --- */

static void on_flushed(void *arg)
{
	struct supervise *s = arg;

	event_base_loopbreak(s->base);
}

static void on_flush_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	log_warn("last answers not read, ending");
	on_flushed(arg);
}

/* The engine removes the directory together with the journal; without a sandbox it is ours. */
static void remove_unused_dir(const struct supervise *s)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, s->sandbox_id);
	struct err err = ERR_INIT;

	if (!tasks_sandbox(s->tasks) && dir_remove(dir, &err) < 0)
		log_warn("directory not removed, going on", "reason", err.text);
}

static void flush_answers(void *arg)
{
	const struct timeval patience = { .tv_sec = SUPERVISE_FLUSH_MS / 1000 };
	struct supervise *s = arg;

	ttrpc_server_unlisten(s->server);
	evtimer_add(s->flush, &patience);
	ttrpc_server_on_flushed(s->server, on_flushed, s);
}

static void on_down(void *arg, const struct err *err)
{
	struct supervise *s = arg;

	if (err)
		log_warn("sandbox taken down, something is left", "reason", err->text);
	else
		log_info("sandbox taken down");
	remove_unused_dir(s);
	if (s->front->down)
		s->front->down(s->arg, flush_answers, s);
	else
		flush_answers(s);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct supervise *s = arg;

	(void)what;
	log_info("told to end by a signal", "signal", strsignal((int)sig));
	tasks_down(s->tasks);
}

/* --- without a container --- */

static void wait_for_create(void *arg)
{
	const struct timeval idle = { .tv_sec = SUPERVISE_IDLE_MS / 1000 };
	struct supervise *s = arg;

	evtimer_add(s->idle, &idle);
}

static void on_busy(void *arg)
{
	struct supervise *s = arg;

	event_del(s->idle);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct supervise *s = arg;

	(void)fd, (void)what;
	log_warn("nobody makes a container, ending");
	if (s->front->idle)
		s->front->idle(s->arg);
	tasks_down(s->tasks);
}

static void on_stillborn(void *arg)
{
	struct supervise *s = arg;

	if (s->front->ends_stillborn)
		tasks_down(s->tasks);
	else
		wait_for_create(s);
}

/* --- the front end's --- */

static struct config *configure(void *arg, const Grpc__Spec *spec, const char *config_path,
				struct err *err)
{
	struct supervise *s = arg;

	return s->front->configure(s->arg, spec, config_path, err);
}

static void on_created(void *arg, const char *id, const char *bundle)
{
	struct supervise *s = arg;

	log_info("container created", "container", id);
	if (s->front->created)
		s->front->created(s->arg, id, bundle);
}

static void on_oom(void *arg, const struct container *c)
{
	struct supervise *s = arg;

	log_info("out of memory", "container", container_id(c));
	if (s->front->oom)
		s->front->oom(s->arg, c);
}

static void on_event(void *arg, const char *topic, const ProtobufCMessage *message)
{
	struct supervise *s = arg;

	if (s->front->event)
		s->front->event(s->arg, topic, message);
}

/* --- the log --- */

static void on_failed(void *arg, const char *what, const struct err *err)
{
	(void)arg;
	log_error(what, "reason", err->text);
}

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	log_warn(text);
}

static void on_console(void *arg, const char *line)
{
	(void)arg;
	log_debug("console", "vmconsole", line);
}

static void on_timeline(void *arg, const char *operation, const char *step, uint64_t took_ns)
{
	scoped_free char *us = xasprintf("%llu", (unsigned long long)(took_ns / 1000));

	(void)arg;
	log_debug("step", "operation", operation, "step", step, "took_us", us);
}

static const struct tasks_front tasks_calls = {
	.configure = configure,
	.down = on_down,
	.stillborn = on_stillborn,
	.empty = wait_for_create,
	.busy = on_busy,
	.created = on_created,
	.failed = on_failed,
	.warning = on_warning,
	.console = on_console,
	.oom = on_oom,
	.event = on_event,
	.timeline = on_timeline,
};

/* --- life --- */

struct supervise *supervise_new(const char *sandbox_id, const struct supervise_front *front,
				void *arg)
{
	struct supervise *s = xnew(struct supervise);

	*s = (struct supervise){ .sandbox_id = sandbox_id, .front = front, .arg = arg };
	s->base = event_base_new();
	s->tasks = tasks_new(s->base, sandbox_id, &tasks_calls, s);
	s->idle = evtimer_new(s->base, on_idle, s);
	s->flush = evtimer_new(s->base, on_flush_late, s);
	s->on_term = evsignal_new(s->base, SIGTERM, on_signal, s);
	s->on_int = evsignal_new(s->base, SIGINT, on_signal, s);
	return s;
}

struct event_base *supervise_base(const struct supervise *s)
{
	return s->base;
}

struct tasks *supervise_tasks(const struct supervise *s)
{
	return s->tasks;
}

int supervise_run(struct supervise *s, int listen_fd, const struct ttrpc_service *services,
		  size_t n_services, struct err *err)
{
	int r;

	s->server = ttrpc_server_new(s->base, services, n_services);
	r = ttrpc_server_listen(s->server, listen_fd, err);
	if (r == 0) {
		wait_for_create(s);
		event_add(s->on_term, NULL);
		event_add(s->on_int, NULL);
		event_base_dispatch(s->base);
	}
	ttrpc_server_free(take_ptr(&s->server)); /* while what it serves is there */
	return r;
}

void supervise_free(struct supervise *s)
{
	tasks_free(s->tasks);
	event_free(s->idle);
	event_free(s->flush);
	event_free(s->on_term);
	event_free(s->on_int);
	event_base_free(s->base);
	free(s);
}
