/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ttrpc/client.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/stream.h"
#include "lib/ttrpc/unpack.h"
#include "ttrpc.pb-c.h"

struct call {
	struct list node; /* in client->calls */
	struct ttrpc_client *client;
	uint64_t id;                              /* the stream's, if it fits one */
	const ProtobufCMessageDescriptor *output; /* NULL: raw */
	ttrpc_client_done *done;
	ttrpc_client_raw_done *raw_done;
	void *arg;
	char *method; /* owned, for error texts */
	uint32_t timeout_ms;
	struct event timer;  /* the deadline, or the failure that is already known */
	struct err *failure; /* owned; NULL while there is hope */
	uint64_t began_ns;   /* monotonic, when watched */
};

struct ttrpc_client {
	struct event_base *base;
	struct stream stream;
	struct event close_told; /* when we know of the end before the loop does, or linger */
	uint32_t linger_ms;
	bool is_open;
	struct err why; /* once not open */
	struct list calls;
	uint64_t next_id;
	ttrpc_client_close *on_close;
	void *arg;
	bool *gone; /* told by ttrpc_client_free() while every call is being failed */
	ttrpc_client_watch_fn *watch; /* NULL: nobody does */
	void *watch_arg;
};

static void call_free(struct call *call)
{
	list_remove(&call->node);
	event_del(&call->timer);
	free(call->failure);
	free(call->method);
	free(call);
}

static struct call *find_call(struct ttrpc_client *client, uint64_t id)
{
	list_for_each(&client->calls, struct call, node, call)
		if (call->id == id)
			return call;
	return NULL;
}

/* The call is over before its owner hears of it, who may free the client. */
static void finish(struct call *call, const ProtobufCMessage *resp, const uint8_t *payload,
		   size_t len, const struct err *err)
{
	ttrpc_client_done *done = call->done;
	ttrpc_client_raw_done *raw_done = call->raw_done;
	void *arg = call->arg;

	if (call->client->watch && call->began_ns)
		call->client->watch(call->client->watch_arg, call->method,
				    clock_mono_ns() - call->began_ns);
	call_free(call);
	if (raw_done)
		raw_done(arg, payload, len, err);
	else
		done(arg, resp, err);
}

static void fail_call(struct call *call, const struct err *why)
{
	struct err err = *why;

	err_wrap(&err, "%s", call->method);
	finish(call, NULL, NULL, 0, &err);
}

/* Returns false when the client was freed on the way. */
static bool fail_all(struct ttrpc_client *client, const struct err *why)
{
	uint64_t end = client->next_id;
	bool gone = false;

	client->gone = &gone;
	while (!gone && !list_empty(&client->calls)) {
		struct call *call = container_of(client->calls.next, struct call, node);
		struct err err = call->failure ? *call->failure : *why;

		/* A call begun from one of these callbacks has its own turn, from the loop. */
		if (call->id >= end)
			break;
		fail_call(call, &err);
	}
	if (!gone)
		client->gone = NULL;
	return !gone;
}

static void linger(struct ttrpc_client *client)
{
	const struct timeval tv = { .tv_sec = client->linger_ms / 1000,
				    .tv_usec = client->linger_ms % 1000 * 1000 };

	event_add(&client->close_told, &tv);
}

static void on_closed(void *arg, const struct err *why)
{
	struct ttrpc_client *client = arg;

	client->why = *why;
	client->is_open = false;
	stream_done(&client->stream);
	if (client->linger_ms > 0)
		linger(client);
	else if (fail_all(client, &client->why) && client->on_close)
		client->on_close(client->arg, &client->why);
}

static enum err_code code_of(int32_t code)
{
	switch (code) {
	case ERR_CANCELLED:
	case ERR_INVALID:
	case ERR_TIMEOUT:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_DENIED:
	case ERR_EXHAUSTED:
	case ERR_STATE:
	case ERR_UNIMPLEMENTED:
	case ERR_INTERNAL:
	case ERR_UNAVAILABLE:
		return (enum err_code)code;
	default:
		return ERR_INTERNAL;
	}
}

