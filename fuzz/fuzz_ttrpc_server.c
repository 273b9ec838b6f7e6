/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a peer to a server. Half of the calls are answered, half are kept until the peer
 * is gone. Afterwards no call is left, and every kept one was cancelled.
 */
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "health.pb-c.h"
#include "lib/ttrpc/server.h"

#define INPUT_MAX 65536 /* so that a socket's buffer holds it */

static size_t n_kept, n_cancelled;

static void on_cancel(void *arg)
{
	(void)arg;
	n_cancelled++;
}

static void handle_check(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	(void)arg;
	fuzz_assert(req->descriptor == &grpc__check_request__descriptor);
	n_kept++;
	ttrpc_call_on_cancel(call, on_cancel, NULL);
}

static void handle_version(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	Grpc__VersionCheckResponse resp = GRPC__VERSION_CHECK_RESPONSE__INIT;

	(void)arg;
	fuzz_assert(req->descriptor == &grpc__check_request__descriptor);
	ttrpc_reply(call, &resp.base);
}

static const struct ttrpc_method methods[] = {
	{ "Check", handle_check },
	{ "Version", handle_version },
};

static const struct ttrpc_service services[] = {
	{ .desc = &grpc__health__descriptor, .methods = methods, .n_methods = 2 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	struct ttrpc_server *server;
	struct err err = ERR_INIT;
	int fds[2];

	if (size > INPUT_MAX)
		return 0;
	if (!base)
		base = event_base_new();
	n_kept = n_cancelled = 0;
	fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	server = ttrpc_server_new(base, services, 1);
	fuzz_assert(ttrpc_server_serve(server, fds[0], NULL, NULL, &err) == 0);
	fuzz_assert(send(fds[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	event_base_loop(base, EVLOOP_NONBLOCK);
	shutdown(fds[1], SHUT_WR);
	for (int i = 0; i < 16; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	fuzz_assert(ttrpc_server_calls(server) == 0);
	fuzz_assert(n_kept == n_cancelled);
	ttrpc_server_free(server);
	close(fds[1]);
	return 0;
}
