/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * stream.h - frames over one file descriptor, both directions
 *
 * Private to this folder: what client and server have in common. Reads frames and hands
 * each to a handler; queues frames and writes them as the other end takes them.
 *
 * Two kinds of descriptor. A connected socket ends once. A serial port (/dev/vportNpM, or
 * a pty in tests) stays: reading nothing or EIO there means that the other end is closed for
 * now. Such a port is watched edge-triggered, because while nobody is at the other
 * end it is always "readable" and would keep the loop busy.
 *
 * Owns:   the fd and both queues
 * Trust:  the peer may be hostile: at most one frame is held, larger ones are skipped
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/ttrpc/frame.h"

struct evbuffer;

/* All are called from the loop, and any of them may call stream_done(). */
struct stream_handlers {
	/* data is borrowed until the stream is done or the handler returns. */
	void (*frame)(void *arg, const struct ttrpc_header *h, const uint8_t *data);
	/* A frame over TTRPC_DATA_MAX; its bytes are passed over. */
	void (*oversize)(void *arg, const struct ttrpc_header *h);
	/*
	 * The other end is gone. A socket is of no more use: stream_done() comes next. A
	 * port has been reset and waits for its next peer.
	 */
	void (*closed)(void *arg, const struct err *why);
	/* A queue that had to wait was written out. May be NULL. */
	void (*drained)(void *arg);
};

enum stream_kind { STREAM_SOCKET, STREAM_PORT };

/* With throttling, nothing is read while more than this waits to be written. */
#define STREAM_QUEUE_HIGH (1u << 20)
#define STREAM_QUEUE_LOW  (256u << 10)

struct stream {
	const struct stream_handlers *handlers;
	void *arg;
	/* private */
	int fd;
	enum stream_kind kind;
	bool use_send; /* a socket, where MSG_NOSIGNAL spares us SIGPIPE */
	bool throttle;
	bool paused;
	bool used;   /* a port whose peer has sent something */
	bool failed; /* no memory for the queue */
	bool *gone;  /* told when stream_done() is called inside a handler */
	uint32_t skip;
	struct event readable, writable;
	struct evbuffer *in, *out;
};

/*
 * Takes fd, makes it non-blocking. throttle is for servers: a client that stopped reading
 * answers because its requests do not get through would wait for ever.
 */
int stream_init(struct stream *s, struct event_base *base, int fd, enum stream_kind kind,
		bool throttle, const struct stream_handlers *handlers, void *arg, struct err *err);
void stream_done(struct stream *s);

/* Queue one frame; the message must fit TTRPC_DATA_MAX. Calls no handler. */
void stream_send(struct stream *s, enum ttrpc_type type, uint32_t id, const ProtobufCMessage *msg);

/* Bytes that wait to be written. */
size_t stream_queued(const struct stream *s);