/* The peer's words, as plain text: they end up in logs and on terminals. */
static void fill_error(struct err *err, const Ttrpc__Status *status)
{
	err_set(err, code_of(status->code), "%s", status->message);
	if (err->text[0] == '\0')
		err_set(err, err->code, "error %d without a text", (int)status->code);
	for (char *at = err->text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = *at == '\n' || *at == '\t' ? ' ' : '?';
}

static void take_payload(struct call *call, const ProtobufCBinaryData *payload)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *resp;

	if (!call->output) {
		finish(call, NULL, payload->data, payload->len, NULL);
		return;
	}
	resp = message_unpack(call->output, payload->data, payload->len, &err);
	if (!resp) {
		err.code = ERR_INTERNAL; /* not our caller's fault */
		fail_call(call, &err);
		return;
	}
	finish(call, resp, NULL, 0, NULL);
	message_free(resp);
}

static void on_frame(void *arg, const struct ttrpc_header *h, const uint8_t *data)
{
	struct ttrpc_client *client = arg;
	struct call *call = h->type == TTRPC_RESPONSE ? find_call(client, h->stream) : NULL;
	struct err err = ERR_INIT;
	Ttrpc__Response *resp;

	if (!call || call->failure)
		return; /* cancelled, answered before, or never asked */
	resp = (Ttrpc__Response *)message_unpack(&ttrpc__response__descriptor, data, h->data_len,
						 &err);
	if (!resp) {
		err.code = ERR_INTERNAL;
		fail_call(call, &err);
		return;
	}
	if (resp->status && resp->status->code != ERR_OK) {
		fill_error(&err, resp->status);
		finish(call, NULL, NULL, 0, &err); /* the peer's words say what it attempted */
	} else {
		take_payload(call, &resp->payload);
	}
	message_free(&resp->base);
}

static void on_oversize(void *arg, const struct ttrpc_header *h)
{
	struct ttrpc_client *client = arg;
	struct call *call = h->type == TTRPC_RESPONSE ? find_call(client, h->stream) : NULL;
	struct err err = ERR_INIT;

	if (!call || call->failure)
		return;
	(void)ttrpc_header_check(h, &err);
	fail_call(call, &err);
}

static const struct stream_handlers handlers = {
	.frame = on_frame,
	.oversize = on_oversize,
	.closed = on_closed,
};

static void on_close_told(evutil_socket_t fd, short what, void *arg)
{
	struct ttrpc_client *client = arg;

	(void)fd;
	(void)what;
	if (fail_all(client, &client->why) && client->on_close)
		client->on_close(client->arg, &client->why);
}

struct ttrpc_client *ttrpc_client_new(struct event_base *base, int fd, ttrpc_client_close *on_close,
				      void *arg)
{
	struct ttrpc_client *client = xnew(struct ttrpc_client);

	client->base = base;
	client->on_close = on_close;
	client->arg = arg;
	client->next_id = 1;
	list_init(&client->calls);
	event_assign(&client->close_told, base, -1, 0, on_close_told, client);
	client->is_open = stream_init(&client->stream, base, fd, STREAM_SOCKET, false, &handlers,
				      client, &client->why) == 0;
	if (!client->is_open) {
		client->why.code = ERR_UNAVAILABLE;
		event_active(&client->close_told, EV_TIMEOUT, 0);
	}
	return client;
}

void ttrpc_client_abort(struct ttrpc_client *client, const struct err *why)
{
	if (!client->is_open && !event_pending(&client->close_told, EV_TIMEOUT, NULL))
		return;
	client->why = *why;
	client->why.code = ERR_UNAVAILABLE;
	if (client->is_open)
		stream_done(&client->stream);
	client->is_open = false;
	event_del(&client->close_told);
	event_active(&client->close_told, EV_TIMEOUT, 0);
}

