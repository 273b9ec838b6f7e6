/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - one of the process's output streams to a descriptor
 *
 * The next chunk is asked for while one is being written, so at most two are held.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>

#include "agent.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/str.h"
#include "lib/stdio/streams.h"
#include "lib/ttrpc/unpack.h"

static void on_read(void *arg, const uint8_t *payload, size_t len, const struct err *err);

static void ask(struct stdio_output *out)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;
	const struct stdio_peer *peer = &out->stdio->peer;

	if (out->call || out->eof || evbuffer_get_length(out->buf) > STDIO_CHUNK || !*peer->client)
		return;
	req.container_id = unconst(peer->container_id);
	req.exec_id = unconst(peer->exec_id);
	req.len = STDIO_CHUNK;
	out->call =
		stdio_call(*peer->client, AGENT_SERVICE, out->method, &req.base, 0, on_read, out);
}

static void flush(struct stdio_output *out)
{
	size_t budget = 4 * STDIO_CHUNK; /* then the others get their turn */

	while (evbuffer_get_length(out->buf) > 0 && budget > 0) {
		size_t len = MIN(evbuffer_get_contiguous_space(out->buf), budget);
		ssize_t n = out->broken ? (ssize_t)len
					: fdio_write(&out->io,
						     evbuffer_pullup(out->buf, (ssize_t)len), len);

		if (n == -EAGAIN)
			break;
		if (n < 0) {
			out->broken = true;
			continue;
		}
		evbuffer_drain(out->buf, (size_t)n);
		budget -= (size_t)n;
	}
	if (evbuffer_get_length(out->buf) == 0)
		event_del(&out->writable);
	else if (out->io.can_poll)
		event_add(&out->writable, NULL);
	else
		event_active(&out->writable, EV_WRITE, 0);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stdio_output *out = arg;

	(void)fd, (void)what;
	flush(out);
	ask(out);
	out->stdio->progress(out->stdio->arg);
}

/* Without the name of our call, which means nothing to who reads it. */
static void keep_reason(struct stdio_output *out, const struct err *err)
{
	size_t len = strlen(out->method);
	bool named = strncmp(err->text, out->method, len) == 0 && str_starts(err->text + len, ": ");

	(void)err_set(&out->stdio->lost, err->code, "%s", err->text + (named ? len + 2 : 0));
}

/* The end of a stream is an empty answer; other agents give an error instead. */
static void take(struct stdio_output *out, const Grpc__ReadStreamResponse *r)
{
	if (out->stdio->exited && r)
		out->late += r->data.len;
	if (!r || r->data.len == 0 || out->late > STDIO_LATE_MAX) {
		out->eof = true;
		return;
	}
	evbuffer_add(out->buf, r->data.data, r->data.len);
	flush(out);
	ask(out);
}

static void on_read(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	struct stdio_output *out = arg;
	struct stdio *s = out->stdio;
	struct err bad = ERR_INIT;
	ProtobufCMessage *r = NULL;

	out->call = 0;
	s->heard++;
	if (!err)
		r = message_unpack(&grpc__read_stream_response__descriptor, payload, len, &bad);
	else if (err->code == ERR_UNAVAILABLE && s->lost.code == ERR_OK)
		keep_reason(out, err);
	take(out, (const Grpc__ReadStreamResponse *)(const void *)r);
	if (r)
		message_free(r);
	s->progress(s->arg);
}

void stdio_output_start(struct stdio *s, int which, int fd)
{
	struct stdio_output *out = &s->out[which];

	out->method = which == 0 ? "ReadStdout" : "ReadStderr";
	out->buf = evbuffer_new();
	out->io.fd = -1;
	if (fd >= 0)
		fdio_init(&out->io, fd, O_WRONLY);
	else
		out->broken = true;
	event_assign(&out->writable, s->base, out->io.can_poll ? fd : -1, EV_WRITE | EV_PERSIST,
		     on_writable, out);
	ask(out);
}

void stdio_output_drop(struct stdio *s, int which)
{
	struct stdio_output *out = &s->out[which];

	out->broken = true;
	if (!out->buf)
		return;
	event_del(&out->writable);
	evbuffer_drain(out->buf, evbuffer_get_length(out->buf));
	out->io = (struct fdio){ .fd = -1 };
	ask(out);
}

void stdio_output_done(struct stdio_output *out)
{
	if (!out->buf)
		return; /* never started */
	event_del(&out->writable);
	stdio_cancel(out->stdio, &out->call);
	evbuffer_free(take_ptr(&out->buf));
}

size_t stdio_output_waiting(const struct stdio *s, int which)
{
	return s->out[which].buf ? evbuffer_get_length(s->out[which].buf) : 0;
}

bool stdio_output_is_done(const struct stdio *s, int which)
{
	const struct stdio_output *out = &s->out[which];

	if (!out->method || (out->broken && s->exited))
		return true;
	return out->eof && stdio_output_waiting(s, which) == 0;
}
