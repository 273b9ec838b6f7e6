/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * resolver.h - a name server's address in the guest, whose answers come from the supervisor
 *
 * Queries of the containers to the address that Listen named are kept until the supervisor fetches
 * them (Next), and answered as it says (Answer). What is in them is none of our business: docker's
 * server on the other side is the one that answers.
 *
 * Spec:   protocols/resolver.proto; RFC 1035 4.2, RFC 7766 (several queries on one connection)
 * Trust:  who asks is a container; the supervisor's answers are passed on as they are
 * Limits: RESOLVER_* below. Over UDP what goes over a limit is dropped, which is what a busy server
 *         does; over TCP the connection is closed
 * Thread: the loop's
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct event_base;
struct resolver;
struct ttrpc_call;

#define RESOLVER_QUERIES_MAX 256        /* not answered yet */
#define RESOLVER_BYTES_MAX   (1u << 20) /* of their messages */
#define RESOLVER_QUERY_MS    10000      /* one that nobody answers is dropped */
#define RESOLVER_CONNS_MAX   32         /* TCP; more wait to be accepted */
#define RESOLVER_CONN_MAX    16         /* queries of one connection at a time */
#define RESOLVER_IDLE_MS     10000      /* of a connection without a query */
#define RESOLVER_WAITERS_MAX 64         /* kept Next calls */

/*
 * redirects: the guest's kernel is asked to lead port 53 to a free one (redirect.h); false, or when
 * it cannot: port 53 itself is taken, and no container can have it.
 */
struct resolver *resolver_new(struct event_base *base, bool redirects);
/* After the server: kept calls are cancelled by then. NULL is fine. */
void resolver_free(struct resolver *r);

/* Where it listens stays as it was on failure. ERR_INVALID: no loopback address. */
int resolver_listen(struct resolver *r, const char *address, struct err *err);

/* Answered with the next query, or kept until there is one. */
void resolver_next(struct resolver *r, struct ttrpc_call *call);

/*
 * len 0: there is no answer, which the asker is told (SERVFAIL). ERR_INVALID: no answer to that
 * query, which is then failed; an id that nobody waits for is fine.
 */
int resolver_answer(struct resolver *r, uint64_t id, const uint8_t *message, size_t len,
		    struct err *err);
