/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.c - queries on their way to the supervisor and its answers on their way back
 */
#include "agent/resolver_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/dns/message.h"
#include "lib/ttrpc/server.h"
#include "resolver.pb-c.h"

struct waiter {
	struct list node;
	struct resolver *resolver;
	struct ttrpc_call *call;
};

struct resolver *resolver_new(struct event_base *base, bool redirects)
{
	struct resolver *r = xnew(struct resolver);

	r->base = base;
	r->redirects = redirects;
	list_init(&r->queries);
	list_init(&r->waiters);
	return r;
}

/* --- queries --- */

void resolver_drop(struct query *q)
{
	list_remove(&q->node);
	event_del(&q->deadline);
	q->resolver->n_queries--;
	q->resolver->n_bytes -= q->len;
	free(q->message);
	free(q);
}

static void end_query(struct query *q, const uint8_t *message, size_t len)
{
	struct resolver_sockets *sockets = q->resolver->sockets;

	/* Told before it is freed, but off the list: its connection may end over it. */
	list_remove(&q->node);
	resolver_sockets_end(sockets, q, message, len);
	resolver_drop(q);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	end_query(arg, NULL, 0);
}

static void give_out(struct query *q, struct ttrpc_call *call)
{
	Kata__Guest__Query resp = KATA__GUEST__QUERY__INIT;

	q->given_out = true;
	resp.id = q->id;
	resp.message = (ProtobufCBinaryData){ .data = q->message, .len = q->len };
	resp.over_tcp = q->conn != NULL;
	ttrpc_reply(call, &resp.base);
}

static void free_waiter(struct waiter *w)
{
	list_remove(&w->node);
	w->resolver->n_waiters--;
	free(w);
}

static void give_to_waiter(struct query *q)
{
	struct resolver *r = q->resolver;
	struct ttrpc_call *call;
	struct waiter *w;

	if (list_empty(&r->waiters))
		return;
	w = container_of(r->waiters.next, struct waiter, node);
	call = w->call;
	free_waiter(w);
	ttrpc_call_on_cancel(call, NULL, NULL);
	give_out(q, call);
}

struct query *resolver_ask(struct resolver *r, const uint8_t *message, size_t len,
			   struct resolver_conn *conn, const struct dns_address *peer)
{
	const struct timeval limit = { .tv_sec = RESOLVER_QUERY_MS / 1000 };
	struct query *q;

	if (!dns_is_query(message, len) || r->n_queries >= RESOLVER_QUERIES_MAX ||
	    r->n_bytes + len > RESOLVER_BYTES_MAX)
		return NULL;
	q = xnew(struct query);
	*q = (struct query){ .resolver = r, .id = ++r->last_id, .len = len, .conn = conn };
	if (peer)
		q->peer = *peer;
	q->message = xcalloc(1, len);
	memcpy(q->message, message, len);
	event_assign(&q->deadline, r->base, -1, 0, on_deadline, q);
	event_add(&q->deadline, &limit);
	list_add(&r->queries, &q->node);
	r->n_queries++;
	r->n_bytes += len;
	give_to_waiter(q);
	return q;
}

/* --- the supervisor --- */

static void on_cancelled(void *arg)
{
	free_waiter(arg);
}

static struct query *find_waiting(struct resolver *r)
{
	list_for_each(&r->queries, struct query, node, q)
		if (!q->given_out)
			return q;
	return NULL;
}

void resolver_next(struct resolver *r, struct ttrpc_call *call)
{
	struct query *q = find_waiting(r);
	struct err err = ERR_INIT;
	struct waiter *w;

	if (q) {
		give_out(q, call);
		return;
	}
	if (r->n_waiters >= RESOLVER_WAITERS_MAX) {
		err_set(&err, ERR_EXHAUSTED, "more than %d calls wait for a query",
			RESOLVER_WAITERS_MAX);
		ttrpc_fail(call, &err);
		return;
	}
	w = xnew(struct waiter);
	*w = (struct waiter){ .resolver = r, .call = call };
	list_add(&r->waiters, &w->node);
	r->n_waiters++;
	ttrpc_call_on_cancel(call, on_cancelled, w);
}

int resolver_answer(struct resolver *r, uint64_t id, const uint8_t *message, size_t len,
		    struct err *err)
{
	list_for_each_safe(&r->queries, struct query, node, q) {
		if (q->id != id || !q->given_out)
			continue;
		if (len > 0 && dns_is_answer(message, len, q->message)) {
			end_query(q, message, len);
			return 0;
		}
		dns_fail(q->message, q->len);
		end_query(q, q->message, q->len);
		return len == 0 ? 0
				: err_set(err, ERR_INVALID, "%zu bytes are no answer to query %llu",
					  len, (unsigned long long)id);
	}
	return 0;
}

int resolver_listen(struct resolver *r, const char *address, struct err *err)
{
	struct resolver_sockets *sockets;
	struct dns_address wanted;

	if (!dns_loopback_parse(address, &wanted))
		return err_set(err, ERR_INVALID, "listen for names: '%.64s' is no loopback address",
			       address);
	if (r->sockets && dns_address_equal(&wanted, &r->address))
		return 0;
	sockets = resolver_sockets_new(r, &wanted, err);
	if (!sockets)
		return err_wrap(err, "listen for names at '%s'", address);
	resolver_sockets_free(r->sockets);
	r->sockets = sockets;
	r->address = wanted;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	resolver_sockets_free(r->sockets);
	list_for_each_safe(&r->waiters, struct waiter, node, w)
		free_waiter(w);
	free(r);
}
