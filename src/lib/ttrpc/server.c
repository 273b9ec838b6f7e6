/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ttrpc/server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/stream.h"
#include "lib/ttrpc/unpack.h"
#include "ttrpc.pb-c.h"

#define FIRST_STREAM 1 /* of every connection */

struct listener {
	struct list node;
	struct ttrpc_server *server;
	int fd;
	struct event readable;
	struct event pause; /* after running out of descriptors */
};

struct ttrpc_server {
	struct event_base *base;
	const struct ttrpc_service *services;
	size_t n_services;
	struct list listeners;
	struct list conns;
	struct event flushed;
	void (*on_flushed)(void *arg);
	void *flushed_arg;
};

struct conn {
	struct list node; /* in server->conns */
	struct ttrpc_server *server;
	struct stream stream;
	enum stream_kind kind;
	uint32_t last_stream; /* of a port's present peer */
	struct list calls;
	size_t n_calls;
	void (*on_close)(void *arg);
	void *arg;
};

/*
 * Between its request and its end. When the connection or the deadline goes first and nobody
 * has asked to be told (cancel), the call stays without a connection, so that its
 * handler may still end it.
 */
struct ttrpc_call {
	struct list node;  /* in conn->calls */
	struct conn *conn; /* NULL: nobody waits for the answer */
	uint32_t stream;
	Ttrpc__Request *envelope; /* owned; the raw payload is in it */
	ProtobufCMessage *req;    /* owned; NULL for raw */
	struct event timer;
	void (*cancel)(void *arg);
	void *cancel_arg;
	struct ttrpc_call_news news;
	void (*watch)(void *arg, const struct ttrpc_call_news *news); /* NULL: nobody does */
	void *watch_arg;
	uint64_t began_ns; /* monotonic, when watched */
};

/* Answers */

static void send_status(struct conn *conn, uint32_t stream, const struct err *err)
{
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	Ttrpc__Status status = TTRPC__STATUS__INIT;
	struct err copy = *err;

	copy.text[sizeof(copy.text) - 1] = '\0';
	status.code = copy.code == ERR_OK ? ERR_INTERNAL : (int32_t)copy.code;
	status.message = copy.text;
	resp.status = &status;
	stream_send(&conn->stream, TTRPC_RESPONSE, stream, &resp.base);
}

static void detach(struct ttrpc_call *call)
{
	event_del(&call->timer);
	if (!call->conn)
		return;
	list_remove(&call->node);
	call->conn->n_calls--;
	call->conn = NULL;
}

static void tell_begin(struct ttrpc_call *call, const struct ttrpc_service *service,
		       const char *method)
{
	if (!service->watch)
		return;
	call->watch = service->watch;
	call->watch_arg = service->arg;
	call->news.method = method;
	call->began_ns = clock_mono_ns();
	call->watch(call->watch_arg, &call->news);
}

static void tell_end(struct ttrpc_call *call)
{
	if (!call->watch)
		return;
	call->news.ended = true;
	call->news.took_ns = clock_mono_ns() - call->began_ns;
	call->watch(call->watch_arg, &call->news);
}

static void call_free(struct ttrpc_call *call)
{
	detach(call);
	tell_end(call);
	if (call->req)
		message_free(call->req);
	message_free(&call->envelope->base);
	free(call);
}

/* Nobody waits any longer. The call is freed here or when its handler ends it. */
static void cancel_call(struct ttrpc_call *call)
{
	detach(call);
	if (call->cancel) {
		call->cancel(call->cancel_arg);
		call_free(call);
	}
}

static void cancel_calls(struct conn *conn)
{
	while (!list_empty(&conn->calls))
		cancel_call(container_of(conn->calls.next, struct ttrpc_call, node));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ttrpc_call *call = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (call->conn) {
		err_set(&err, ERR_TIMEOUT, "%s: not done within the caller's deadline",
			call->envelope->method);
		send_status(call->conn, call->stream, &err);
	}
	cancel_call(call);
}

void ttrpc_call_on_cancel(struct ttrpc_call *call, void (*fn)(void *arg), void *arg)
{
	call->cancel = fn;
	call->cancel_arg = arg;
	/* Too late already: told from the loop, as always. */
	if (!call->conn && fn)
		event_active(&call->timer, EV_TIMEOUT, 0);
	else if (!call->conn)
		event_del(&call->timer);
}

