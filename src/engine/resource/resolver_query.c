/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/resolver_query.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/dns/message.h"

#define READS_PER_TURN 4

struct resolver_query {
	resolver_answered *done;
	void *arg;
	int fd;
	struct event readable, writable, deadline;
	uint8_t header[DNS_HEADER_LEN]; /* what an answer is checked against */
	struct evbuffer *out, *in;      /* TCP; NULL for UDP */
};

void resolver_query_free(struct resolver_query *q)
{
	if (!q)
		return;
	event_del(&q->readable);
	event_del(&q->writable);
	event_del(&q->deadline);
	if (q->out)
		evbuffer_free(q->out);
	if (q->in)
		evbuffer_free(q->in);
	close_fd(&q->fd);
	free(q);
}

static void end(struct resolver_query *q, const uint8_t *message, size_t len)
{
	q->done(q->arg, q, message, len);
	resolver_query_free(q);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	end(arg, NULL, 0);
}

/* What is no answer to the query is passed over, as a resolver in the container would. */
static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t message[DNS_MESSAGE_MAX];
	struct resolver_query *q = arg;

	(void)what;
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = recv(fd, message, sizeof(message), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* nobody listens there */
			end(q, NULL, 0);
			return;
		}
		if (dns_is_answer(message, (size_t)n, q->header)) {
			end(q, message, (size_t)n);
			return;
		}
	}
}

static void on_stream(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_query *q = arg;
	const size_t most = DNS_LENGTH_LEN + DNS_MESSAGE_MAX - evbuffer_get_length(q->in);
	const uint8_t *data, *message;
	size_t len;
	int n = evbuffer_read(q->in, fd, (int)most);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(q, NULL, 0);
		return;
	}
	data = evbuffer_pullup(q->in, -1);
	if (!data || !dns_frame_find(data, evbuffer_get_length(q->in), &message, &len))
		return;
	if (dns_is_answer(message, len, q->header))
		end(q, message, len);
	else
		end(q, NULL, 0);
}

/* Connected, or room for more. */
static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_query *q = arg;
	int n = evbuffer_write(q->out, fd);

	(void)what;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end(q, NULL, 0);
		return;
	}
	if (evbuffer_get_length(q->out) == 0)
		event_del(&q->writable);
}

static int connect_to(const struct dns_address *server, int type)
{
	scoped_fd int fd = socket(server->any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, &server->any, server->len) < 0 && errno != EINPROGRESS)
		return -1;
	return take_fd(&fd);
}

static void start_stream(struct resolver_query *q, const uint8_t *message, size_t len)
{
	uint8_t length[DNS_LENGTH_LEN];

	q->in = evbuffer_new();
	q->out = evbuffer_new();
	dns_length_write(length, len);
	evbuffer_add(q->out, length, sizeof(length));
	evbuffer_add(q->out, message, len);
	event_add(&q->writable, NULL);
}

struct resolver_query *resolver_query_new(struct event_base *base, const struct dns_address *server,
					  const uint8_t *message, size_t len, bool over_tcp,
					  uint32_t timeout_ms, resolver_answered *done, void *arg)
{
	const struct timeval limit = { .tv_sec = timeout_ms / 1000,
				       .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	scoped_fd int fd = connect_to(server, over_tcp ? SOCK_STREAM : SOCK_DGRAM);
	struct resolver_query *q;

	if (fd < 0 || (!over_tcp && send(fd, message, len, MSG_NOSIGNAL) < 0))
		return NULL;
	q = xnew(struct resolver_query);
	*q = (struct resolver_query){ .done = done, .arg = arg, .fd = take_fd(&fd) };
	memcpy(q->header, message, sizeof(q->header));
	event_assign(&q->readable, base, q->fd, EV_READ | EV_PERSIST,
		     over_tcp ? on_stream : on_datagram, q);
	event_assign(&q->writable, base, q->fd, EV_WRITE | EV_PERSIST, on_writable, q);
	event_assign(&q->deadline, base, -1, 0, on_deadline, q);
	event_add(&q->readable, NULL);
	event_add(&q->deadline, &limit);
	if (over_tcp)
		start_stream(q, message, len);
	return q;
}
