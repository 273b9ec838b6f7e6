/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * publisher.h - tell containerd what happened, over its ttrpc socket
 *
 * Events leave in the order in which they were handed in, one at a time: the next when containerd
 * has answered. While it is away (nobody listens, or the connection broke before the answer) they
 * wait, the unanswered one at the head, and are sent when it is back. A containerd that is merely
 * slow is waited for on the same connection, so it sees nothing twice. One that refuses an event
 * gets the next.
 *
 * Spec:   containerd.services.events.ttrpc.v1.Events/Forward, protocols/events.proto
 * Limits: PUBLISHER_QUEUE_MAX events wait; over it the oldest that is not under way is dropped
 * Errors: are only logged: nothing that is told here depends on its being heard
 * Thread: the loop's; never blocks. A timer runs only while an event waits for containerd
 */
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct event_base;
struct publisher;

#define PUBLISHER_QUEUE_MAX 2048 /* Source: containerd's own shims, and Kata's */
#define PUBLISHER_FLUSH_MS  5000u

/*
 * For the log. why NULL: there is no address, so this event goes nowhere; else it was dropped. With
 * topic NULL, events wait for containerd: told when it goes away, and when a flush was in vain.
 */
typedef void publisher_log(void *arg, const char *topic, const struct err *why);

/* address: containerd's socket, "unix://PATH" or PATH; copied. NULL or "": nobody to publish to. */
struct publisher *publisher_new(struct event_base *base, const char *address, publisher_log *log,
				void *arg);
/* What waits is dropped without a word. NULL is fine. */
void publisher_free(struct publisher *p);

/* It happened just now. Everything is copied; the message's full name is the event's type. */
void publisher_send(struct publisher *p, const char *namespace, const char *topic,
		    const ProtobufCMessage *message);

/*
 * Call done once, from the loop, when nothing waits any more, or after timeout_ms: the last thing
 * before the end. One at a time.
 */
void publisher_flush(struct publisher *p, uint32_t timeout_ms, void (*done)(void *arg), void *arg);

size_t publisher_n_waiting(const struct publisher *p); /* with the one that is under way */
