/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - one of the process's output streams to ours
 *
 * The next chunk is asked for while one is being written, so at most two are held.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <string.h>

#include "agent.pb-c.h"
#include "kata-shim/shim.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void on_read(void *arg, const ProtobufCMessage *resp, const struct err *err);

static void ask(struct output *out)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;

	if (out->reading || out->eof || evbuffer_get_length(out->buf) > CHUNK || !out->shim->client)
		return;
	req.container_id = unconst(out->shim->container_id);
	req.exec_id = unconst(out->shim->exec_id);
	req.len = CHUNK;
	out->reading = true;
	shim_call(out->shim, AGENT_SERVICE, out->method, &req.base, 0,
		  &grpc__read_stream_response__descriptor, on_read, out);
}

static void flush(struct output *out)
{
	size_t budget = 4 * CHUNK; /* then the signals get their turn */

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
	struct output *out = arg;

	(void)fd;
	(void)what;
	flush(out);
	ask(out);
	shim_progress(out->shim);
}

/* Without the name of our call, which means nothing to who reads it. */
static void keep_reason(struct output *out, const struct err *err)
{
	size_t len = strlen(out->method);
	bool named = strncmp(err->text, out->method, len) == 0 && str_starts(err->text + len, ": ");

	(void)err_set(&out->shim->lost, err->code, "%s", err->text + (named ? len + 2 : 0));
}

/* The end of a stream is an empty answer; other agents give an error instead. */
static void on_read(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct output *out = arg;
	const Grpc__ReadStreamResponse *r = (const void *)resp;

	out->reading = false;
	out->shim->heard++;
	if (!err && out->shim->exited)
		out->late += r->data.len;
	if (err && err->code == ERR_UNAVAILABLE && out->shim->lost.code == ERR_OK)
		keep_reason(out, err);
	if (err || r->data.len == 0 || out->late > LATE_MAX) {
		out->eof = true;
	} else {
		evbuffer_add(out->buf, r->data.data, r->data.len);
		flush(out);
		ask(out);
	}
	shim_progress(out->shim);
}

void output_start(struct output *out, struct shim *shim, int fd, const char *method)
{
	out->shim = shim;
	out->method = method;
	out->buf = evbuffer_new();
	fdio_init(&out->io, fd, O_WRONLY);
	event_assign(&out->writable, shim->base, out->io.can_poll ? fd : -1, EV_WRITE | EV_PERSIST,
		     on_writable, out);
	ask(out);
}

void output_done(struct output *out)
{
	if (!out->buf)
		return; /* never started */
	event_del(&out->writable);
	evbuffer_free(out->buf);
	out->buf = NULL;
}

bool output_is_quiet(const struct output *out)
{
	return evbuffer_get_length(out->buf) == 0;
}

bool output_is_done(const struct output *out)
{
	if (out->broken && out->shim->exited)
		return true;
	return out->eof && output_is_quiet(out);
}
