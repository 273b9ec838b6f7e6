/* SPDX-License-Identifier: Apache-2.0 */
/* proxy/pass.c: calls of the agent's protocol on their way through the supervisor */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "agent.pb-c.h"
#include "fake_engine.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"
#include "lib/ttrpc/server.h"
#include "proxy/proxy.h"

/* A guest that answers StartContainer, keeps WaitProcess and refuses PauseContainer. */
struct world {
	struct event_base *base;
	struct ttrpc_service guest_service, services[2];
	struct ttrpc_server *guest, *proxy;
	struct ttrpc_client *client;
	struct tasks *tasks;
	struct sandbox sandbox;
	struct ttrpc_call *kept;
	bool has_sandbox;
	char started[32];
};

static struct world *world; /* tasks_sandbox() is ours here */

struct sandbox *tasks_sandbox(const struct tasks *tasks)
{
	(void)tasks;
	return world->has_sandbox ? &world->sandbox : NULL;
}

static void guest_start(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	Grpc__Empty resp = GRPC__EMPTY__INIT;
	struct world *w = arg;

	strncpy(w->started, ((const Grpc__StartContainerRequest *)(const void *)req)->container_id,
		sizeof(w->started) - 1);
	ttrpc_reply(call, &resp.base);
}

static void guest_wait(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	(void)req;
	((struct world *)arg)->kept = call;
}

static void guest_pause(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct err err = ERR_INIT;

	(void)req;
	(void)arg;
	err_set(&err, ERR_STATE, "already frozen");
	ttrpc_fail(call, &err);
}

static const struct ttrpc_method guest_methods[] = {
	{ "StartContainer", guest_start },
	{ "WaitProcess", guest_wait },
	{ "PauseContainer", guest_pause },
};

static void turn(void)
{
	for (int i = 0; i < 50; i++)
		event_base_loop(world->base, EVLOOP_NONBLOCK);
}

static struct ttrpc_client *connect_to(struct ttrpc_server *server)
{
	struct err err = ERR_INIT;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ttrpc_server_serve(server, fds[0], NULL, NULL, &err), 0);
	return ttrpc_client_new(world->base, fds[1], NULL, NULL);
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	world = w;
	w->base = event_base_new();
	w->guest_service = (struct ttrpc_service){ .desc = &grpc__agent_service__descriptor,
						   .methods = guest_methods,
						   .n_methods = ARRAY_LEN(guest_methods),
						   .arg = w };
	w->guest = ttrpc_server_new(w->base, &w->guest_service, 1);
	w->services[0] = pass_agent_service(w->tasks);
	w->services[1] = pass_health_service(w->tasks);
	w->proxy = ttrpc_server_new(w->base, w->services, 2);
	w->sandbox.agent = connect_to(w->guest);
	w->has_sandbox = true;
	w->client = connect_to(w->proxy);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ttrpc_client_free(w->client);
	turn();
	assert_int_equal(ttrpc_server_calls(w->proxy), 0);
	ttrpc_server_free(w->proxy);
	ttrpc_client_free(w->sandbox.agent);
	turn();
	ttrpc_server_free(w->guest);
	if (w->kept) {
		struct err err = ERR_INIT;

		err_set(&err, ERR_CANCELLED, "over");
		ttrpc_fail(w->kept, &err);
	}
	event_base_free(w->base);
	free(w);
	return 0;
}

struct answer {
	bool over;
	struct err err;
};

static void on_answer(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct answer *a = arg;

	assert_true(!resp != !err);
	a->over = true;
	if (err)
		a->err = *err;
}

static void ask(const char *method, const ProtobufCMessage *req, uint32_t timeout_ms,
		struct answer *a)
{
	*a = (struct answer){ 0 };
	ttrpc_client_call(world->client, &grpc__agent_service__descriptor, method, req, timeout_ms,
			  on_answer, a);
	turn();
}

static void a_call_and_its_answer_pass(void **state)
{
	Grpc__StartContainerRequest req = GRPC__START_CONTAINER_REQUEST__INIT;
	char id[] = "c1";
	struct answer a;

	(void)state;
	req.container_id = id;
	ask("StartContainer", &req.base, 0, &a);
	assert_true(a.over);
	assert_string_equal(a.err.text, "");
	assert_string_equal(world->started, "c1");
}

static void an_error_passes_with_its_code(void **state)
{
	Grpc__PauseContainerRequest req = GRPC__PAUSE_CONTAINER_REQUEST__INIT;
	struct answer a;

	(void)state;
	ask("PauseContainer", &req.base, 0, &a);
	assert_int_equal(a.err.code, ERR_STATE);
	assert_non_null(strstr(a.err.text, "already frozen"));
	ask("GetMetrics", &req.base, 0, &a);
	assert_int_equal(a.err.code, ERR_UNIMPLEMENTED);
}

static void a_caller_that_hangs_up_leaves_nothing_behind(void **state)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	Grpc__WaitProcessResponse resp = GRPC__WAIT_PROCESS_RESPONSE__INIT;
	struct answer a;

	(void)state;
	ask("WaitProcess", &req.base, 0, &a);
	assert_int_equal(ttrpc_server_calls(world->proxy), 1);
	ttrpc_client_free(world->client);
	turn();
	assert_int_equal(ttrpc_server_calls(world->proxy), 0);
	ttrpc_reply(take_ptr(&world->kept), &resp.base); /* and finds nobody */
	world->client = connect_to(world->proxy);
	turn();
	assert_false(a.over);
	ask("StartContainer", &req.base, 0, &a);
	assert_true(a.over && a.err.code == ERR_OK);
}

static void a_deadline_passes_too(void **state)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	struct answer a;

	(void)state;
	ask("WaitProcess", &req.base, 20, &a);
	while (!a.over || ttrpc_server_calls(world->guest))
		event_base_loop(world->base, EVLOOP_ONCE);
	assert_int_equal(a.err.code, ERR_TIMEOUT);
	assert_int_equal(ttrpc_server_calls(world->proxy), 0);
}

static void a_guest_that_goes_away_fails_what_is_on_its_way(void **state)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	struct answer a;

	(void)state;
	ask("WaitProcess", &req.base, 0, &a);
	ttrpc_server_free(world->guest);
	world->guest = NULL;
	turn();
	assert_true(a.over);
	assert_int_equal(a.err.code, ERR_UNAVAILABLE);
}

static void without_an_agent_it_says_so(void **state)
{
	Grpc__StartContainerRequest req = GRPC__START_CONTAINER_REQUEST__INIT;
	struct answer a;

	(void)state;
	world->has_sandbox = false;
	ask("StartContainer", &req.base, 0, &a);
	assert_int_equal(a.err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(a.err.text, "there is no agent"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_call_and_its_answer_pass),
		TEST(an_error_passes_with_its_code),
		TEST(a_caller_that_hangs_up_leaves_nothing_behind),
		TEST(a_deadline_passes_too),
		TEST(a_guest_that_goes_away_fails_what_is_on_its_way),
		TEST(without_an_agent_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
