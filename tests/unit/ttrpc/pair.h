/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * pair.h - a loop, a server and the other end of one connection, for tests of lib/ttrpc
 *
 * The service is grpc.Health. Check answers at once with the length of its argument
 * as status, unless the argument is "keep": then the call is kept in pair->kept.
 */
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ttrpc/client.h"
#include "lib/ttrpc/server.h"
#include "lib/ttrpc/unpack.h"
#include "health.pb-c.h"
#include "ttrpc.pb-c.h"

#define KEPT_MAX 4200

struct pair {
	struct event_base *base;
	struct ttrpc_server *server;
	int fd; /* the client's end; -1 once given away */
	struct ttrpc_call *kept[KEPT_MAX];
	size_t n_kept;
	size_t n_checks;
	size_t n_closed;
};

int pair_setup(void **state);
int pair_teardown(void **state);

/* Run the loop until *flag, at most 10 seconds (then the test fails). */
void loop_until(struct event_base *base, const bool *flag);

/* Run everything that is ready. */
void loop_idle(struct event_base *base);

/* A socketpair, both close-on-exec and non-blocking. */
void make_sockets(int fds[2]);

/* Raw bytes as a peer would send or see them. */
void put_bytes(int fd, const void *data, size_t len);
void put_frame(int fd, uint32_t stream, uint8_t type, uint8_t flags, const void *data, size_t len);
void put_request(int fd, uint32_t stream, const char *service, const char *method,
		 const ProtobufCMessage *req);
void put_check(int fd, uint32_t stream, const char *argument);
void put_response(int fd, uint32_t stream, const ProtobufCMessage *resp);

/* The next response on fd while the loop runs; free with message_free(). */
Ttrpc__Response *get_response(struct event_base *base, int fd, uint32_t *ret_stream);
