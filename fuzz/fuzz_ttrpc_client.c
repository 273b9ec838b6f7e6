/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a guest to a client with three calls open. Each call ends exactly once, with a
 * message of the right type or with a printable error.
 */
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "fuzz.h"
#include "health.pb-c.h"
#include "lib/base/defs.h"
#include "lib/ttrpc/client.h"

#define INPUT_MAX 65536

struct open_call {
	const ProtobufCMessageDescriptor *output;
	size_t n;
};

static size_t n_closed;

static void on_close(void *arg, const struct err *why)
{
	(void)arg;
	fuzz_assert(why->code == ERR_UNAVAILABLE);
	n_closed++;
}

static void on_done(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct open_call *call = arg;

	call->n++;
	fuzz_assert(!resp != !err);
	if (resp)
		fuzz_assert(resp->descriptor == call->output);
	for (const char *at = err ? err->text : ""; *at; at++)
		fuzz_assert(*at >= ' ' && *at <= '~');
}

static void open_calls(struct ttrpc_client *client, struct open_call calls[3])
{
	Grpc__CheckRequest check = GRPC__CHECK_REQUEST__INIT;
	Grpc__ListInterfacesRequest list = GRPC__LIST_INTERFACES_REQUEST__INIT;
	Grpc__GuestDetailsRequest details = GRPC__GUEST_DETAILS_REQUEST__INIT;

	calls[0].output = &grpc__health_check_response__descriptor;
	calls[1].output = &grpc__interfaces__descriptor;
	calls[2].output = &grpc__guest_details_response__descriptor;
	ttrpc_client_call(client, &grpc__health__descriptor, "Check", &check.base, 0, on_done,
			  &calls[0]);
	ttrpc_client_call(client, &grpc__agent_service__descriptor, "ListInterfaces", &list.base, 0,
			  on_done, &calls[1]);
	ttrpc_client_call(client, &grpc__agent_service__descriptor, "GetGuestDetails",
			  &details.base, 0, on_done, &calls[2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	struct open_call calls[3] = { 0 };
	struct ttrpc_client *client;
	int fds[2];

	if (size > INPUT_MAX)
		return 0;
	if (!base)
		base = event_base_new();
	n_closed = 0;
	fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	client = ttrpc_client_new(base, fds[0], on_close, NULL);
	open_calls(client, calls);
	fuzz_assert(send(fds[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
	shutdown(fds[1], SHUT_WR);
	for (int i = 0; i < 16; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		fuzz_assert(calls[i].n == 1);
	fuzz_assert(n_closed == 1);
	ttrpc_client_free(client);
	close(fds[1]);
	return 0;
}
