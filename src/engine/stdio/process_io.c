/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stdio/process_io.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "engine/stdio/logger.h"
#include "engine/stdio/sink.h"
#include "engine/stdio/uri.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/stdio/streams.h"

struct process_io {
	struct process_io_env env;
	struct stdio_request req; /* its strings are owned */
	struct sink sinks[2];     /* stdout, stderr */
	struct logger *loggers[2];
	int n_starting; /* loggers that are not ready */
	engine_done *opened;
	void *opened_arg;
	int in_fd;       /* our end of the FIFO; -1: none */
	int in_write_fd; /* the writer of our own; -1: CloseIO was called */
	struct stdio stdio;
	bool started, close_stdin;
	bool exited, lost, killed;
	bool drained;
	struct event tick;
	unsigned int n_ticks;   /* since the end */
	unsigned int absent[2]; /* ticks in a row in which nobody else had it open */
	unsigned int stuck[2];  /* ticks in a row in which nothing was taken */
	size_t waiting[2];      /* bytes at the last tick */
	void (*progress)(void *arg);
	void *arg;
};

#define ABSENT_TICKS (PROCESS_IO_ABSENT_MS / PROCESS_IO_TICK_MS)

static void on_tick(evutil_socket_t fd, short what, void *arg);

/* --- opening --- */

static void on_logger_ready(void *arg, const struct err *err)
{
	struct process_io *io = arg;
	engine_done *opened = io->opened;

	io->n_starting--;
	if (!opened || (!err && io->n_starting > 0))
		return;
	io->opened = NULL;
	opened(io->opened_arg, err);
}

static void on_logger_ended(void *arg, const struct err *why)
{
	struct process_io *io = arg;

	if (!io->drained)
		io->env.warning(io->env.arg, why);
}

/* One and the same for both streams, if both are to go there. */
static int open_logger(struct process_io *io, int which, const struct stdio_uri *uri,
		       struct err *err)
{
	const struct logger_spec spec = { .argv = uri->argv,
					  .id = io->env.id,
					  .namespace = io->req.namespace,
					  .ready = on_logger_ready,
					  .ended = on_logger_ended,
					  .arg = io };
	bool same = !io->req.terminal && strcmp(io->req.out, io->req.err) == 0;
	int fds[2];

	if (which == 1 && same)
		return 0;
	io->loggers[which] = logger_start(io->env.loggers, &spec, fds, err);
	if (!io->loggers[which])
		return -1;
	io->n_starting++;
	for (int i = 0; i < 2; i++) {
		if (i == which || same)
			io->sinks[i].fd = fds[i];
		else
			close(fds[i]);
	}
	return 0;
}

static int open_output(struct process_io *io, int which, const char *text, struct err *err)
{
	struct stdio_uri uri = { 0 };
	int r = stdio_uri_parse(text, &uri, err);

	switch (uri.kind) {
	case STDIO_NONE:
		break;
	case STDIO_FIFO:
		r = sink_open_fifo(&io->sinks[which], uri.path, err);
		break;
	case STDIO_FILE:
		r = sink_open_file(&io->sinks[which], uri.path, err);
		break;
	case STDIO_LOGGER:
		r = open_logger(io, which, &uri, err);
		break;
	}
	stdio_uri_done(&uri);
	return r;
}

static int open_input(struct process_io *io, struct err *err)
{
	struct stdio_uri uri = { 0 };
	int r = stdio_uri_parse(io->req.in, &uri, err);

	if (r == 0 && uri.kind == STDIO_FIFO)
		r = fifo_open(uri.path, &io->in_fd, &io->in_write_fd, err);
	else if (r == 0 && uri.kind != STDIO_NONE)
		r = err_set(err, ERR_INVALID, "stream '%.128s': an input is a FIFO", io->req.in);
	stdio_uri_done(&uri);
	return r;
}

static int open_all(struct process_io *io, struct err *err)
{
	if (open_input(io, err) < 0 || open_output(io, 0, io->req.out, err) < 0)
		return -1;
	return io->req.terminal ? 0 : open_output(io, 1, io->req.err, err);
}

static char *copy(const char *text)
{
	return xstrdup(text ? text : "");
}

struct process_io *process_io_new(const struct process_io_env *env, const struct stdio_request *req,
				  struct err *err)
{
	struct process_io *io = xnew(struct process_io);

	io->env = *env;
	io->req = (struct stdio_request){ .terminal = req->terminal,
					  .in = copy(req->in),
					  .out = copy(req->out),
					  .err = copy(req->err),
					  .namespace = copy(req->namespace) };
	io->sinks[0] = io->sinks[1] = SINK_INIT;
	io->in_fd = io->in_write_fd = -1;
	event_assign(&io->tick, env->base, -1, EV_PERSIST, on_tick, io);
	if (open_all(io, err) < 0) {
		process_io_free(io);
		return NULL;
	}
	return io;
}

const struct stdio_request *process_io_request(const struct process_io *io)
{
	return &io->req;
}

bool process_io_is_opening(const struct process_io *io)
{
	return io->n_starting > 0;
}

void process_io_on_opened(struct process_io *io, engine_done *opened, void *arg)
{
	io->opened = opened;
	io->opened_arg = arg;
}

