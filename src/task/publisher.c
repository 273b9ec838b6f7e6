/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publisher.c - how it works
 *
 *	idle       nothing waits; connected or not
 *	in flight  the head was sent; its answer, or the end of the connection, is next
 *	away       something waits for the retry timer, whose pauses grow
 *
 * An event has no deadline of its own: giving it up would either lose it or send it twice. What
 * bounds a containerd that never answers is the length of the queue.
 */
#include "task/publisher.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "events.pb-c.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"

#define RETRY_MIN_MS 50u
#define RETRY_MAX_MS 2000u

#define EVENTS_SERVICE (&containerd__services__events__ttrpc__v1__events__descriptor)

typedef Containerd__Services__Events__Ttrpc__V1__Any Any;
typedef Containerd__Services__Events__Ttrpc__V1__Envelope Envelope;
typedef Containerd__Services__Events__Ttrpc__V1__ForwardRequest ForwardRequest;
typedef Containerd__Services__Events__Ttrpc__V1__Timestamp Timestamp;

struct entry {
	struct list node;
	char *topic; /* for the log */
	uint8_t *request;
	size_t request_len;
};

struct publisher {
	struct event_base *base;
	char *address; /* NULL: none */
	publisher_log *log;
	void *arg;
	struct ttrpc_client *client; /* NULL: not connected */
	struct list queue;           /* oldest first */
	size_t n_waiting;
	bool in_flight; /* the head */
	bool away;      /* and it was logged */
	uint32_t retry_ms;
	struct event *retry, *flush;
	void (*flushed)(void *arg); /* NULL: nobody asked */
	void *flushed_arg;
};

