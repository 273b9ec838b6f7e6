/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/stdio/streams.h"

#include <event2/event.h>

static const struct timeval grace = { .tv_sec = STDIO_GRACE_MS / 1000,
				      .tv_usec = STDIO_GRACE_MS % 1000 * 1000 };

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct stdio *s = arg;
	bool quiet = stdio_output_waiting(s, 0) == 0 && stdio_output_waiting(s, 1) == 0;

	(void)fd, (void)what;
	if (quiet && s->heard == s->heard_before) {
		s->given_up = true;
		s->progress(s->arg);
		return;
	}
	s->heard_before = s->heard;
	event_add(&s->grace, &grace);
}

void stdio_init(struct stdio *s, struct event_base *base, const struct stdio_peer *peer,
		stdio_progress *progress, void *arg)
{
	*s = (struct stdio){ .base = base, .peer = *peer, .progress = progress, .arg = arg };
	s->in.stdio = s->out[0].stdio = s->out[1].stdio = s;
	event_assign(&s->grace, base, -1, 0, on_grace, s);
}

void stdio_exited(struct stdio *s)
{
	if (s->exited)
		return;
	s->exited = true;
	s->heard_before = s->heard;
	event_add(&s->grace, &grace);
}

void stdio_cancel(struct stdio *s, uint64_t *call)
{
	struct ttrpc_client *client = *s->peer.client;

	if (*call && client)
		ttrpc_client_cancel(client, *call);
	*call = 0;
}

void stdio_cut(struct stdio *s)
{
	s->in.closed = true;
	if (s->in.buf)
		event_del(&s->in.readable);
	stdio_cancel(s, &s->in.call);
	for (int i = 0; i < 2; i++) {
		s->out[i].eof = true;
		stdio_cancel(s, &s->out[i].call);
	}
}

bool stdio_is_drained(const struct stdio *s)
{
	return s->given_up || (stdio_output_is_done(s, 0) && stdio_output_is_done(s, 1));
}

void stdio_done(struct stdio *s)
{
	if (!s->base)
		return;
	event_del(&s->grace);
	stdio_input_done(&s->in);
	stdio_output_done(&s->out[0]);
	stdio_output_done(&s->out[1]);
	s->base = NULL;
}