void ttrpc_fail(struct ttrpc_call *call, const struct err *err)
{
	if (call->conn)
		send_status(call->conn, call->stream, err);
	call_free(call);
}

void ttrpc_reply_raw(struct ttrpc_call *call, const uint8_t *payload, size_t len)
{
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	struct err err = ERR_INIT;

	/* protobuf-c only reads it, but the member is not const. */
	resp.payload.data = (uint8_t *)(uintptr_t)payload;
	resp.payload.len = len;
	if (ttrpc__response__get_packed_size(&resp) > TTRPC_DATA_MAX) {
		err_set(&err, ERR_EXHAUSTED, "%s: answer of %zu bytes, at most %u are allowed",
			call->envelope->method, len, TTRPC_DATA_MAX);
		ttrpc_fail(call, &err);
		return;
	}
	if (call->conn)
		stream_send(&call->conn->stream, TTRPC_RESPONSE, call->stream, &resp.base);
	call_free(call);
}

void ttrpc_reply(struct ttrpc_call *call, const ProtobufCMessage *resp)
{
	size_t len = protobuf_c_message_get_packed_size(resp);
	struct err err = ERR_INIT;
	scoped_free uint8_t *payload = try_alloc(len, TTRPC_DATA_MAX, &err);

	if (!payload) {
		err_wrap(&err, "%s: answer", call->envelope->method);
		ttrpc_fail(call, &err);
		return;
	}
	protobuf_c_message_pack(resp, payload);
	ttrpc_reply_raw(call, payload, len);
}

/* Requests */

static const struct ttrpc_service *find_service(const struct ttrpc_server *server, const char *name,
						struct err *err)
{
	for (size_t i = 0; i < server->n_services; i++)
		if (strcmp(server->services[i].desc->name, name) == 0)
			return &server->services[i];
	err_set(err, ERR_UNIMPLEMENTED, "service '%.100s' is not served here", name);
	return NULL;
}

static const struct ttrpc_method *find_method(const struct ttrpc_service *service, const char *name)
{
	for (size_t i = 0; i < service->n_methods; i++)
		if (strcmp(service->methods[i].name, name) == 0)
			return &service->methods[i];
	return NULL;
}

static struct ttrpc_call *call_new(struct conn *conn, uint32_t stream, Ttrpc__Request *envelope,
				   ProtobufCMessage *req)
{
	struct ttrpc_call *call = xnew(struct ttrpc_call);

	call->conn = conn;
	call->stream = stream;
	call->envelope = envelope;
	call->req = req;
	event_assign(&call->timer, conn->server->base, -1, 0, on_timer, call);
	list_add(&conn->calls, &call->node);
	conn->n_calls++;
	if (envelope->timeout_nano > 0) {
		struct timeval tv = {
			.tv_sec = (time_t)((uint64_t)envelope->timeout_nano / NS_PER_SEC),
			.tv_usec =
				(suseconds_t)((uint64_t)envelope->timeout_nano % NS_PER_SEC / 1000),
		};

		event_add(&call->timer, &tv);
	}
	return call;
}

static uint32_t timeout_ms_of(const Ttrpc__Request *envelope)
{
	uint64_t ms;

	if (envelope->timeout_nano <= 0)
		return 0;
	ms = ((uint64_t)envelope->timeout_nano + NS_PER_MS - 1) / NS_PER_MS;
	return (uint32_t)MIN(ms, (uint64_t)UINT32_MAX);
}

/* Takes envelope on success. */
static int dispatch(struct conn *conn, uint32_t stream, Ttrpc__Request *envelope, struct err *err)
{
	const struct ttrpc_service *service = find_service(conn->server, envelope->service, err);
	const ProtobufCMethodDescriptor *desc;
	const struct ttrpc_method *method;
	struct ttrpc_call *call;
	ProtobufCMessage *req;

	if (!service)
		return -1;
	if (service->raw) {
		service->raw(call_new(conn, stream, envelope, NULL), envelope->method,
			     envelope->payload.data, envelope->payload.len, timeout_ms_of(envelope),
			     service->arg);
		return 0;
	}
	desc = protobuf_c_service_descriptor_get_method_by_name(service->desc, envelope->method);
	method = find_method(service, envelope->method);
	if (!desc || !method)
		return err_set(err, ERR_UNIMPLEMENTED, "method '%.100s' of '%s' is not implemented",
			       envelope->method, service->desc->name);
	req = message_unpack(desc->input, envelope->payload.data, envelope->payload.len, err);
	if (!req)
		return err_wrap(err, "%s", method->name);
	call = call_new(conn, stream, envelope, req);
	tell_begin(call, service, method->name);
	method->handle(call, req, service->arg);
	return 0;
}

