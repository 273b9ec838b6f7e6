/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * streams.h - a process's streams, served by kept calls
 *
 * Nothing is buffered here: the pipe or terminal itself is the buffer. Output is read
 * when somebody asks, so a reader that stops asking stops the writer; input is answered
 * when the last byte is in the pipe, so a reader that stops reading stops the caller.
 *
 * How a stream ends. A pipe ends at end of file, or, once the process has exited, after
 * the bytes that were in it at that moment: a background child that holds the pipe open
 * cannot keep an exec from ending. A terminal is hung up by the kernel when its session
 * leader exits; one that is not (STREAM_LINGER_MS later) is ended likewise.
 * The end is told as an empty reply, to every reader waiting; reading on is ERR_STATE.
 *
 * Limits: STREAM_READ_MAX bytes a reply, STREAM_CALLS_MAX waiting calls a stream
 * Trust:  lengths are the caller's and capped; data is only passed on
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/list.h"

struct ttrpc_call;

#define STREAM_READ_MAX  (1u << 20)
#define STREAM_CALLS_MAX 64
#define STREAM_LINGER_MS 200 /* a terminal whose session leader is gone */

struct output {
	int fd; /* -1 once ended; owned */
	struct event readable, linger;
	struct list readers;
	size_t n_readers;
	bool exited; /* no more than `left` bytes (pipe), or until linger (terminal) */
	bool terminal;
	bool told; /* a reader has had its empty reply */
	size_t left;
};

struct input {
	int fd; /* -1 once closed; owned */
	struct event writable;
	struct list writers;
	size_t n_writers;
	bool terminal;
	bool closing; /* when the writers are done */
};

/* Take fd and make it non-blocking; -1 gives a stream that has ended already. */
void output_init(struct output *out, struct event_base *base, int fd, bool terminal);
void input_init(struct input *in, struct event_base *base, int fd, bool terminal);

/* Waiting calls are answered: output's with the end, input's with ERR_STATE. */
void output_done(struct output *out);
void input_done(struct input *in);

/* These end the call, at once or when there is something to say. */
void output_read(struct output *out, struct ttrpc_call *call, uint32_t len);
void input_write(struct input *in, struct ttrpc_call *call, ProtobufCBinaryData data);

/*
 * Close when everything is written. A terminal stays open, as it is output as well: its end of file
 * is typed there, for who reads the line that was begun and for who reads after that. A program
 * that reads keys sees the key.
 */
void input_close(struct input *in);

/* The process has exited; see above. */
void output_exited(struct output *out);
void input_exited(struct input *in);

bool output_has_ended(const struct output *out);