static struct timeval to_timeval(uint32_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

/* --- the queue --- */

static void entry_free(struct entry *e)
{
	list_remove(&e->node);
	free(e->topic);
	free(e->request);
	free(e);
}

static void drop(struct publisher *p, struct entry *e)
{
	entry_free(e);
	if (--p->n_waiting == 0 && p->flushed)
		event_active(p->flush, EV_TIMEOUT, 0);
}

static struct entry *head_of(struct publisher *p)
{
	return container_of(p->queue.next, struct entry, node);
}

static void make_room(struct publisher *p)
{
	struct entry *oldest = head_of(p);
	struct err err = ERR_INIT;

	if (p->n_waiting < PUBLISHER_QUEUE_MAX)
		return;
	if (p->in_flight)
		oldest = container_of(oldest->node.next, struct entry, node);
	err_set(&err, ERR_EXHAUSTED, "%d events wait for containerd", PUBLISHER_QUEUE_MAX);
	p->log(p->arg, oldest->topic, &err);
	drop(p, oldest);
}

/* --- sending --- */

static void send_head(struct publisher *p);

static void wait_for_containerd(struct publisher *p, const struct err *why)
{
	const struct timeval pause = to_timeval(p->retry_ms);

	if (!p->away)
		p->log(p->arg, NULL, why);
	p->away = true;
	evtimer_add(p->retry, &pause);
	p->retry_ms = MIN(p->retry_ms * 2, RETRY_MAX_MS);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	send_head(arg);
}

static void on_closed(void *arg, const struct err *why)
{
	struct publisher *p = arg;

	(void)why;
	ttrpc_client_free(take_ptr(&p->client));
}

static void on_published(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	struct publisher *p = arg;
	struct entry *head = head_of(p);

	(void)payload, (void)len;
	p->in_flight = false;
	if (err && err->code == ERR_UNAVAILABLE) {
		wait_for_containerd(p, err);
		return;
	}
	if (err)
		p->log(p->arg, head->topic, err);
	p->away = false;
	p->retry_ms = RETRY_MIN_MS;
	drop(p, head);
	send_head(p);
}

static int connect_events(struct publisher *p, struct err *err)
{
	int fd;

	if (p->client)
		return 0;
	fd = unix_connect_now(p->address, err);
	if (fd < 0)
		return -1;
	p->client = ttrpc_client_new(p->base, fd, on_closed, p);
	return 0;
}

static void send_head(struct publisher *p)
{
	const struct entry *head = head_of(p);
	struct err err = ERR_INIT;

	if (p->n_waiting == 0 || p->in_flight || evtimer_pending(p->retry, NULL))
		return;
	if (connect_events(p, &err) < 0) {
		wait_for_containerd(p, &err);
		return;
	}
	p->in_flight = true;
	ttrpc_client_call_raw(p->client, EVENTS_SERVICE->name, "Forward", head->request,
			      head->request_len, 0, on_published, p);
}

static void pack_request(struct entry *e, const char *namespace, const ProtobufCMessage *message)
{
	Timestamp at = CONTAINERD__SERVICES__EVENTS__TTRPC__V1__TIMESTAMP__INIT;
	Any any = CONTAINERD__SERVICES__EVENTS__TTRPC__V1__ANY__INIT;
	Envelope envelope = CONTAINERD__SERVICES__EVENTS__TTRPC__V1__ENVELOPE__INIT;
	ForwardRequest req = CONTAINERD__SERVICES__EVENTS__TTRPC__V1__FORWARD_REQUEST__INIT;
	scoped_free uint8_t *packed = xcalloc(protobuf_c_message_get_packed_size(message) + 1, 1);
	const uint64_t now = clock_real_ns();

	at.seconds = (int64_t)(now / NS_PER_SEC);
	at.nanos = (int32_t)(now % NS_PER_SEC);
	any.type_url = unconst(message->descriptor->name);
	any.value.data = packed;
	any.value.len = protobuf_c_message_pack(message, packed);
	envelope.timestamp = &at;
	envelope.namespace_ = unconst(namespace);
	envelope.topic = e->topic;
	envelope.event = &any;
	req.envelope = &envelope;
	e->request = xcalloc(protobuf_c_message_get_packed_size(&req.base), 1);
	e->request_len = protobuf_c_message_pack(&req.base, e->request);
}

void publisher_send(struct publisher *p, const char *namespace, const char *topic,
		    const ProtobufCMessage *message)
{
	struct entry *e;

	if (!p->address) {
		p->log(p->arg, topic, NULL);
		return;
	}
	make_room(p);
	e = xnew(struct entry);
	e->topic = xstrdup(topic);
	pack_request(e, namespace, message);
	list_add(&p->queue, &e->node);
	p->n_waiting++;
	send_head(p);
}

/* --- the last ones --- */

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct publisher *p = arg;
	void (*flushed)(void *arg) = take_ptr(&p->flushed);
	struct err err = ERR_INIT;

	(void)fd, (void)what;
	if (p->n_waiting > 0) {
		err_set(&err, ERR_TIMEOUT, "tell containerd of %zu events in time", p->n_waiting);
		p->log(p->arg, NULL, &err);
	}
	if (flushed)
		flushed(p->flushed_arg);
}

void publisher_flush(struct publisher *p, uint32_t timeout_ms, void (*done)(void *arg), void *arg)
{
	const struct timeval tv = to_timeval(timeout_ms);

	p->flushed = done;
	p->flushed_arg = arg;
	evtimer_add(p->flush, &tv);
	if (p->n_waiting == 0)
		event_active(p->flush, EV_TIMEOUT, 0);
}

size_t publisher_n_waiting(const struct publisher *p)
{
	return p->n_waiting;
}

struct publisher *publisher_new(struct event_base *base, const char *address, publisher_log *log,
				void *arg)
{
	struct publisher *p = xnew(struct publisher);

	p->base = base;
	p->log = log;
	p->arg = arg;
	p->retry_ms = RETRY_MIN_MS;
	p->retry = evtimer_new(base, on_retry, p);
	p->flush = evtimer_new(base, on_flush, p);
	list_init(&p->queue);
	if (address && *address)
		p->address = xstrdup(str_starts(address, "unix://") ? address + strlen("unix://")
								    : address);
	return p;
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	ttrpc_client_free(p->client);
	list_for_each_safe(&p->queue, struct entry, node, e)
		entry_free(e);
	event_free(p->retry);
	event_free(p->flush);
	free(p->address);
	free(p);
}
