/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_resolver.c - kata.guest.Resolver
 */
#include "agent/agent.h"
#include "agent/resolver.h"
#include "agent/rpc.h"
#include "lib/log/log.h"
#include "lib/ttrpc/server.h"
#include "resolver.pb-c.h"

void rpc_resolver_listen(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Kata__Guest__ListenRequest *req = (const void *)msg;
	Kata__Guest__ListenResponse resp = KATA__GUEST__LISTEN_RESPONSE__INIT;
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	if (resolver_listen(agent->resolver, req->address, &err) < 0) {
		ttrpc_fail(call, &err);
		return;
	}
	log_info("names are asked", "address", req->address);
	ttrpc_reply(call, &resp.base);
}

void rpc_resolver_next(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	struct agent *agent = arg;

	(void)msg;
	resolver_next(agent->resolver, call);
}

void rpc_resolver_answer(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Kata__Guest__AnswerRequest *req = (const void *)msg;
	Kata__Guest__AnswerResponse resp = KATA__GUEST__ANSWER_RESPONSE__INIT;
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	if (resolver_answer(agent->resolver, req->id, req->message.data, req->message.len, &err) <
	    0)
		ttrpc_fail(call, &err);
	else
		ttrpc_reply(call, &resp.base);
}