/*
 * A peer of a port that left and came back before we looked was not seen to leave. But its
 * streams begin anew, and within one connection they only grow.
 */
static void notice_new_peer(struct conn *conn, uint32_t stream)
{
	if (conn->kind != STREAM_PORT)
		return;
	if (stream == FIRST_STREAM && conn->last_stream >= stream)
		cancel_calls(conn);
	conn->last_stream = stream;
}

static int check_request(const struct conn *conn, const struct ttrpc_header *h, struct err *err)
{
	if (h->stream % 2 == 0)
		return err_set(err, ERR_INVALID, "stream %u: a client's streams are odd",
			       h->stream);
	if (h->flags & TTRPC_FLAG_REMOTE_OPEN)
		return err_set(err, ERR_UNIMPLEMENTED, "streaming calls are not served here");
	if (conn->n_calls >= TTRPC_CALLS_MAX)
		return err_set(err, ERR_EXHAUSTED, "%d calls are open on this connection",
			       TTRPC_CALLS_MAX);
	list_for_each(&conn->calls, struct ttrpc_call, node, call)
		if (call->stream == h->stream)
			return err_set(err, ERR_INVALID, "stream %u is in use", h->stream);
	return 0;
}

static void on_frame(void *arg, const struct ttrpc_header *h, const uint8_t *data)
{
	struct conn *conn = arg;
	Ttrpc__Request *envelope = NULL;
	struct err err = ERR_INIT;

	/* Data belongs to streaming calls, of which none is open; the rest is yet to be invented.
	 */
	if (h->type != TTRPC_REQUEST)
		return;
	notice_new_peer(conn, h->stream);
	if (check_request(conn, h, &err) < 0)
		goto refuse;
	envelope = (Ttrpc__Request *)message_unpack(&ttrpc__request__descriptor, data, h->data_len,
						    &err);
	if (!envelope)
		goto refuse;
	if (dispatch(conn, h->stream, envelope, &err) < 0)
		goto refuse;
	return;
refuse:
	if (envelope)
		message_free(&envelope->base);
	send_status(conn, h->stream, &err);
}

static void on_oversize(void *arg, const struct ttrpc_header *h)
{
	struct err err = ERR_INIT;

	if (h->type != TTRPC_REQUEST)
		return;
	(void)ttrpc_header_check(h, &err);
	send_status(arg, h->stream, &err);
}

/* Connections */

bool ttrpc_server_flushed(const struct ttrpc_server *server)
{
	list_for_each(&server->conns, struct conn, node, conn)
		if (stream_queued(&conn->stream) > 0)
			return false;
	return true;
}

static void look_flushed(struct ttrpc_server *server)
{
	if (server->on_flushed && ttrpc_server_flushed(server))
		event_active(&server->flushed, EV_TIMEOUT, 0);
}

static void on_drained(void *arg)
{
	look_flushed(((struct conn *)arg)->server);
}

/* Cancel functions may do what they like to calls, but the connection is theirs no more. */
static void conn_free(struct conn *conn)
{
	list_remove(&conn->node);
	cancel_calls(conn);
	stream_done(&conn->stream);
	free(conn);
}

static void on_closed(void *arg, const struct err *why)
{
	struct conn *conn = arg;
	struct ttrpc_server *server = conn->server;
	void (*on_close)(void *) = conn->on_close;
	void *on_close_arg = conn->arg;

	(void)why;
	if (conn->kind == STREAM_PORT) {
		cancel_calls(conn);
		conn->last_stream = 0;
	} else {
		conn_free(conn);
	}
	look_flushed(server); /* what was queued for this peer waits no more */
	if (on_close)
		on_close(on_close_arg);
}

static const struct stream_handlers handlers = {
	.frame = on_frame,
	.oversize = on_oversize,
	.closed = on_closed,
	.drained = on_drained,
};

