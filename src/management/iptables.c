/* SPDX-License-Identifier: Apache-2.0 */
#include "management/iptables.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

#include "agent.pb-c.h"
#include "engine/engine.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"
#include "management/answer.h"
#include "management/wait.h"
#include "task/task.h"

struct iptables_server {
	struct tasks *tasks;
	struct waits waits;
};

static void finish(struct wait *wait, const ProtobufCBinaryData *data, const struct err *err)
{
	struct evhttp_request *req = wait_end(wait);

	if (req && err)
		answer_error(req, err);
	else if (req)
		answer_bytes(req, HTTP_OK, "OK", TEXT_PLAIN, (const char *)data->data, data->len);
}

static void on_set(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const Grpc__SetIPTablesResponse *reply = (const void *)resp;

	finish(arg, reply ? &reply->data : NULL, err);
}

static void on_got(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const Grpc__GetIPTablesResponse *reply = (const void *)resp;

	finish(arg, reply ? &reply->data : NULL, err);
}

static void ask(struct ttrpc_client *agent, struct wait *wait, bool ipv6)
{
	Grpc__GetIPTablesRequest get = GRPC__GET_IPTABLES_REQUEST__INIT;
	Grpc__SetIPTablesRequest set = GRPC__SET_IPTABLES_REQUEST__INIT;
	struct evbuffer *body = evhttp_request_get_input_buffer(wait->req);
	bool sets = evhttp_request_get_command(wait->req) == EVHTTP_REQ_PUT;

	get.is_ipv6 = set.is_ipv6 = ipv6;
	set.data.len = evbuffer_get_length(body);
	set.data.data = set.data.len ? evbuffer_pullup(body, -1) : NULL;
	ttrpc_client_call(agent, &grpc__agent_service__descriptor,
			  sets ? "SetIPTables" : "GetIPTables", sets ? &set.base : &get.base,
			  IPTABLES_MS, sets ? on_set : on_got, wait);
}

void iptables_serve(struct iptables_server *server, struct evhttp_request *req, bool ipv6)
{
	struct sandbox *sb = tasks_sandbox(server->tasks);
	struct ttrpc_client *agent = sb ? sandbox_agent(sb) : NULL;

	if (!agent) {
		answer_unavailable(req, "the sandbox has no virtual machine\n");
		return;
	}
	if (server->waits.n >= IPTABLES_WAITS_MAX) {
		answer_unavailable(req, "too many requests for packet filters at once\n");
		return;
	}
	ask(agent, wait_new(&server->waits, req), ipv6);
}

/* --- life --- */

struct iptables_server *iptables_server_new(struct tasks *tasks)
{
	struct iptables_server *server = xnew(struct iptables_server);

	server->tasks = tasks;
	waits_init(&server->waits);
	return server;
}

/* Those that are still out are told by the agent's client, and find nobody to answer. */
void iptables_server_free(struct iptables_server *server)
{
	if (!server)
		return;
	waits_done(&server->waits);
	free(server);
}
