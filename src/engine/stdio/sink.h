/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sink.h - where one output stream goes: a FIFO, a file, a logger's pipe
 *
 * A FIFO is opened at both ends, so that opening never blocks, nobody being there is no EPIPE,
 * and what was written stays in it while its reader is away: containerd restarts, and opens it
 * again. Whether anybody else reads is found out by closing our own reader for a moment: the
 * writer then polls an error when there is none.
 *
 * When the stream has ended, a reader must see the end of the FIFO, so ours is closed; unless there
 * is no reader, as then the kernel would forget what is in it: it is kept until one has come, of
 * which inotify tells, or until sink_done().
 *
 * Owns: its descriptors
 * Trust: the path is containerd's
 */
#include <event2/event_struct.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct event_base;

struct sink {
	int fd;     /* to write to; -1: what comes is dropped */
	int own_fd; /* our reader of a FIFO; -1: no FIFO */
	int watch_fd;
	struct event watch;
	bool ended;
};

#define SINK_INIT ((struct sink){ .fd = -1, .own_fd = -1, .watch_fd = -1 })

/* Both ends of what is a FIFO already, non-blocking. ERR_INVALID when it is something else. */
int fifo_open(const char *path, int *ret_read_fd, int *ret_write_fd, struct err *err);

int sink_open_fifo(struct sink *sink, const char *path, struct err *err);
/* Made with its directories if it is not there. */
int sink_open_file(struct sink *sink, const char *path, struct err *err);

/*
 * Is a FIFO read by anybody but us? Others than FIFOs always are. twin: a sink that may be the same
 * FIFO, so that its reader is ours too; NULL: there is none.
 */
bool sink_has_reader(struct sink *sink, struct sink *twin);

/* Nothing more is written. */
void sink_end(struct sink *sink, struct event_base *base);
void sink_done(struct sink *sink);
