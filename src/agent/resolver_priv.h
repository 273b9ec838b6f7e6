/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * resolver_priv.h - what the queue of queries (resolver.c) and where they come from
 * (resolver_sockets.c, resolver_conn.c) know of one another
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "agent/resolver.h"
#include "lib/base/list.h"
#include "lib/dns/address.h"

struct resolver {
	struct event_base *base;
	bool redirects;
	struct list queries; /* oldest first */
	size_t n_queries, n_bytes;
	uint64_t last_id;
	struct list waiters; /* kept Next calls */
	size_t n_waiters;
	struct dns_address address; /* len 0: nowhere */
	struct resolver_sockets *sockets;
};

struct query {
	struct list node;
	struct resolver *resolver;
	uint64_t id;
	bool given_out;
	struct event deadline;
	uint8_t *message; /* owned */
	size_t len;
	/* who asked */
	struct resolver_conn *conn; /* NULL: UDP */
	struct dns_address peer;    /* of UDP */
};

/* A message came in; it is copied. NULL: over a limit, or no query. */
struct query *resolver_ask(struct resolver *r, const uint8_t *message, size_t len,
			   struct resolver_conn *conn, const struct dns_address *peer);
/* Nobody waits for it any more. */
void resolver_drop(struct query *q);

/* Connections (resolver_conn.c) to one listening socket, which is borrowed. */
struct resolver_conns {
	struct resolver *resolver;
	struct list list;
	size_t n;
	struct event accept; /* not while there are RESOLVER_CONNS_MAX */
};

void resolver_conns_start(struct resolver_conns *conns, struct resolver *r, int listen_fd);
void resolver_conns_stop(struct resolver_conns *conns); /* drops their queries */
/* One of its queries ends; without an answer (message NULL) nothing is written. */
void resolver_conn_end(struct resolver_conn *conn, const uint8_t *message, size_t len);

struct resolver_sockets *resolver_sockets_new(struct resolver *r, const struct dns_address *address,
					      struct err *err);
void resolver_sockets_free(struct resolver_sockets *s); /* drops every query; NULL is fine */
/* The query ends with an answer, or without one (message NULL). It is the caller's to free. */
void resolver_sockets_end(struct resolver_sockets *s, const struct query *q, const uint8_t *message,
			  size_t len);
