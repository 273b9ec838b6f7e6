/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * resolver_query.h - one query to one name server, over a socket of its own
 *
 * A socket a query: its port is the kernel's random choice, and an answer can only come from
 * the server that was asked.
 *
 * Trust:  the server's answer is checked for its size and id, and no further
 * Thread: the loop's
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/dns/address.h"

struct event_base;
struct resolver_query;

/* From the loop, once; the query is gone when it returns. message is borrowed, NULL: no answer. */
typedef void resolver_answered(void *arg, struct resolver_query *q, const uint8_t *message,
			       size_t len);

/* message is copied and dns_is_query(). NULL: nobody is there, or there are no sockets. */
struct resolver_query *resolver_query_new(struct event_base *base, const struct dns_address *server,
					  const uint8_t *message, size_t len, bool over_tcp,
					  uint32_t timeout_ms, resolver_answered *done, void *arg);
void resolver_query_free(struct resolver_query *q); /* without a word; NULL is fine */