/* --- carrying --- */

/* The streams are not waited for any more: whoever reads them sees their end. */
static void finish(struct process_io *io)
{
	io->drained = true;
	event_del(&io->tick);
	if (io->started)
		stdio_done(&io->stdio);
	close_fd(&io->in_fd);
	close_fd(&io->in_write_fd);
	for (int i = 0; i < 2; i++)
		sink_end(&io->sinks[i], io->env.base);
}

/* An output may end before its process. */
static void end_outputs(struct process_io *io)
{
	for (int i = 0; i < 2; i++) {
		if (io->sinks[i].ended || !stdio_output_is_done(&io->stdio, i))
			continue;
		stdio_output_drop(&io->stdio, i);
		sink_end(&io->sinks[i], io->env.base);
	}
}

static void on_progress(void *arg)
{
	struct process_io *io = arg;

	if (io->drained)
		return;
	end_outputs(io);
	if (io->exited && stdio_is_drained(&io->stdio))
		finish(io);
	if (io->drained)
		io->progress(io->arg);
}

static void drop(struct process_io *io, int which, const char *why)
{
	const char *path = which == 0 ? io->req.out : io->req.err;
	struct err err = ERR_INIT;

	err_set(&err, ERR_TIMEOUT, "write to stream '%.128s': %s, the rest is dropped", path, why);
	stdio_output_drop(&io->stdio, which);
	io->env.warning(io->env.arg, &err);
}

static void check_output(struct process_io *io, int which)
{
	bool same = !io->req.terminal && strcmp(io->req.out, io->req.err) == 0;

	size_t waiting = stdio_output_waiting(&io->stdio, which);

	if (waiting == 0)
		return;
	io->stuck[which] = waiting == io->waiting[which] ? io->stuck[which] + 1 : 0;
	io->waiting[which] = waiting;
	if (sink_has_reader(&io->sinks[which], same ? &io->sinks[1 - which] : NULL))
		io->absent[which] = 0;
	else
		io->absent[which]++;
	if (io->absent[which] >= ABSENT_TICKS)
		drop(io, which, "nobody has read it");
	else if (io->lost && io->n_ticks >= ABSENT_TICKS)
		drop(io, which, "the virtual machine is gone and its reader is slow");
	else if (io->killed && io->stuck[which] >= ABSENT_TICKS)
		drop(io, which, "the process was killed and its reader stands still");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct process_io *io = arg;

	(void)fd, (void)what;
	io->n_ticks++;
	for (int i = 0; i < 2; i++)
		check_output(io, i);
	on_progress(io);
}

static void start_input(struct process_io *io)
{
	if (io->in_fd >= 0)
		stdio_input_start(&io->stdio, io->in_fd);
	else if (!io->req.terminal)
		stdio_input_end(&io->stdio);
	else if (io->close_stdin)
		stdio_input_end(&io->stdio);
}

void process_io_start(struct process_io *io, const struct stdio_peer *peer,
		      void (*progress)(void *arg), void *arg)
{
	io->progress = progress;
	io->arg = arg;
	io->started = true;
	stdio_init(&io->stdio, io->env.base, peer, on_progress, io);
	start_input(io);
	stdio_output_start(&io->stdio, 0, io->sinks[0].fd);
	stdio_output_start(&io->stdio, 1, io->sinks[1].fd);
}

void process_io_close_stdin(struct process_io *io)
{
	if (io->close_stdin)
		return;
	io->close_stdin = true;
	close_fd(&io->in_write_fd);
	if (io->started && !io->drained && io->in_fd < 0)
		stdio_input_end(&io->stdio);
}

static void end(struct process_io *io)
{
	uint32_t ms = io->env.tick_ms ? io->env.tick_ms : PROCESS_IO_TICK_MS;
	const struct timeval tick = { .tv_sec = ms / 1000,
				      .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	if (!io->exited)
		event_add(&io->tick, &tick);
	io->exited = true;
	if (io->started)
		stdio_exited(&io->stdio);
	if (!io->started || stdio_is_drained(&io->stdio))
		finish(io);
}

void process_io_exited(struct process_io *io)
{
	if (!io->drained)
		end(io);
}

void process_io_lost(struct process_io *io)
{
	if (io->drained || io->lost)
		return;
	io->lost = true;
	if (io->started)
		stdio_cut(&io->stdio);
	end(io);
}

void process_io_killed(struct process_io *io)
{
	io->killed = true;
}

bool process_io_is_drained(const struct process_io *io)
{
	return io->drained;
}

void process_io_free(struct process_io *io)
{
	if (!io)
		return;
	event_del(&io->tick);
	if (io->started)
		stdio_done(&io->stdio);
	sink_done(&io->sinks[0]);
	sink_done(&io->sinks[1]);
	logger_release(io->loggers[0]);
	logger_release(io->loggers[1]);
	close_fd(&io->in_fd);
	close_fd(&io->in_write_fd);
	free(unconst(io->req.in));
	free(unconst(io->req.out));
	free(unconst(io->req.err));
	free(unconst(io->req.namespace));
	free(io);
}
