/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server.h - serve methods on any number of ttrpc connections
 *
 * A handler gets a call and ends it exactly once, at once or later, with
 * ttrpc_reply() or ttrpc_fail(). Until then the call, and the request in it, live.
 *
 * Spec:   containerd/ttrpc PROTOCOL.md, unary calls. Unknown service or method:
 *         ERR_UNIMPLEMENTED naming it. A frame over TTRPC_DATA_MAX: ERR_EXHAUSTED on
 *         that stream, its bytes are skipped, the connection stays.
 * Limits: TTRPC_CALLS_MAX open calls a connection (more: ERR_EXHAUSTED); a
 *         connection whose write queue is over its high mark is not read
 * Trust:  the peer may be hostile
 * Thread: the loop's
 */
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct event_base;
struct ttrpc_server;
struct ttrpc_call;
struct ttrpc_call_news;

#define TTRPC_CALLS_MAX 4096

struct ttrpc_method {
	const char *name;
	/* req has the type that the service descriptor names; it belongs to the call. */
	void (*handle)(struct ttrpc_call *call, const ProtobufCMessage *req, void *service_arg);
};

struct ttrpc_service {
	const ProtobufCServiceDescriptor *desc;
	const struct ttrpc_method *methods; /* those not listed answer ERR_UNIMPLEMENTED by name */
	size_t n_methods;
	void *arg;
	/*
	 * If set, every method of the service comes here with its payload packed, and
	 * methods is not looked at: for passing calls on. Borrowed until it returns.
	 */
	void (*raw)(struct ttrpc_call *call, const char *method, const uint8_t *payload, size_t len,
		    uint32_t timeout_ms, void *service_arg);
	/*
	 * Told of every call to one of the methods: when it begins, and when it has ended, however it
	 * did. May be NULL.
	 */
	void (*watch)(void *service_arg, const struct ttrpc_call_news *news);
};

struct ttrpc_call_news {
	const char *method;
	bool ended;
	uint64_t took_ns; /* once ended */
};

/* services is borrowed and outlives the server. */
struct ttrpc_server *ttrpc_server_new(struct event_base *base, const struct ttrpc_service *services,
				      size_t n_services);

/* Takes a listening socket, also on failure. May be called for several. */
int ttrpc_server_listen(struct ttrpc_server *server, int listen_fd, struct err *err);

/* Stop accepting; connections stay. */
void ttrpc_server_unlisten(struct ttrpc_server *server);

/*
 * Serve one connected socket. Takes fd, also on failure. on_close (may be NULL) runs when the
 * peer closed it, after its calls were cancelled.
 */
int ttrpc_server_serve(struct ttrpc_server *server, int fd, void (*on_close)(void *arg), void *arg,
		       struct err *err);

/*
 * Serve a serial port (/dev/vportNpM) for as long as the server lives. Takes fd, also on
 * failure. Each time the other end closes, its calls are cancelled, what was half sent or
 * half received is dropped, on_close (may be NULL) runs, and the port waits, idle, for the
 * next peer. A port whose other end is not open yet is fine.
 */
int ttrpc_server_serve_port(struct ttrpc_server *server, int fd, void (*on_close)(void *arg),
			    void *arg, struct err *err);

/* Cancels every call, closes every connection and listener. NULL is fine. */
void ttrpc_server_free(struct ttrpc_server *server);

/* True when every reply handed in has been written to its peer. */
bool ttrpc_server_flushed(const struct ttrpc_server *server);

/* Call fn once, from the loop, when that is so; for leaving with the last word said. */
void ttrpc_server_on_flushed(struct ttrpc_server *server, void (*fn)(void *arg), void *arg);

/* Open calls over all connections; for idle checks and tests. */
size_t ttrpc_server_calls(const struct ttrpc_server *server);

void ttrpc_reply(struct ttrpc_call *call, const ProtobufCMessage *resp);        /* ends the call */
void ttrpc_reply_raw(struct ttrpc_call *call, const uint8_t *payload, size_t len); /* ends it */
void ttrpc_fail(struct ttrpc_call *call, const struct err *err);                /* ends the call */

/*
 * If the connection goes away or the caller's deadline passes first, fn runs and
 * the call is gone when it returns: it must not reply. One function per call; setting it again
 * replaces it, NULL takes it back. fn must not free the server. A call without one stays valid until it is ended, and
 * its answer goes nowhere.
 */
void ttrpc_call_on_cancel(struct ttrpc_call *call, void (*fn)(void *arg), void *arg);
