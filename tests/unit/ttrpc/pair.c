/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/frame.h"

#define PATIENCE_NS (10 * NS_PER_SEC)

static void on_check(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	const Grpc__CheckRequest *check = (const void *)req;
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;
	struct pair *pair = arg;

	pair->n_checks++;
	if (strcmp(check->service, "keep") == 0) {
		assert_true(pair->n_kept < KEPT_MAX);
		pair->kept[pair->n_kept++] = call;
		return;
	}
	resp.status = (Grpc__HealthCheckResponse__ServingStatus)strlen(check->service);
	ttrpc_reply(call, &resp.base);
}

static const struct ttrpc_method methods[] = { { "Check", on_check } };

static struct ttrpc_service services[] = {
	{ .desc = &grpc__health__descriptor, .methods = methods, .n_methods = ARRAY_LEN(methods) },
};

static void on_close(void *arg)
{
	((struct pair *)arg)->n_closed++;
}

void make_sockets(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
}

int pair_setup(void **state)
{
	struct pair *pair = xnew(struct pair);
	struct err err = ERR_INIT;
	int fds[2];

	make_sockets(fds);
	pair->base = event_base_new();
	services[0].arg = pair;
	pair->server = ttrpc_server_new(pair->base, services, ARRAY_LEN(services));
	assert_int_equal(ttrpc_server_serve(pair->server, fds[0], on_close, pair, &err), 0);
	pair->fd = fds[1];
	*state = pair;
	return 0;
}

int pair_teardown(void **state)
{
	struct pair *pair = *state;
	struct err err = ERR_INIT;

	ttrpc_server_free(pair->server);
	err_set(&err, ERR_CANCELLED, "test is over");
	for (size_t i = 0; i < pair->n_kept; i++)
		if (pair->kept[i])
			ttrpc_fail(pair->kept[i], &err);
	close_at(&pair->fd);
	event_base_free(pair->base);
	free(pair);
	return 0;
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

void loop_until(struct event_base *base, const bool *flag)
{
	static const struct timeval patience = { .tv_sec = 10 };
	bool late = false;
	struct event *timer = event_new(base, -1, 0, on_patience, &late);

	event_add(timer, &patience);
	while (!*flag && !late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(timer);
	assert_false(late);
}

void loop_idle(struct event_base *base)
{
	for (int i = 0; i < 50; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

void put_bytes(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		assert_true(n > 0);
		at += n;
		len -= (size_t)n;
	}
}

void put_frame(int fd, uint32_t stream, uint8_t type, uint8_t flags, const void *data, size_t len)
{
	struct ttrpc_header h = {
		.data_len = (uint32_t)len, .stream = stream, .type = type, .flags = flags
	};
	uint8_t buf[TTRPC_HEADER_LEN];

	ttrpc_header_write(buf, &h);
	put_bytes(fd, buf, sizeof(buf));
	if (len)
		put_bytes(fd, data, len);
}

static void put_message(int fd, uint32_t stream, uint8_t type, const ProtobufCMessage *msg)
{
	size_t len = protobuf_c_message_get_packed_size(msg);
	scoped_free uint8_t *data = xcalloc(1, len);

	protobuf_c_message_pack(msg, data);
	put_frame(fd, stream, type, 0, data, len);
}

void put_request(int fd, uint32_t stream, const char *service, const char *method,
		 const ProtobufCMessage *req)
{
	size_t len = req ? protobuf_c_message_get_packed_size(req) : 0;
	scoped_free uint8_t *data = xcalloc(1, len);
	Ttrpc__Request envelope = TTRPC__REQUEST__INIT;

	if (req)
		protobuf_c_message_pack(req, data);
	envelope.service = (char *)(uintptr_t)service;
	envelope.method = (char *)(uintptr_t)method;
	envelope.payload.data = data;
	envelope.payload.len = len;
	put_message(fd, stream, TTRPC_REQUEST, &envelope.base);
}

void put_check(int fd, uint32_t stream, const char *argument)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;

	req.service = (char *)(uintptr_t)argument;
	put_request(fd, stream, "grpc.Health", "Check", &req.base);
}

void put_response(int fd, uint32_t stream, const ProtobufCMessage *resp)
{
	put_message(fd, stream, TTRPC_RESPONSE, resp);
}

/* Exactly len bytes while the loop turns. */
static void get_bytes(struct event_base *base, int fd, uint8_t *data, size_t len)
{
	uint64_t deadline = clock_mono_ns() + PATIENCE_NS;

	while (len) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t n = read(fd, data, len);

		if (n < 0 && errno == EAGAIN) {
			assert_true(clock_mono_ns() < deadline);
			event_base_loop(base, EVLOOP_NONBLOCK);
			poll(&pfd, 1, 1);
			continue;
		}
		assert_true(n > 0);
		data += n;
		len -= (size_t)n;
	}
}

Ttrpc__Response *get_response(struct event_base *base, int fd, uint32_t *ret_stream)
{
	uint8_t buf[TTRPC_HEADER_LEN];
	struct ttrpc_header h;
	scoped_free uint8_t *data = NULL;
	Ttrpc__Response *resp;

	get_bytes(base, fd, buf, sizeof(buf));
	ttrpc_header_read(buf, &h);
	assert_int_equal(h.type, TTRPC_RESPONSE);
	assert_true(h.data_len <= TTRPC_DATA_MAX);
	data = xcalloc(1, h.data_len);
	get_bytes(base, fd, data, h.data_len);
	resp = ttrpc__response__unpack(NULL, h.data_len, data);
	assert_non_null(resp);
	*ret_stream = h.stream;
	return resp;
}
