/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * process_io.h - the streams of a process whose request named them by path
 *
 *	new         paths are opened, a logger is started; process_io_is_opening() until it is ready
 *	start       the guest has the process: bytes go both ways
 *	exited      what the guest still holds is carried, by the rules of lib/stdio/streams.h
 *	drained     nothing more is waited for; readers see the end of their FIFOs
 *	free        with the process: what nobody read is gone, and the logger is ended (logger.h)
 *
 * A FIFO that nobody else has open once the process has ended is given PROCESS_IO_ABSENT_MS; then
 * what is left is dropped, and told as a warning. When the virtual machine was lost, what was read
 * before is written within the same time, whoever reads. After a kill a reader that takes nothing for
 * that time is not waited for any more: whoever kills wants it gone.
 *
 * Input has its end when process_io_close_stdin() was called and the clients' writers are closed:
 * until then a writer of ours is held, so that no client's coming and going is an end. A process
 * with a terminal has no stderr. One without a stdin by path has an input that has ended, unless
 * it has a terminal.
 *
 * Owns: every descriptor, the logger
 */
#include <stdbool.h>

#include "engine/engine.h"

struct loggers;
struct process_io;
struct stdio_peer;

/* So often it is looked who reads, and so long nobody may. */
#define PROCESS_IO_TICK_MS   1000
#define PROCESS_IO_ABSENT_MS 4000

struct process_io_env {
	struct event_base *base;
	struct loggers *loggers; /* outlives it */
	const char *id;          /* a logger's CONTAINER_ID */
	uint32_t tick_ms;        /* 0: PROCESS_IO_TICK_MS; a test's is shorter */
	void (*warning)(void *arg, const struct err *err);
	void *arg;
};

/* The request is copied, *env too; NULL on failure. */
struct process_io *process_io_new(const struct process_io_env *env, const struct stdio_request *req,
				  struct err *err);
/* Silent. */
void process_io_free(struct process_io *io);
const struct stdio_request *process_io_request(const struct process_io *io);

/* A logger is not ready yet; opened comes once, from the loop, unless it is freed. */
bool process_io_is_opening(const struct process_io *io);
void process_io_on_opened(struct process_io *io, engine_done *opened, void *arg);

/* progress comes from the loop, any number of times: process_io_is_drained() may have changed. */
void process_io_start(struct process_io *io, const struct stdio_peer *peer,
		      void (*progress)(void *arg), void *arg);
void process_io_close_stdin(struct process_io *io); /* at any time, any number of times */
void process_io_exited(struct process_io *io);
void process_io_lost(struct process_io *io); /* nothing more comes from the guest */
void process_io_killed(struct process_io *io); /* its manager sent SIGKILL; before or after the exit */
/* The process has exited, or was lost, and nothing is left to be written. */
bool process_io_is_drained(const struct process_io *io);
