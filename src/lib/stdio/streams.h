/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * streams.h - carry the three streams of one process between descriptors and the agent
 *
 * Output: ReadStdout and ReadStderr are asked, and what comes is written; the next chunk is asked
 * for while one is being written. Input: what can be read is sent by WriteStdin, and CloseStdin
 * follows its end.
 *
 * When it is over: the process has ended (stdio_exited()), and everything that was read has
 * been written. A child that was left in the background may hold the streams open for ever, so
 * once the process has ended and the guest has been silent for STDIO_GRACE_MS, or has said more
 * than a pipe can have held, the end of the streams is no longer waited for. A reader that is
 * slow is waited for without limit: its output is kept.
 *
 * Used by kata-shim for one process, and by the engine for those whose streams come by path.
 *
 * Trust:  the agent is the guest's: a stream holds at most STDIO_CHUNK and one answer
 * Owns:   neither the descriptors nor the connection
 * Thread: the loop's; nothing blocks
 * Size:   there is one for every process, so buffers exist only while they hold something, and
 *         calls go by name, so that the agent's service with all its messages need not be linked
 */
#include <event2/event_struct.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/stdio/fdio.h"
#include "lib/ttrpc/client.h"

struct evbuffer;
struct event_base;

#define STDIO_CHUNK    (256u << 10) /* bytes carried by one call, either way */
#define STDIO_GRACE_MS 2000
/* Bytes of one stream after the exit; a pipe holds 64 KiB to 1 MiB. */
#define STDIO_LATE_MAX (4u << 20)

#define AGENT_SERVICE "grpc.AgentService"

/* Who has the process. All of it is borrowed. */
struct stdio_peer {
	struct ttrpc_client *const *client; /* the owner's; *client is NULL once it is gone */
	const char *container_id;
	const char *exec_id; /* the agent's name of the process: the container's id for its own */
};

struct stdio;

struct stdio_input {
	struct stdio *stdio;
	struct fdio io;
	struct event readable;
	struct evbuffer *buf; /* at most STDIO_CHUNK, and what is on its way; NULL: not carried */
	uint64_t call;        /* a WriteStdin is on its way; 0: none */
	bool eof;
	bool closed; /* CloseStdin was sent, or the process takes no more */
};

struct stdio_output {
	struct stdio *stdio;
	const char *method; /* "ReadStdout" or "ReadStderr"; NULL: not carried */
	struct fdio io;
	struct event writable;
	struct evbuffer *buf;
	uint64_t call; /* one is on its way; 0: none */
	bool eof;      /* of the guest's side */
	size_t late;   /* bytes that came after the exit */
	bool broken;   /* nobody reads ours: what comes is dropped */
};

/* A stream has ended, or is not waited for any more: look. From the loop, any number of times. */
typedef void stdio_progress(void *arg);

struct stdio {
	struct event_base *base;
	struct stdio_peer peer;
	stdio_progress *progress;
	void *arg;
	struct stdio_input in;
	struct stdio_output out[2]; /* stdout, stderr */
	struct event grace;
	uint64_t heard; /* counts what came from the guest; for the grace */
	uint64_t heard_before;
	bool exited;
	bool given_up;   /* the end of the streams is not waited for any more */
	struct err lost; /* why the guest was lost while it was read; ERR_OK: it was not */
};

void stdio_init(struct stdio *s, struct event_base *base, const struct stdio_peer *peer,
		stdio_progress *progress, void *arg);

/*
 * Begin. fd, which is borrowed until stdio_done() or stdio_output_drop(), may become another open
 * file description (fdio.h). An output with fd -1 is read and dropped, so that the process does
 * not block. An input or output that is not started is left to others.
 */
void stdio_input_start(struct stdio *s, int fd);
void stdio_output_start(struct stdio *s, int which, int fd);

/* As if the input had ended: CloseStdin, after what was read. Also in place of a start. */
void stdio_input_end(struct stdio *s);

/* What is held and what comes is dropped; its descriptor is not used any more. */
void stdio_output_drop(struct stdio *s, int which);
/* The end was read, and all is written; or nobody reads it. */
bool stdio_output_is_done(const struct stdio *s, int which);
size_t stdio_output_waiting(const struct stdio *s, int which); /* bytes to be written */

/* The process has ended; the grace begins. */
void stdio_exited(struct stdio *s);
/* Nothing more comes from the guest, and nothing goes there; what was read is still written. */
void stdio_cut(struct stdio *s);
/* Both outputs are done, or given up. */
bool stdio_is_drained(const struct stdio *s);

/* Silent; safe on one that was only initialised, and twice. */
void stdio_done(struct stdio *s);

/*
 * call.c: a call by name. done NULL: the answer does not matter. Returns what
 * ttrpc_client_cancel() takes.
 */
uint64_t stdio_call(struct ttrpc_client *client, const char *service, const char *method,
		    const ProtobufCMessage *req, uint32_t timeout_ms, ttrpc_client_raw_done *done,
		    void *arg);

/* For this library's files alone. */
void stdio_cancel(struct stdio *s, uint64_t *call);
void stdio_input_done(struct stdio_input *in);
void stdio_output_done(struct stdio_output *out);
