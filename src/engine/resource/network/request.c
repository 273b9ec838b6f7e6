/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - what is asked for by hand: interfaces plugged and unplugged, routes set
 *
 * One after the other, each around a sync: the device must be there before the guest is told
 * anything of it.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/agent/agent.h"
#include "engine/resource/network/dan.h"
#include "engine/resource/network/network_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

/* The first of the list is the one that is being done. */
struct request {
	struct list node;
	struct network *network;
	enum network_verb verb;
	ProtobufCMessage *message; /* NULL: a list */
	bool begun;
	int link;
	network_answered *done;
	void *arg;
};

static void finish(struct request *request, const ProtobufCMessage *reply, const struct err *err)
{
	network_answered *done = request->done;
	void *arg = request->arg;

	list_remove(&request->node);
	network_run_soon(
		request->network); /* for the next one, and for changes that came meanwhile */
	if (request->message)
		protobuf_c_message_free_unpacked(request->message, NULL);
	free(request);
	done(arg, reply, err);
}

/* --- links by hand --- */

bool network_is_asked(const struct network *n, int link)
{
	for (size_t i = 0; i < n->n_by_hand; i++)
		if (n->by_hand[i] == link)
			return true;
	return false;
}

bool network_is_refused(const struct network *n, int link)
{
	return network_is_asked(n, -link);
}

int network_note(struct network *n, int link, bool refused, struct err *err)
{
	size_t i = 0;

	while (i < n->n_by_hand && abs(n->by_hand[i]) != link)
		i++;
	if (i == ARRAY_LEN(n->by_hand))
		return err_set(err, ERR_EXHAUSTED, "more than %d interfaces were asked for",
			       ENDPOINTS_MAX);
	n->by_hand[i] = refused ? -link : link;
	n->n_by_hand = MAX(n->n_by_hand, i + 1);
	return 0;
}

static int find_link(struct network *n, const Types__Interface *wanted, int *ret, struct err *err)
{
	const char *name = wanted->name[0] ? wanted->name : wanted->device;
	struct net_state state;
	int found = 0;

	if (net_read(n->net, &state, err) < 0)
		return -1;
	for (size_t i = 0; i < state.n_links && !found; i++) {
		char mac[NET_MAC_TEXT];

		net_mac_format(state.links[i].mac, mac);
		if (!network_is_ours(&state.links[i]) &&
		    (name[0] ? strcmp(state.links[i].name, name) == 0
			     : strcasecmp(mac, wanted->hwaddr) == 0))
			found = state.links[i].index;
	}
	net_state_done(&state);
	if (!found)
		return err_set(err, ERR_NOT_FOUND,
			       "network interface '%.40s' is not in the pod's network namespace",
			       name[0] ? name : wanted->hwaddr);
	*ret = found;
	return 0;
}

/* --- one request --- */

static struct request *first_of(const struct network *n)
{
	return container_of(n->requests.next, struct request, node);
}

/* The guest has taken it: from now on it is told so again and again. */
static void keep(const struct request *request)
{
	struct nic *nic = request->verb == NETWORK_ADD_INTERFACE
				  ? network_find_nic(request->network, request->link)
				  : NULL;

	if (!nic)
		return;
	message_drop(&nic->by_hand);
	nic->by_hand = (Types__Interface *)(void *)message_copy_any(request->message);
}

static void on_answered(struct op *op, const struct err *err)
{
	if (!err)
		keep(first_of(op->network));
	finish(first_of(op->network), op->reply, err);
}

static void ask(struct network *n, const char *method, const ProtobufCMessage *req)
{
	agent_call(n->agent, &grpc__agent_service__descriptor, method, req, AGENT_TIMEOUT_MS,
		   network_end_call, network_new_op(n, NULL, on_answered));
}

static void tell_interface(struct request *request)
{
	Grpc__UpdateInterfaceRequest req = GRPC__UPDATE_INTERFACE_REQUEST__INIT;
	const struct nic *nic = network_find_nic(request->network, request->link);
	struct err err = ERR_INIT;

	req.interface = (Types__Interface *)(void *)request->message;
	if (!nic) {
		err_set(&err, ERR_STATE, "network interface '%.40s' has gone", req.interface->name);
		finish(request, NULL, &err);
		return;
	}
	spec_set_string(&req.interface->devicepath, nic->pci_path);
	ask(request->network, "UpdateInterface", &req.base);
}

static void on_synced(void *arg, const struct err *err)
{
	struct request *request = arg;

	if (err || request->verb == NETWORK_REMOVE_INTERFACE)
		finish(request, NULL, err);
	else
		tell_interface(request);
}

static void change_interface(struct request *request)
{
	struct network *n = request->network;
	struct err err = ERR_INIT;

	if (n->dan) {
		err_set(&err, ERR_UNIMPLEMENTED,
			"the sandbox has the network devices of '%s', and no others", dan_path(n->dan));
		finish(request, NULL, &err);
		return;
	}
	if (find_link(n, (const void *)request->message, &request->link, &err) < 0 ||
	    network_note(n, request->link, request->verb == NETWORK_REMOVE_INTERFACE, &err) < 0)
		finish(request, NULL, &err);
	else
		network_sync(n, on_synced, request);
}

static void begin(struct request *request)
{
	Grpc__UpdateRoutesRequest routes = GRPC__UPDATE_ROUTES_REQUEST__INIT;
	const Grpc__ListInterfacesRequest list_interfaces = GRPC__LIST_INTERFACES_REQUEST__INIT;
	const Grpc__ListRoutesRequest list_routes = GRPC__LIST_ROUTES_REQUEST__INIT;

	request->begun = true;
	switch (request->verb) {
	case NETWORK_ADD_INTERFACE:
	case NETWORK_REMOVE_INTERFACE:
		change_interface(request);
		break;
	case NETWORK_UPDATE_ROUTES:
		routes.routes = (Grpc__Routes *)(void *)request->message;
		ask(request->network, "UpdateRoutes", &routes.base);
		break;
	case NETWORK_LIST_INTERFACES:
		ask(request->network, "ListInterfaces", &list_interfaces.base);
		break;
	case NETWORK_LIST_ROUTES:
		ask(request->network, "ListRoutes", &list_routes.base);
		break;
	}
}

void network_next_request(struct network *n)
{
	if (!list_empty(&n->requests) && !first_of(n)->begun && !n->done && n->agent)
		begin(first_of(n));
}

void network_drop_requests(struct network *n)
{
	struct err gone = ERR_INIT;

	err_set(&gone, ERR_UNAVAILABLE, "the virtual machine is gone");
	while (!list_empty(&n->requests))
		finish(first_of(n), NULL, &gone);
}

void network_request(struct network *n, enum network_verb verb, const ProtobufCMessage *message,
		     network_answered *done, void *arg)
{
	struct request *request = xnew(struct request);

	*request = (struct request){ .network = n,
				     .verb = verb,
				     .message = message ? message_copy_any(message) : NULL,
				     .done = done,
				     .arg = arg };
	list_add(&n->requests, &request->node);
	network_run_soon(n);
}
