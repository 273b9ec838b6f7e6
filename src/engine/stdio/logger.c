/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stdio/logger.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "engine/persist/journal.h"
#include "engine/vmm/child.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"

struct logger {
	struct list node;
	struct loggers *loggers;
	struct logger_spec spec; /* its strings are the caller's: not used after the start */
	char *path;
	struct child child;
	uint64_t seq; /* the journal's */
	int ready_fd; /* -1: it is ready, or never will be */
	struct event ready;
	struct event late; /* of being ready; once released, of ending */
	bool released, asked;
};

void loggers_init(struct loggers *loggers, struct event_base *base, struct journal *journal)
{
	*loggers = (struct loggers){ .base = base,
				     .journal = journal,
				     .ready_ms = LOGGER_READY_MS,
				     .eof_ms = LOGGER_EOF_MS,
				     .term_ms = LOGGER_TERM_MS };
	list_init(&loggers->list);
}

bool loggers_wait(struct loggers *loggers, void (*empty)(void *arg), void *arg)
{
	if (list_empty(&loggers->list))
		return false;
	loggers->empty = empty;
	loggers->arg = arg;
	return true;
}

static void set_timer(struct logger *logger, uint32_t ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000,
				    .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	event_add(&logger->late, &tv);
}

static void stop_ready(struct logger *logger)
{
	if (logger->ready_fd < 0)
		return;
	event_del(&logger->ready);
	event_del(&logger->late);
	close_fd(&logger->ready_fd);
}

static void logger_free(struct logger *logger)
{
	stop_ready(logger);
	event_del(&logger->late);
	child_done(&logger->child);
	if (logger->loggers->journal)
		journal_strike(logger->loggers->journal, logger->seq);
	list_remove(&logger->node);
	free(logger->path);
	free(logger);
}

void loggers_done(struct loggers *loggers)
{
	if (!loggers->base)
		return;
	loggers->empty = NULL;
	list_for_each_safe(&loggers->list, struct logger, node, logger)
		logger_free(logger);
}

static void tell_ready(struct logger *logger, const struct err *err)
{
	stop_ready(logger);
	logger->spec.ready(logger->spec.arg, err);
}

static void tell_end(struct logger *logger)
{
	scoped(str_done) struct str how = { 0 };
	struct err err = ERR_INIT;

	child_describe(&logger->child, &how);
	err_set(&err, ERR_UNAVAILABLE, "logger '%s' %s", logger->path, str_get(&how));
	if (logger->ready_fd >= 0)
		tell_ready(logger, &err);
	else
		logger->spec.ended(logger->spec.arg, &err);
}

/* A byte, or the end, which is also that of a program that died: on_ended() tells of that. */
static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	if (read(fd, &byte, 1) >= 0)
		tell_ready(arg, NULL);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct logger *logger = arg;
	struct err err = ERR_INIT;

	(void)fd, (void)what;
	if (!logger->released && logger->child.ended) {
		tell_end(logger);
		return;
	}
	if (!logger->released) {
		err_set(&err, ERR_TIMEOUT, "start logger '%s': not ready within %u ms",
			logger->path, logger->loggers->ready_ms);
		tell_ready(logger, &err);
		return;
	}
	(void)proc_signal(logger->child.pidfd, logger->asked ? SIGKILL : SIGTERM, &err);
	if (!logger->asked)
		set_timer(logger, logger->loggers->term_ms);
	logger->asked = true;
}

static void on_ended(void *arg)
{
	struct logger *logger = arg;
	struct loggers *loggers = logger->loggers;
	void (*empty)(void *arg);
	char byte;

	if (!logger->released) {
		/* Whoever hears of the first may release it: the second has a turn of its own. */
		if (logger->ready_fd >= 0 && read(logger->ready_fd, &byte, 1) == 1) {
			stop_ready(logger);
			set_timer(logger, 0);
			logger->spec.ready(logger->spec.arg, NULL);
		} else {
			tell_end(logger);
		}
		return;
	}
	logger_free(logger);
	if (list_empty(&loggers->list) && loggers->empty) {
		empty = take_ptr(&loggers->empty);
		empty(loggers->arg);
	}
}

