/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - a descriptor to the process's stdin
 *
 * One WriteStdin is on its way at a time, which keeps the order whatever the agent does;
 * while it is, the next STDIO_CHUNK is read ahead and no more.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>

#include "agent.pb-c.h"
#include "lib/base/defs.h"
#include "lib/stdio/streams.h"
#include "lib/ttrpc/unpack.h"

static void pump(struct stdio_input *in);

static void stop(struct stdio_input *in)
{
	in->closed = true;
	if (in->buf)
		event_del(&in->readable);
}

static void close_input(struct stdio_input *in)
{
	Grpc__CloseStdinRequest req = GRPC__CLOSE_STDIN_REQUEST__INIT;
	const struct stdio_peer *peer = &in->stdio->peer;

	stop(in);
	if (!*peer->client)
		return;
	req.container_id = unconst(peer->container_id);
	req.exec_id = unconst(peer->exec_id);
	(void)stdio_call(*peer->client, AGENT_SERVICE, "CloseStdin", &req.base, 0, NULL, NULL);
}

/* A file is always readable and gets its turn after each answer instead. */
static void read_more(struct stdio_input *in)
{
	size_t held = evbuffer_get_length(in->buf);

	while (!in->eof && held < STDIO_CHUNK) {
		struct evbuffer_iovec space;
		size_t room = STDIO_CHUNK - held;
		ssize_t n;

		if (evbuffer_reserve_space(in->buf, (ssize_t)room, &space, 1) < 1)
			return;
		n = fdio_read(&in->io, space.iov_base, MIN(space.iov_len, room));
		if (n == -EAGAIN)
			break;
		if (n <= 0) { /* the end, a terminal that hung up, a reset socket */
			in->eof = true;
			break;
		}
		space.iov_len = (size_t)n;
		evbuffer_commit_space(in->buf, &space, 1);
		held += (size_t)n;
	}
	if (!in->io.can_poll)
		return;
	if (in->eof || held >= STDIO_CHUNK)
		event_del(&in->readable);
	else
		event_add(&in->readable, NULL);
}

/* 0: the process takes no more. */
static size_t unpack_len(const uint8_t *payload, size_t len)
{
	struct err bad = ERR_INIT;
	ProtobufCMessage *msg =
		message_unpack(&grpc__write_stream_response__descriptor, payload, len, &bad);
	size_t n = msg ? ((const Grpc__WriteStreamResponse *)(const void *)msg)->len : 0;

	if (msg)
		message_free(msg);
	return n;
}

static void on_written(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	struct stdio_input *in = arg;
	size_t n = err ? 0 : unpack_len(payload, len);

	in->call = 0;
	if (n == 0 || in->closed) { /* the process has ended or closed its stdin */
		stop(in);
		return;
	}
	evbuffer_drain(in->buf, MIN(n, evbuffer_get_length(in->buf)));
	read_more(in);
	pump(in);
}

static void pump(struct stdio_input *in)
{
	Grpc__WriteStreamRequest req = GRPC__WRITE_STREAM_REQUEST__INIT;
	const struct stdio_peer *peer = &in->stdio->peer;
	size_t len = MIN(evbuffer_get_length(in->buf), (size_t)STDIO_CHUNK);

	if (in->call || in->closed || !*peer->client)
		return;
	if (len == 0) {
		if (in->eof)
			close_input(in);
		return;
	}
	req.container_id = unconst(peer->container_id);
	req.exec_id = unconst(peer->exec_id);
	req.data.len = len;
	req.data.data = evbuffer_pullup(in->buf, (ssize_t)len);
	in->call = stdio_call(*peer->client, AGENT_SERVICE, "WriteStdin", &req.base, 0, on_written,
			      in);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stdio_input *in = arg;

	(void)fd, (void)what;
	read_more(in);
	pump(in);
}

void stdio_input_start(struct stdio *s, int fd)
{
	struct stdio_input *in = &s->in;

	in->buf = evbuffer_new();
	fdio_init(&in->io, fd, O_RDONLY);
	event_assign(&in->readable, s->base, in->io.can_poll ? fd : -1, EV_READ | EV_PERSIST,
		     on_readable, in);
	if (in->io.can_poll)
		event_add(&in->readable, NULL);
	else
		event_active(&in->readable, EV_READ, 0);
}

void stdio_input_end(struct stdio *s)
{
	struct stdio_input *in = &s->in;

	if (in->closed)
		return;
	if (!in->buf) {
		close_input(in);
		return;
	}
	in->eof = true;
	event_del(&in->readable);
	pump(in);
}

void stdio_input_done(struct stdio_input *in)
{
	if (!in->buf)
		return; /* never started */
	stop(in);
	stdio_cancel(in->stdio, &in->call);
	evbuffer_free(take_ptr(&in->buf));
}
