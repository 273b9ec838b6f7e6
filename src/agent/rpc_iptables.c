/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_iptables.c - GetIPTables, SetIPTables
 */
#include "agent.pb-c.h"
#include "agent/iptables.h"
#include "agent/rpc.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/server.h"

struct request {
	struct ttrpc_call *call;
	struct iptables *run;
	bool sets;
};

/* The program goes on to its end; a change that was begun is not left in the middle. */
static void on_cancelled(void *arg)
{
	struct request *r = arg;

	r->call = NULL;
}

static void reply(const struct request *r, const char *text, size_t len)
{
	Grpc__GetIPTablesResponse got = GRPC__GET_IPTABLES_RESPONSE__INIT;
	Grpc__SetIPTablesResponse set = GRPC__SET_IPTABLES_RESPONSE__INIT;

	got.data = set.data =
		(ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)text, .len = len };
	ttrpc_reply(r->call, r->sets ? &set.base : &got.base);
}

static void on_done(void *arg, const char *text, size_t len, const struct err *err)
{
	struct request *r = arg;

	if (r->call) {
		ttrpc_call_on_cancel(r->call, NULL, NULL);
		if (err)
			ttrpc_fail(r->call, err);
		else
			reply(r, text, len);
	}
	free(r);
}

static void begin(struct ttrpc_call *call, struct agent *agent, bool ipv6,
		  const ProtobufCBinaryData *rules)
{
	static const uint8_t none[1];
	struct request *r = xnew(struct request);
	struct err err = ERR_INIT;

	*r = (struct request){ .call = call, .sets = rules != NULL };
	r->run = iptables_run(agent, ipv6, rules ? (rules->data ? rules->data : none) : NULL,
			      rules ? rules->len : 0, on_done, r, &err);
	if (r->run) {
		ttrpc_call_on_cancel(call, on_cancelled, r);
		return;
	}
	free(r);
	ttrpc_fail(call, &err);
}

void rpc_get_iptables(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__GetIPTablesRequest *req = (const void *)msg;

	begin(call, arg, req->is_ipv6, NULL);
}

void rpc_set_iptables(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__SetIPTablesRequest *req = (const void *)msg;

	begin(call, arg, req->is_ipv6, &req->data);
}