void ttrpc_client_linger(struct ttrpc_client *client, uint32_t ms)
{
	client->linger_ms = ms;
}

void ttrpc_client_watch(struct ttrpc_client *client, ttrpc_client_watch_fn *fn, void *arg)
{
	client->watch = fn;
	client->watch_arg = arg;
}

void ttrpc_client_free(struct ttrpc_client *client)
{
	if (!client)
		return;
	while (!list_empty(&client->calls))
		call_free(container_of(client->calls.next, struct call, node));
	event_del(&client->close_told);
	if (client->is_open)
		stream_done(&client->stream);
	if (client->gone)
		*client->gone = true;
	free(client);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct call *call = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (call->failure)
		err = *call->failure;
	else
		err_set(&err, ERR_TIMEOUT, "no answer within %u ms", call->timeout_ms);
	fail_call(call, &err);
}

static void fail_soon(struct call *call, const struct err *why)
{
	call->failure = xnew(struct err);
	*call->failure = *why;
	event_active(&call->timer, EV_TIMEOUT, 0);
}

static struct call *call_new(struct ttrpc_client *client, const char *method, uint32_t timeout_ms,
			     void *arg)
{
	struct call *call = xnew(struct call);

	call->client = client;
	call->id = client->next_id;
	client->next_id += 2; /* a client's streams are odd */
	call->method = xstrdup(method);
	call->timeout_ms = timeout_ms;
	call->arg = arg;
	call->began_ns = client->watch ? clock_mono_ns() : 0;
	event_assign(&call->timer, client->base, -1, 0, on_timer, call);
	list_add(&client->calls, &call->node);
	return call;
}

static int check_sendable(const struct call *call, const Ttrpc__Request *req, struct err *err)
{
	const struct ttrpc_client *client = call->client;
	size_t len = ttrpc__request__get_packed_size(req);

	if (!client->is_open) {
		*err = client->why;
		return -1;
	}
	if (call->id > UINT32_MAX)
		return err_set(err, ERR_EXHAUSTED, "no stream id left on this connection");
	if (len > TTRPC_DATA_MAX)
		return err_set(err, ERR_EXHAUSTED, "request of %zu bytes, at most %u are allowed",
			       len, TTRPC_DATA_MAX);
	if (stream_queued(&client->stream) > TTRPC_QUEUE_MAX)
		return err_set(err, ERR_EXHAUSTED, "the other end does not read its requests");
	return 0;
}

static void submit(struct call *call, const char *service, const uint8_t *payload, size_t len)
{
	Ttrpc__Request req = TTRPC__REQUEST__INIT;
	struct err err = ERR_INIT;

	/* protobuf-c reads these only, but its members are not const. */
	req.service = unconst(service);
	req.method = call->method;
	req.payload.data = (uint8_t *)(uintptr_t)payload;
	req.payload.len = len;
	req.timeout_nano = (int64_t)(call->timeout_ms * NS_PER_MS);
	if (check_sendable(call, &req, &err) < 0) {
		fail_soon(call, &err);
		return;
	}
	if (call->timeout_ms) {
		struct timeval tv = { .tv_sec = (time_t)(call->timeout_ms / 1000),
				      .tv_usec = (suseconds_t)(call->timeout_ms % 1000 * 1000) };

		event_add(&call->timer, &tv);
	}
	stream_send(&call->client->stream, TTRPC_REQUEST, (uint32_t)call->id, &req.base);
}