/* --- start --- */

struct pipes {
	int out[2], err[2], ready[2];
};

static void pipes_close(struct pipes *pipes)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&pipes->out[i]);
		close_fd(&pipes->err[i]);
		close_fd(&pipes->ready[i]);
	}
}

/* The flag is our end's alone: a pipe's two ends are two open files. */
static int pipes_open(struct pipes *pipes, struct err *err)
{
	if (pipe2(pipes->out, O_CLOEXEC) < 0 || pipe2(pipes->err, O_CLOEXEC) < 0 ||
	    pipe2(pipes->ready, O_CLOEXEC) < 0 || fcntl(pipes->out[1], F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(pipes->err[1], F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(pipes->ready[0], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, errno, "make a logger's pipes");
	return 0;
}

static int run(struct logger *logger, const struct pipes *pipes, struct err *err)
{
	const struct spawn_fd fds[] = { { pipes->out[0], 3 },
					{ pipes->err[0], 4 },
					{ pipes->ready[1], 5 } };
	scoped_strv char **env = NULL;
	struct spawn s = SPAWN_INIT;

	strv_addf(&env, "CONTAINER_ID=%s", logger->spec.id);
	strv_addf(&env, "CONTAINER_NAMESPACE=%s",
		  logger->spec.namespace ? logger->spec.namespace : "");
	s.argv = logger->spec.argv;
	s.envp = env;
	s.fds = fds;
	s.n_fds = ARRAY_LEN(fds);
	return child_start(&logger->child, logger->loggers->base, &s, on_ended, logger, err);
}

static struct logger *logger_new(struct loggers *loggers, const struct logger_spec *spec)
{
	struct logger *logger = xnew(struct logger);

	*logger = (struct logger){
		.loggers = loggers, .spec = *spec, .child = CHILD_INIT, .ready_fd = -1
	};
	logger->path = xstrdup(spec->argv[0]);
	event_assign(&logger->late, loggers->base, -1, 0, on_late, logger);
	list_add(&loggers->list, &logger->node);
	return logger;
}

static int start(struct logger *logger, struct pipes *pipes, struct err *err)
{
	struct journal *journal = logger->loggers->journal;

	if (pipes_open(pipes, err) < 0 || run(logger, pipes, err) < 0)
		return -1;
	if (!journal)
		return 0;
	logger->seq = journal_add_process(journal, "logger", logger->child.pid,
					  logger->child.start_ticks, err);
	return logger->seq ? 0 : -1;
}

struct logger *logger_start(struct loggers *loggers, const struct logger_spec *spec, int ret_fds[2],
			    struct err *err)
{
	struct pipes pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	struct logger *logger = logger_new(loggers, spec);

	if (start(logger, &pipes, err) < 0) {
		(void)err_wrap(err, "start logger '%s'", logger->path);
		pipes_close(&pipes);
		logger_free(logger);
		return NULL;
	}
	ret_fds[0] = take_fd(&pipes.out[1]);
	ret_fds[1] = take_fd(&pipes.err[1]);
	logger->ready_fd = take_fd(&pipes.ready[0]);
	pipes_close(&pipes);
	event_assign(&logger->ready, loggers->base, logger->ready_fd, EV_READ | EV_PERSIST,
		     on_ready, logger);
	event_add(&logger->ready, NULL);
	set_timer(logger, loggers->ready_ms);
	return logger;
}

void logger_release(struct logger *logger)
{
	bool was_ready;

	if (!logger)
		return;
	was_ready = logger->ready_fd < 0;
	stop_ready(logger);
	logger->released = true;
	if (logger->child.ended) {
		logger_free(logger);
		return;
	}
	/* Of one that was never ready nobody expects anything. */
	if (was_ready)
		set_timer(logger, logger->loggers->eof_ms);
	else
		child_kill(&logger->child);
}