static int serve(struct ttrpc_server *server, int fd, enum stream_kind kind,
		 void (*on_close)(void *arg), void *arg, struct err *err)
{
	struct conn *conn = xnew(struct conn);

	*conn = (struct conn){ .server = server, .kind = kind, .on_close = on_close, .arg = arg };
	list_init(&conn->calls);
	if (stream_init(&conn->stream, server->base, fd, kind, true, &handlers, conn, err) < 0) {
		free(conn);
		return -1;
	}
	list_add(&server->conns, &conn->node);
	return 0;
}

int ttrpc_server_serve(struct ttrpc_server *server, int fd, void (*on_close)(void *arg), void *arg,
		       struct err *err)
{
	return serve(server, fd, STREAM_SOCKET, on_close, arg, err);
}

int ttrpc_server_serve_port(struct ttrpc_server *server, int fd, void (*on_close)(void *arg),
			    void *arg, struct err *err)
{
	return serve(server, fd, STREAM_PORT, on_close, arg, err);
}

/* Listening */

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	event_add(&l->readable, NULL);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval pause = { .tv_usec = 100000 };
	struct listener *l = arg;
	struct err ignored = ERR_INIT; /* the peer sees its connection close */
	int conn_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (conn_fd >= 0) {
		(void)serve(l->server, conn_fd, STREAM_SOCKET, NULL, NULL, &ignored);
		return;
	}
	/* The connection stays in the queue and would wake us for nothing, again and again. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		event_del(&l->readable);
		event_add(&l->pause, &pause);
	}
}

static void listener_free(struct listener *l)
{
	list_remove(&l->node);
	event_del(&l->readable);
	event_del(&l->pause);
	close_fd(&l->fd);
	free(l);
}

int ttrpc_server_listen(struct ttrpc_server *server, int listen_fd, struct err *err)
{
	struct listener *l = xnew(struct listener);

	l->server = server;
	l->fd = listen_fd;
	list_add(&server->listeners, &l->node);
	event_assign(&l->readable, server->base, listen_fd, EV_READ | EV_PERSIST, on_acceptable, l);
	event_assign(&l->pause, server->base, -1, 0, on_pause_over, l);
	if (evutil_make_socket_nonblocking(listen_fd) < 0 || event_add(&l->readable, NULL) < 0) {
		listener_free(l);
		return err_set(err, ERR_INVALID, "listen: not a socket that can be watched");
	}
	return 0;
}

void ttrpc_server_unlisten(struct ttrpc_server *server)
{
	while (!list_empty(&server->listeners))
		listener_free(container_of(server->listeners.next, struct listener, node));
}

/* The server */

static void on_flushed_event(evutil_socket_t fd, short what, void *arg)
{
	struct ttrpc_server *server = arg;
	void (*fn)(void *) = server->on_flushed;

	(void)fd;
	(void)what;
	/* Something may have been queued since; then the next drain comes back here. */
	if (!fn || !ttrpc_server_flushed(server))
		return;
	server->on_flushed = NULL;
	fn(server->flushed_arg);
}

struct ttrpc_server *ttrpc_server_new(struct event_base *base, const struct ttrpc_service *services,
				      size_t n_services)
{
	struct ttrpc_server *server = xnew(struct ttrpc_server);

	server->base = base;
	server->services = services;
	server->n_services = n_services;
	list_init(&server->listeners);
	list_init(&server->conns);
	event_assign(&server->flushed, base, -1, 0, on_flushed_event, server);
	return server;
}

void ttrpc_server_free(struct ttrpc_server *server)
{
	if (!server)
		return;
	ttrpc_server_unlisten(server);
	event_del(&server->flushed);
	server->on_flushed = NULL;
	while (!list_empty(&server->conns))
		conn_free(container_of(server->conns.next, struct conn, node));
	free(server);
}

void ttrpc_server_on_flushed(struct ttrpc_server *server, void (*fn)(void *arg), void *arg)
{
	server->on_flushed = fn;
	server->flushed_arg = arg;
	if (fn)
		look_flushed(server);
}

size_t ttrpc_server_calls(const struct ttrpc_server *server)
{
	size_t n = 0;

	list_for_each(&server->conns, struct conn, node, conn)
		n += conn->n_calls;
	return n;
}