uint64_t ttrpc_client_call(struct ttrpc_client *client, const ProtobufCServiceDescriptor *service,
			   const char *method, const ProtobufCMessage *req, uint32_t timeout_ms,
			   ttrpc_client_done *done, void *arg)
{
	const ProtobufCMethodDescriptor *desc =
		protobuf_c_service_descriptor_get_method_by_name(service, method);
	struct call *call = call_new(client, method, timeout_ms, arg);
	size_t len = protobuf_c_message_get_packed_size(req);
	uint64_t id = call->id;
	struct err err = ERR_INIT;
	uint8_t *payload;

	call->done = done;
	if (!desc) {
		err_set(&err, ERR_UNIMPLEMENTED, "no such method in '%s'", service->name);
		fail_soon(call, &err);
		return id;
	}
	call->output = desc->output;
	payload = try_alloc(len, TTRPC_DATA_MAX, &err);
	if (!payload) {
		fail_soon(call, &err);
		return id;
	}
	protobuf_c_message_pack(req, payload);
	submit(call, service->name, payload, len);
	free(payload);
	return id;
}

uint64_t ttrpc_client_call_raw(struct ttrpc_client *client, const char *service, const char *method,
			       const uint8_t *payload, size_t len, uint32_t timeout_ms,
			       ttrpc_client_raw_done *done, void *arg)
{
	struct call *call = call_new(client, method, timeout_ms, arg);
	uint64_t id = call->id;

	call->raw_done = done;
	submit(call, service, payload, len);
	return id;
}

void ttrpc_client_cancel(struct ttrpc_client *client, uint64_t id)
{
	struct call *call = find_call(client, id);

	if (call)
		call_free(call);
}

/* The blocking call: a loop of its own for as long as it takes. */

struct wait {
	bool over;
	ProtobufCMessage *resp;
	struct err err;
	const ProtobufCMessageDescriptor *output;
};

static void on_answer(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	struct wait *w = arg;

	w->over = true;
	if (err) {
		w->err = *err;
		return;
	}
	w->resp = message_unpack(w->output, payload, len, &w->err);
	if (!w->resp)
		w->err.code = ERR_INTERNAL;
}

static void call_and_loop(struct event_base *base, int fd, const char *service, const char *method,
			  const uint8_t *payload, size_t len, uint32_t timeout_ms, struct wait *w)
{
	/*
	 * Several calls may follow one another on a connection, and an answer that came too
	 * late for one must not be taken for the next one's.
	 */
	static uint64_t next_id = 1;
	struct ttrpc_client *client = ttrpc_client_new(base, fd, NULL, NULL);

	client->next_id = next_id;
	(void)ttrpc_client_call_raw(client, service, method, payload, len, timeout_ms, on_answer,
				    w);
	next_id = client->next_id;
	while (!w->over)
		if (event_base_loop(base, EVLOOP_ONCE) != 0)
			break;
	if (!w->over)
		err_set(&w->err, ERR_INTERNAL, "%s: wait for the answer", method);
	ttrpc_client_free(client);
}

ProtobufCMessage *ttrpc_client_call_wait(int fd, const ProtobufCServiceDescriptor *service,
					 const char *method, const ProtobufCMessage *req,
					 uint32_t timeout_ms, struct err *err)
{
	const ProtobufCMethodDescriptor *desc =
		protobuf_c_service_descriptor_get_method_by_name(service, method);
	size_t len = protobuf_c_message_get_packed_size(req);
	scoped_free uint8_t *payload = NULL;
	struct wait w = { 0 };
	struct event_base *base;
	int own_fd;

	if (!desc) {
		err_set(err, ERR_UNIMPLEMENTED, "%s: no such method in '%s'", method,
			service->name);
		return NULL;
	}
	payload = try_alloc(len, TTRPC_DATA_MAX, err);
	if (!payload)
		return NULL;
	protobuf_c_message_pack(req, payload);
	own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own_fd < 0) {
		err_sys(err, errno, "%s: use connection", method);
		return NULL;
	}
	base = event_base_new();
	if (!base) {
		close(own_fd);
		err_set(err, ERR_EXHAUSTED, "%s: make event loop", method);
		return NULL;
	}
	w.output = desc->output;
	call_and_loop(base, own_fd, service->name, method, payload, len, timeout_ms, &w);
	event_base_free(base);
	if (!w.resp)
		*err = w.err;
	return w.resp;
}
