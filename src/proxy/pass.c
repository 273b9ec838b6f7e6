/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass.c - carry a call to the agent and its answer back, bytes untouched
 *
 * For kata-shim and kata-agent-ctl, which speak the agent's protocol to proxy.sock. A
 * caller that hangs up cancels its call; a guest that goes away fails all of them.
 */
#include <stdlib.h>

#include "agent.pb-c.h"
#include "engine/engine.h"
#include "health.pb-c.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"
#include "proxy/proxy.h"

struct passed {
	struct ttrpc_call *call;
	struct tasks *tasks;
	struct ttrpc_client *client; /* only compared: it may be gone */
	uint64_t id;
};

static void on_answer(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	struct passed passed = *(struct passed *)arg;

	free(arg);
	if (err)
		ttrpc_fail(passed.call, err);
	else
		ttrpc_reply_raw(passed.call, payload, len);
}

static struct ttrpc_client *find_agent(const struct tasks *tasks)
{
	struct sandbox *sb = tasks_sandbox(tasks);

	return sb ? sandbox_agent(sb) : NULL;
}

static void on_hung_up(void *arg)
{
	struct passed *passed = arg;

	if (find_agent(passed->tasks) == passed->client)
		ttrpc_client_cancel(passed->client, passed->id);
	free(passed);
}

static void pass(const char *service, struct ttrpc_call *call, const char *method,
		 const uint8_t *payload, size_t len, uint32_t timeout_ms, struct tasks *tasks)
{
	struct ttrpc_client *client = find_agent(tasks);
	struct passed *passed;

	if (!client) {
		struct err err = ERR_INIT;

		err_set(&err, ERR_UNAVAILABLE, "call '%s': there is no agent", method);
		ttrpc_fail(call, &err);
		return;
	}
	passed = xnew(struct passed);
	*passed = (struct passed){ .call = call, .tasks = tasks, .client = client };
	passed->id = ttrpc_client_call_raw(client, service, method, payload, len, timeout_ms,
					   on_answer, passed);
	ttrpc_call_on_cancel(call, on_hung_up, passed);
}

static void pass_agent(struct ttrpc_call *call, const char *method, const uint8_t *payload,
		       size_t len, uint32_t timeout_ms, void *tasks)
{
	pass("grpc.AgentService", call, method, payload, len, timeout_ms, tasks);
}

static void pass_health(struct ttrpc_call *call, const char *method, const uint8_t *payload,
			size_t len, uint32_t timeout_ms, void *tasks)
{
	pass("grpc.Health", call, method, payload, len, timeout_ms, tasks);
}

struct ttrpc_service pass_agent_service(struct tasks *tasks)
{
	return (struct ttrpc_service){ .desc = &grpc__agent_service__descriptor,
				       .raw = pass_agent,
				       .arg = tasks };
}

struct ttrpc_service pass_health_service(struct tasks *tasks)
{
	return (struct ttrpc_service){ .desc = &grpc__health__descriptor,
				       .raw = pass_health,
				       .arg = tasks };
}
