/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver_conn.c - one program's connection to the name server: queries framed by their length
 */
#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/resolver_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/dns/message.h"

#define READ_CHUNK (16 << 10)   /* bytes */
#define OUT_MAX    (256u << 10) /* answers that a client does not read */

struct resolver_conn {
	struct resolver *resolver;
	struct resolver_conns *conns;
	struct list node; /* in conns */
	int fd;
	struct event readable, writable, idle;
	struct evbuffer *in, *out;
	size_t n_queries;
	bool ended; /* it will ask no more, and may still read */
};

static void close_conn(struct resolver_conn *conn)
{
	struct resolver_conns *conns = conn->conns;

	list_for_each_safe(&conn->resolver->queries, struct query, node, q)
		if (q->conn == conn)
			resolver_drop(q);
	event_del(&conn->readable);
	event_del(&conn->writable);
	event_del(&conn->idle);
	evbuffer_free(conn->in);
	evbuffer_free(conn->out);
	close(conn->fd);
	list_remove(&conn->node);
	free(conn);
	if (conns->n-- == RESOLVER_CONNS_MAX)
		event_add(&conns->accept, NULL);
}

static void keep_alive(struct resolver_conn *conn)
{
	const struct timeval limit = { .tv_sec = RESOLVER_IDLE_MS / 1000 };

	event_add(&conn->idle, &limit);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_conn *conn = arg;

	(void)fd, (void)what;
	if (conn->n_queries > 0)
		keep_alive(conn); /* they have a deadline of their own */
	else
		close_conn(conn);
}

/* False: it was closed. */
static bool take_queries(struct resolver_conn *conn)
{
	const uint8_t *data, *message;
	size_t len, taken;

	while (conn->n_queries < RESOLVER_CONN_MAX) {
		data = evbuffer_pullup(conn->in, -1);
		taken = data ? dns_frame_find(data, evbuffer_get_length(conn->in), &message, &len)
			     : 0;
		if (taken == 0)
			return true;
		conn->n_queries++;
		if (!resolver_ask(conn->resolver, message, len, conn, NULL)) {
			close_conn(conn);
			return false;
		}
		evbuffer_drain(conn->in, taken);
	}
	event_del(&conn->readable); /* until there are fewer */
	return true;
}

static bool is_finished(const struct resolver_conn *conn)
{
	return conn->ended && conn->n_queries == 0 && evbuffer_get_length(conn->out) == 0;
}

static void on_conn_readable(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_conn *conn = arg;
	int n = evbuffer_read(conn->in, fd, READ_CHUNK);

	(void)what;
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			close_conn(conn);
		return;
	}
	if (n == 0) {
		conn->ended = true;
		event_del(&conn->readable);
		if (is_finished(conn))
			close_conn(conn);
		return;
	}
	keep_alive(conn);
	take_queries(conn);
}

/* False: it was closed. */
static bool write_out(struct resolver_conn *conn)
{
	while (evbuffer_get_length(conn->out) > 0) {
		int n = evbuffer_write(conn->out, conn->fd);

		if (n <= 0 && errno != EAGAIN && errno != EINTR) {
			close_conn(conn);
			return false;
		}
		if (n <= 0)
			break;
		keep_alive(conn);
	}
	if (evbuffer_get_length(conn->out) > 0)
		event_add(&conn->writable, NULL);
	if (!is_finished(conn))
		return true;
	close_conn(conn);
	return false;
}

static void on_conn_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	write_out(arg);
}

void resolver_conn_end(struct resolver_conn *conn, const uint8_t *message, size_t len)
{
	uint8_t length[DNS_LENGTH_LEN];
	bool was_full = conn->n_queries-- == RESOLVER_CONN_MAX;

	if (message) {
		dns_length_write(length, len);
		evbuffer_add(conn->out, length, sizeof(length));
		evbuffer_add(conn->out, message, len);
	}
	if (evbuffer_get_length(conn->out) > OUT_MAX) {
		close_conn(conn);
		return;
	}
	if (!write_out(conn) || !was_full)
		return;
	if (!conn->ended)
		event_add(&conn->readable, NULL);
	take_queries(conn); /* those that were read already */
}

static void add_conn(struct resolver_conns *conns, int fd)
{
	struct event_base *base = conns->resolver->base;
	struct resolver_conn *conn = xnew(struct resolver_conn);

	*conn = (struct resolver_conn){ .resolver = conns->resolver,
					.conns = conns,
					.fd = fd,
					.in = evbuffer_new(),
					.out = evbuffer_new() };
	event_assign(&conn->readable, base, fd, EV_READ | EV_PERSIST, on_conn_readable, conn);
	event_assign(&conn->writable, base, fd, EV_WRITE, on_conn_writable, conn);
	event_assign(&conn->idle, base, -1, 0, on_idle, conn);
	list_add(&conns->list, &conn->node);
	if (++conns->n == RESOLVER_CONNS_MAX)
		event_del(&conns->accept);
	event_add(&conn->readable, NULL);
	keep_alive(conn);
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd >= 0)
		add_conn(arg, fd);
}

void resolver_conns_start(struct resolver_conns *conns, struct resolver *r, int listen_fd)
{
	conns->resolver = r;
	list_init(&conns->list);
	event_assign(&conns->accept, r->base, listen_fd, EV_READ | EV_PERSIST, on_accept, conns);
	event_add(&conns->accept, NULL);
}

void resolver_conns_stop(struct resolver_conns *conns)
{
	list_for_each_safe(&conns->list, struct resolver_conn, node, conn)
		close_conn(conn);
	event_del(&conns->accept);
}
