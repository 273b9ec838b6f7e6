/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * logger.h - a program that a process's output is given to
 *
 * It finds stdout at descriptor 3, stderr at 4, and at 5 a pipe that it closes, or writes a byte
 * to, when it is ready; CONTAINER_ID and CONTAINER_NAMESPACE in its environment, which has nothing
 * else. It is not waited for longer than LOGGER_READY_MS.
 *
 * It outlives the process it serves: what it is to do at the end of its input may take time. Its
 * pipes are closed first; LOGGER_EOF_MS later, if it still runs, it gets SIGTERM, and SIGKILL
 * LOGGER_TERM_MS after that. containerd's shims send SIGTERM at once, which a logger that has not
 * read everything may die of.
 *
 * Source: containerd 1.6 pkg/process/io.go for descriptors, environment and the 12 seconds
 * Owns:   the program; its pid is in the journal, for a supervisor that is killed
 */
#include "engine/engine.h"
#include "lib/base/list.h"

#define LOGGER_READY_MS 10000
#define LOGGER_EOF_MS   2000
#define LOGGER_TERM_MS  12000

struct journal;
struct logger;

/* Those that run. */
struct loggers {
	struct event_base *base;
	struct journal *journal; /* NULL: none is written */
	struct list list;
	void (*empty)(void *arg);
	void *arg;
	uint32_t ready_ms, eof_ms, term_ms; /* a test's may be shorter */
};

void loggers_init(struct loggers *loggers, struct event_base *base, struct journal *journal);
/* empty comes once, when the last has ended; false: there is none, and it does not come. */
bool loggers_wait(struct loggers *loggers, void (*empty)(void *arg), void *arg);
/* Kill what is left. */
void loggers_done(struct loggers *loggers);

struct logger_spec {
	char *const *argv; /* argv[0] is the program's path */
	const char *id, *namespace;
	/* From the loop: it is ready, or err says why not. Once, unless it is released before. */
	void (*ready)(void *arg, const struct err *err);
	/* It has ended by itself after that. */
	void (*ended)(void *arg, const struct err *why);
	void *arg;
};

/* ret_fds: to write stdout and stderr to, non-blocking; owned by the caller. */
struct logger *logger_start(struct loggers *loggers, const struct logger_spec *spec, int ret_fds[2],
			    struct err *err);
/* Its pipes are closed by now: it is ended as above. Silent. NULL is fine. */
void logger_release(struct logger *logger);
