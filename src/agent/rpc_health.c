/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_health.c - grpc.Health: who reads this answer knows that the agent serves
 */
#include "agent.pb-c.h"
#include "agent/rpc.h"
#include "health.pb-c.h"
#include "lib/ttrpc/server.h"

/* Of the protocol, as Kata's agent says it. */
#define GRPC_VERSION "0.0.1"

void rpc_check(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;

	(void)msg;
	(void)arg;
	resp.status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	ttrpc_reply(call, &resp.base);
}

void rpc_version(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	static char grpc_version[] = GRPC_VERSION;
	static char agent_version[] = KATA_VERSION;
	Grpc__VersionCheckResponse resp = GRPC__VERSION_CHECK_RESPONSE__INIT;

	(void)msg;
	(void)arg;
	resp.grpc_version = grpc_version;
	resp.agent_version = agent_version;
	ttrpc_reply(call, &resp.base);
}

void rpc_end(struct ttrpc_call *call, const struct err *err)
{
	Grpc__Empty empty = GRPC__EMPTY__INIT;

	if (err && err->code != ERR_OK)
		ttrpc_fail(call, err);
	else
		ttrpc_reply(call, &empty.base);
}
