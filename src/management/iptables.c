/* SPDX-License-Identifier: Apache-2.0 */
#include "management/iptables.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

#include "agent.pb-c.h"
#include "engine/engine.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"
#include "management/answer.h"
#include "task/task.h"

struct iptables_server {
	struct tasks *tasks;
	struct list waits;
	size_t n_waits;
};

/* A request that the guest is being asked for. */
struct wait {
	struct list node;               /* in server->waits */
	struct iptables_server *server; /* NULL: gone */
	struct evhttp_request *req;     /* NULL: nobody waits any more */
	bool sets;
};

static void on_hung_up(struct evhttp_connection *conn, void *arg)
{
	struct wait *wait = arg;

	(void)conn;
	wait->req = NULL; /* it goes with its connection */
}

static void leave(struct wait *wait)
{
	list_remove(&wait->node);
	if (wait->server)
		wait->server->n_waits--;
	wait->server = NULL;
}

static void on_answered(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct wait *wait = arg;
	struct evhttp_request *req = wait->req;
	const ProtobufCBinaryData *data = NULL;

	if (resp)
		data = wait->sets ? &((const Grpc__SetIPTablesResponse *)(const void *)resp)->data
				  : &((const Grpc__GetIPTablesResponse *)(const void *)resp)->data;
	leave(wait);
	free(wait);
	if (!req)
		return;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	if (err)
		answer_error(req, err);
	else
		answer_bytes(req, HTTP_OK, "OK", TEXT_PLAIN, (const char *)data->data, data->len);
}

static void ask(struct ttrpc_client *agent, struct wait *wait, bool ipv6)
{
	Grpc__GetIPTablesRequest get = GRPC__GET_IPTABLES_REQUEST__INIT;
	Grpc__SetIPTablesRequest set = GRPC__SET_IPTABLES_REQUEST__INIT;
	struct evbuffer *body = evhttp_request_get_input_buffer(wait->req);

	get.is_ipv6 = set.is_ipv6 = ipv6;
	set.data.len = evbuffer_get_length(body);
	set.data.data = set.data.len ? evbuffer_pullup(body, -1) : NULL;
	ttrpc_client_call(agent, &grpc__agent_service__descriptor,
			  wait->sets ? "SetIPTables" : "GetIPTables",
			  wait->sets ? &set.base : &get.base, IPTABLES_MS, on_answered, wait);
}

void iptables_serve(struct iptables_server *server, struct evhttp_request *req, bool ipv6)
{
	struct sandbox *sb = tasks_sandbox(server->tasks);
	struct ttrpc_client *agent = sb ? sandbox_agent(sb) : NULL;
	struct wait *wait;

	if (!agent) {
		answer_unavailable(req, "the sandbox has no virtual machine\n");
		return;
	}
	if (server->n_waits >= IPTABLES_WAITS_MAX) {
		answer_unavailable(req, "too many requests for packet filters at once\n");
		return;
	}
	wait = xnew(struct wait);
	*wait = (struct wait){ .server = server,
			       .req = req,
			       .sets = evhttp_request_get_command(req) == EVHTTP_REQ_PUT };
	list_add(&server->waits, &wait->node);
	server->n_waits++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_hung_up, wait);
	ask(agent, wait, ipv6);
}

/* --- life --- */

struct iptables_server *iptables_server_new(struct tasks *tasks)
{
	struct iptables_server *server = xnew(struct iptables_server);

	server->tasks = tasks;
	list_init(&server->waits);
	return server;
}

/* Those that are still out are told by the agent's client, and find nobody to answer. */
void iptables_server_free(struct iptables_server *server)
{
	if (!server)
		return;
	list_for_each_safe(&server->waits, struct wait, node, wait) {
		if (wait->req)
			evhttp_connection_set_closecb(evhttp_request_get_connection(wait->req),
						      NULL, NULL);
		wait->req = NULL;
		leave(wait);
	}
	free(server);
}
