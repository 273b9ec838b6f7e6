/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * client.h - calls to one ttrpc peer over one stream socket or serial port
 *
 * Calls are answered in any order. Every call may have a deadline, which is sent
 * to the peer and kept here. When the peer closes, every pending call fails
 * ERR_UNAVAILABLE, from the loop, and then on_close runs; later calls fail the same way.
 *
 * Spec:   containerd/ttrpc PROTOCOL.md, unary calls
 * Trust:  the peer may be hostile (a guest): frames, messages and error texts are
 *         capped and checked; unknown streams and late answers are dropped
 * Owns:   the fd, every pending call
 * Errors: the peer's code, with its text cut to ERR_TEXT_MAX and made printable ASCII;
 *         codes that err.h lacks become ERR_INTERNAL. A malformed answer: ERR_INTERNAL.
 *         In front of each text stands the method's name.
 * Limits: TTRPC_DATA_MAX a frame; a request or an answer that is larger fails ERR_EXHAUSTED,
 *         and so does a call while TTRPC_QUEUE_MAX bytes wait for a peer that does not read
 * Thread: the loop's
 */
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/ttrpc/unix.h"

struct event_base;
struct ttrpc_client;

#define TTRPC_QUEUE_MAX (16u << 20)

/* why is ERR_UNAVAILABLE with the reason. The client may be freed in here. */
typedef void ttrpc_client_close(void *arg, const struct err *why);

/*
 * One call, from the loop, never from inside ttrpc_client_call(); none after
 * ttrpc_client_free() or ttrpc_client_cancel(). resp is borrowed until it returns,
 * NULL on failure; err is NULL on success.
 */
typedef void ttrpc_client_done(void *arg, const ProtobufCMessage *resp, const struct err *err);
typedef void ttrpc_client_raw_done(void *arg, const uint8_t *payload, size_t len,
				   const struct err *err);

/*
 * Takes fd and makes it non-blocking. on_close may be NULL. Cannot fail: a descriptor that is
 * of no use shows as a connection that closes.
 */
struct ttrpc_client *ttrpc_client_new(struct event_base *base, int fd, ttrpc_client_close *on_close,
				      void *arg);

/*
 * Close, as if the peer had gone away: every pending call fails with why (ERR_UNAVAILABLE), from
 * the loop and before any timer that is set later, and then on_close runs.
 */
void ttrpc_client_abort(struct ttrpc_client *client, const struct err *why);

/*
 * When the peer closes, keep that for ms: who knows why it went away may tell by
 * ttrpc_client_abort() meanwhile, and calls fail with the better reason. 0, at first: no time.
 */
void ttrpc_client_linger(struct ttrpc_client *client, uint32_t ms);

/* Drops pending calls without a word. NULL is fine. Safe inside any callback. */
void ttrpc_client_free(struct ttrpc_client *client);

/*
 * Start a call; the method is looked up in the service descriptor, so its name must
 * exist there. The request is packed before this returns. timeout_ms 0: no deadline.
 * Returns an id for ttrpc_client_cancel().
 */
uint64_t ttrpc_client_call(struct ttrpc_client *client, const ProtobufCServiceDescriptor *service,
			   const char *method, const ProtobufCMessage *req, uint32_t timeout_ms,
			   ttrpc_client_done *done, void *arg);

/* The same with packed bytes both ways, for passing calls on untouched. payload is copied. */
uint64_t ttrpc_client_call_raw(struct ttrpc_client *client, const char *service, const char *method,
			       const uint8_t *payload, size_t len, uint32_t timeout_ms,
			       ttrpc_client_raw_done *done, void *arg);

/*
 * Tell fn of every call that was answered or has failed, before its owner hears of it. It must not
 * free the client. NULL: nobody any more.
 */
typedef void ttrpc_client_watch_fn(void *arg, const char *method, uint64_t took_ns);
void ttrpc_client_watch(struct ttrpc_client *client, ttrpc_client_watch_fn *fn, void *arg);

/* Forget a pending call; its answer is dropped. Unknown ids are fine. */
void ttrpc_client_cancel(struct ttrpc_client *client, uint64_t id);

/*
 * Blocking call for short-lived programs that have no loop of their own. The reply
 * is owned by the caller (protobuf_c_message_free_unpacked). timeout_ms 0 waits for ever.
 * fd is borrowed and left non-blocking. After ERR_TIMEOUT or ERR_UNAVAILABLE it is of no
 * more use; after any other answer, or none, the next call may follow on it.
 * Blocks: until the answer or the deadline
 */
ProtobufCMessage *ttrpc_client_call_wait(int fd, const ProtobufCServiceDescriptor *service,
					 const char *method, const ProtobufCMessage *req,
					 uint32_t timeout_ms, struct err *err);
