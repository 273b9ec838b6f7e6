/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_network.c - the guest's interfaces, routes and neighbours
 *
 * UpdateInterface comes when the host has plugged a device, which the kernel still has to find
 * and its driver to be loaded: it waits for the link, and does the rest at once.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "agent.pb-c.h"
#include "agent/agent.h"
#include "agent/network.h"
#include "agent/rpc.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/ttrpc/server.h"

#define LINK_WAIT_MIN_MS 10000u /* a hot-plug under an emulated CPU takes seconds */

static struct network *get_network(struct agent *agent, struct err *err)
{
	if (!agent->network)
		err_set(err, ERR_UNAVAILABLE, "the agent has no connection to its network");
	return agent->network;
}

/* UpdateInterface */

struct update {
	struct agent *agent;
	struct ttrpc_call *call;
	struct network_interface want;
	struct net_watch *watch;
	struct event deadline;
	unsigned int timeout_ms;
};

static void free_update(struct update *u)
{
	net_watch_free(u->watch);
	event_del(&u->deadline);
	free(u);
}

static void on_cancelled(void *arg)
{
	free_update(arg);
}

static void fail_update(struct update *u, const struct err *err)
{
	struct ttrpc_call *call = u->call;

	log_error("interface not updated", "interface", u->want.name, "reason", err->text);
	free_update(u);
	ttrpc_fail(call, err);
}

/* With what the interface is like now. */
static int reply_interface(struct ttrpc_call *call, struct net *net, int index, struct err *err)
{
	const struct net_link *link;
	struct net_state state;
	int r = 0;

	if (net_read(net, &state, err) < 0)
		return -1;
	link = net_find_index(&state, index);
	if (link) {
		Types__Interface *resp = network_write_interface(&state, link);

		ttrpc_reply(call, &resp->base);
		types__interface__free_unpacked(resp, NULL);
	} else {
		r = err_set(err, ERR_NOT_FOUND, "it is gone again");
	}
	net_state_done(&state);
	return r;
}

/* 1: the call is answered; 0: the link is not there yet. */
static int try_update(struct update *u, struct err *err)
{
	struct network *n = u->agent->network;
	const struct net_link *link;
	struct net_state state;
	int index, r;

	if (net_read(n->net, &state, err) < 0)
		return -1;
	link = network_find(&state, &u->want);
	index = link ? link->index : 0;
	r = link ? network_update_interface(n, &state, link, &u->want, err) : 0;
	net_state_done(&state);
	if (r < 0 || !index)
		return r;
	if (reply_interface(u->call, n->net, index, err) < 0)
		return err_wrap(err, "interface '%s'", u->want.name);
	log_info("interface updated", "interface", u->want.name);
	return 1;
}

static void go_on(struct update *u)
{
	struct err err = ERR_INIT;
	int r = try_update(u, &err);

	if (r < 0)
		fail_update(u, &err);
	else if (r > 0)
		free_update(u);
}

static void on_changed(void *arg)
{
	go_on(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct update *u = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	err_set(&err, ERR_TIMEOUT, "interface '%s': its device did not come within %u ms",
		u->want.name, u->timeout_ms);
	fail_update(u, &err);
}

void rpc_update_interface(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__UpdateInterfaceRequest *req = (const Grpc__UpdateInterfaceRequest *)msg;
	struct agent *agent = arg;
	const unsigned int timeout_ms = MAX(agent->options.hotplug_timeout_ms, LINK_WAIT_MIN_MS);
	const struct timeval limit = { .tv_sec = timeout_ms / 1000,
				       .tv_usec = timeout_ms % 1000 * 1000 };
	struct update *u = xnew(struct update);
	struct err err = ERR_INIT;

	*u = (struct update){ .agent = agent, .call = call, .timeout_ms = timeout_ms };
	event_assign(&u->deadline, agent->base, -1, 0, on_deadline, u);
	if (!req->interface)
		err_set(&err, ERR_INVALID, "no interface");
	else if (network_read_interface(req->interface, &u->want, &err) == 0 &&
		 get_network(agent, &err))
		/* Watch first, look then: a link that comes in between is seen by one of the two.
		 */
		u->watch = net_watch_new(agent->base, on_changed, u, &err);
	if (!u->watch) {
		fail_update(u, &err);
		return;
	}
	ttrpc_call_on_cancel(call, on_cancelled, u);
	event_add(&u->deadline, &limit);
	go_on(u);
}

/* Routes and neighbours */

static void reply_routes(struct ttrpc_call *call, struct network *n)
{
	struct err err = ERR_INIT;
	struct net_state state;
	Grpc__Routes *resp;

	if (net_read(n->net, &state, &err) < 0) {
		ttrpc_fail(call, &err);
		return;
	}
	resp = network_write_routes(&state);
	ttrpc_reply(call, &resp->base);
	grpc__routes__free_unpacked(resp, NULL);
	net_state_done(&state);
}

static int update_routes(struct agent *agent, const Grpc__Routes *msg, struct err *err)
{
	const size_t n = msg ? msg->n_routes : 0;
	scoped_free struct network_route *list = NULL;

	if (n > NETWORK_ROUTES_MAX)
		return err_set(err, ERR_INVALID, "more than %d routes", NETWORK_ROUTES_MAX);
	list = xcalloc(n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		if (network_read_route(msg->routes[i], &list[i], err) < 0)
			return -1;
	if (!get_network(agent, err))
		return -1;
	return network_update_routes(agent->network, list, n, err);
}

void rpc_update_routes(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__UpdateRoutesRequest *req = (const Grpc__UpdateRoutesRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	if (update_routes(agent, req->routes, &err) < 0) {
		log_error("routes not updated", "reason", err.text);
		ttrpc_fail(call, &err);
		return;
	}
	reply_routes(call, agent->network);
}

static int add_neighbours(struct agent *agent, const Grpc__ARPNeighbors *msg, struct err *err)
{
	const size_t n = msg ? msg->n_arpneighbors : 0;
	scoped_free struct network_neighbour *list = NULL;

	if (n > NETWORK_NEIGHBOURS_MAX)
		return err_set(err, ERR_INVALID, "more than %d neighbours", NETWORK_NEIGHBOURS_MAX);
	list = xcalloc(n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		if (network_read_neighbour(msg->arpneighbors[i], &list[i], err) < 0)
			return -1;
	if (!get_network(agent, err))
		return -1;
	return network_add_neighbours(agent->network, list, n, err);
}

void rpc_add_arp_neighbors(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__AddARPNeighborsRequest *req = (const Grpc__AddARPNeighborsRequest *)msg;
	struct err err = ERR_INIT;

	if (add_neighbours(arg, req->neighbors, &err) < 0)
		log_error("neighbours not added", "reason", err.text);
	rpc_end(call, &err);
}

/* What there is */

void rpc_list_interfaces(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	struct err err = ERR_INIT;
	struct network *n = get_network(arg, &err);
	struct net_state state;
	Grpc__Interfaces *resp;

	(void)msg;
	if (!n || net_read(n->net, &state, &err) < 0) {
		ttrpc_fail(call, &err);
		return;
	}
	resp = network_write_interfaces(&state);
	ttrpc_reply(call, &resp->base);
	grpc__interfaces__free_unpacked(resp, NULL);
	net_state_done(&state);
}

void rpc_list_routes(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	struct err err = ERR_INIT;
	struct network *n = get_network(arg, &err);

	(void)msg;
	if (n)
		reply_routes(call, n);
	else
		ttrpc_fail(call, &err);
}
