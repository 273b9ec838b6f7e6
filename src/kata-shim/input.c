/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - our stdin to the process's
 *
 * One WriteStdin is on its way at a time, which keeps the order whatever the agent does;
 * while it is, the next CHUNK is read ahead and no more.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>

#include "agent.pb-c.h"
#include "kata-shim/shim.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

static void pump(struct input *in);

static void close_input(struct input *in)
{
	Grpc__CloseStdinRequest req = GRPC__CLOSE_STDIN_REQUEST__INIT;

	in->closed = true;
	input_stop(in);
	if (!in->shim->client)
		return;
	req.container_id = unconst(in->shim->container_id);
	req.exec_id = unconst(in->shim->exec_id);
	shim_call(in->shim, AGENT_SERVICE, "CloseStdin", &req.base, 0, NULL, NULL, NULL);
}

/* A file is always readable and gets its turn after each answer instead. */
static void read_more(struct input *in)
{
	size_t held = evbuffer_get_length(in->buf);

	while (!in->eof && held < CHUNK) {
		struct evbuffer_iovec space;
		ssize_t n;

		if (evbuffer_reserve_space(in->buf, (ssize_t)(CHUNK - held), &space, 1) < 1)
			return;
		n = fdio_read(&in->io, space.iov_base, MIN(space.iov_len, CHUNK - held));
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
	if (in->eof || held >= CHUNK)
		event_del(&in->readable);
	else
		event_add(&in->readable, NULL);
}

static void on_written(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct input *in = arg;
	const Grpc__WriteStreamResponse *r = (const void *)resp;
	size_t len;

	in->writing = false;
	if (err || r->len == 0 || in->closed) { /* the process has ended or closed its stdin */
		in->closed = true;
		input_stop(in);
		return;
	}
	len = MIN((size_t)r->len, evbuffer_get_length(in->buf));
	evbuffer_drain(in->buf, len);
	read_more(in);
	pump(in);
}

static void pump(struct input *in)
{
	Grpc__WriteStreamRequest req = GRPC__WRITE_STREAM_REQUEST__INIT;
	size_t len = MIN(evbuffer_get_length(in->buf), (size_t)CHUNK);

	if (in->writing || in->closed || !in->shim->client)
		return;
	if (len == 0) {
		if (in->eof)
			close_input(in);
		return;
	}
	req.container_id = unconst(in->shim->container_id);
	req.exec_id = unconst(in->shim->exec_id);
	req.data.len = len;
	req.data.data = evbuffer_pullup(in->buf, (ssize_t)len);
	in->writing = true;
	shim_call(in->shim, AGENT_SERVICE, "WriteStdin", &req.base, 0,
		  &grpc__write_stream_response__descriptor, on_written, in);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct input *in = arg;

	(void)fd;
	(void)what;
	read_more(in);
	pump(in);
}

void input_start(struct input *in, struct shim *shim)
{
	in->shim = shim;
	in->buf = evbuffer_new();
	fdio_init(&in->io, 0, O_RDONLY);
	event_assign(&in->readable, shim->base, in->io.can_poll ? 0 : -1, EV_READ | EV_PERSIST,
		     on_readable, in);
	if (in->io.can_poll)
		event_add(&in->readable, NULL);
	else
		event_active(&in->readable, EV_READ, 0);
}

void input_stop(struct input *in)
{
	if (event_initialized(&in->readable))
		event_del(&in->readable);
}

void input_done(struct input *in)
{
	if (!in->buf)
		return; /* never started */
	input_stop(in);
	evbuffer_free(in->buf);
	in->buf = NULL;
}
