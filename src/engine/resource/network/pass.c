/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass.c - from what the pod's namespace has to what the VM and the guest are given
 *
 * The table at the end has what a pass does, in order. A stage that has to wait for an answer ends
 * the pass; the next one begins anew with what the namespace has by then.
 */
#include <stdio.h>
#include <string.h>

#include "engine/agent/agent.h"
#include "engine/resource/network/guest.h"
#include "engine/resource/network/network_priv.h"
#include "engine/vmm/vmm.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"

/* --- one device --- */

struct nic *network_find_nic(const struct network *n, int link)
{
	list_for_each(&n->nics, struct nic, node, nic)
		if (nic->ep.plan.link == link)
			return nic;
	return NULL;
}

static int take_slot(struct network *n, unsigned int *ret, struct err *err)
{
	for (unsigned int slot = 1; slot <= VM_NIC_SLOTS; slot++) {
		if (n->slots & 1u << slot)
			continue;
		n->slots |= 1u << slot;
		*ret = slot;
		return 0;
	}
	return err_set(err, ERR_EXHAUSTED, "no free slot: a virtual machine has %d network devices",
		       VM_NIC_SLOTS);
}

void network_drop_nic(struct network *n, struct nic *nic)
{
	struct err err = ERR_INIT;

	if (endpoint_disconnect(&n->context, &nic->ep, &err) < 0)
		n->warned(n->arg, &err);
	list_remove(&nic->node);
	message_drop(&nic->told);
	message_drop(&nic->by_hand);
	handed_free(nic->handed);
	free(nic);
}

static int connect_nic(struct network *n, const struct net_state *state,
		       const struct endpoint_plan *plan, struct err *err)
{
	struct nic *nic;
	unsigned int slot;

	if (take_slot(n, &slot, err) < 0)
		return err_wrap(err, "network interface '%s'", plan->name);
	nic = xnew(struct nic);
	nic->slot = slot;
	nic->carrier = true; /* as a device is when it is new */
	(void)snprintf(nic->id, sizeof(nic->id), "network-%u", n->n_made++);
	(void)snprintf(nic->pci_path, sizeof(nic->pci_path), VM_NIC_PATH, slot);
	if (endpoint_connect(&n->context, plan, &nic->ep, err) < 0) {
		n->slots &= ~(1u << slot);
		free(nic);
		return err_wrap(err, "network interface '%s'", plan->name);
	}
	nic->n_queues = MAX(nic->ep.tap.n_fds, (size_t)1);
	if (plan->kind == ENDPOINT_VHOST_USER)
		nic->n_queues = MAX(plan->n_queues, (size_t)1);
	if (plan->kind == ENDPOINT_PHYSICAL)
		nic->handed = handed_remember(state, plan->link);
	list_add(&n->nics, &nic->node);
	return 0;
}

/* --- operations --- */

struct op *network_new_op(struct network *n, struct nic *nic,
			  void (*answered)(struct op *op, const struct err *err))
{
	struct op *op = xnew(struct op);

	*op = (struct op){ .network = n, .nic = nic, .answered = answered };
	list_add(&n->ops, &op->node);
	if (nic)
		nic->busy = true;
	return op;
}

static void fail(struct network *n, const struct nic *nic, const struct err *why)
{
	struct err err = *why;

	if (nic)
		err_wrap(&err, "network interface '%s'", nic->ep.plan.name);
	err_keep_first(&n->first, &err);
}

static void end_op(void *arg, const struct err *err)
{
	struct op *op = arg;
	struct network *n = op->network;

	list_remove(&op->node);
	if (op->nic)
		op->nic->busy = false;
	op->answered(op, err);
	free(op);
	if (list_empty(&n->ops))
		network_run_soon(n);
}

void network_end_call(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	struct op *op = arg;

	op->reply = reply;
	end_op(op, err);
}

static void on_plain(struct op *op, const struct err *err)
{
	if (!err)
		return;
	fail(op->network, op->nic, err);
	op->nic->failed = true;
}

/* Without a device that has them too, the descriptors keep the tap for the next try. */
static void on_plugged(struct op *op, const struct err *err)
{
	on_plain(op, err);
	op->nic->plugged = !err;
	if (!err)
		endpoint_close_fds(&op->nic->ep);
}

/* A guest that does not let go keeps the slot; nothing is behind the device any more. */
static void on_unplugged(struct op *op, const struct err *err)
{
	struct network *n = op->network;

	if (err)
		fail(n, op->nic, err);
	else
		n->slots &= ~(1u << op->nic->slot);
	network_drop_nic(n, op->nic);
}

static void on_told(struct op *op, const struct err *err)
{
	on_plain(op, err);
	if (err)
		message_drop(&op->nic->told);
}

static void forget_list(struct told_list *list)
{
	protobuf_c_message_free_unpacked(list->told, NULL);
	list->told = NULL;
}

static void on_told_list(struct op *op, const struct err *err)
{
	if (!err)
		return;
	fail(op->network, NULL, err);
	op->list->failed = true;
	forget_list(op->list);
}

/* --- stages --- */

static const struct endpoint_plan *find_plan(const struct view *view, int link)
{
	for (size_t i = 0; i < view->n_plans; i++)
		if (view->plans[i].link == link)
			return &view->plans[i];
	return NULL;
}

/*
 * What a device is made for, and cannot change while it is there. That VLAN links stand on it can:
 * connecting the first of them lets their frames pass.
 */
static bool is_same_device(const struct endpoint_plan *a, const struct endpoint_plan *b)
{
	return a->kind == b->kind && a->model == b->model &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->vlan_parent == b->vlan_parent &&
	       strcmp(a->pci, b->pci) == 0 && strcmp(a->socket, b->socket) == 0;
}

static bool has_lost_tap(const struct net_state *state, const struct endpoint *ep)
{
	return ep->tap.index > 0 && !net_find_index(state, ep->tap.index);
}

/* The routes through a device go with it. */
void network_forget_routes(struct network *n)
{
	forget_list(&n->routes);
	forget_list(&n->neighbours);
}

static void unplug(struct network *n, struct nic *nic)
{
	network_forget_routes(n);
	if (nic->plugged) {
		vmm_remove_nic(n->vmm, nic->id, NETWORK_UNPLUG_MS, end_op,
			       network_new_op(n, nic, on_unplugged));
		return;
	}
	n->slots &= ~(1u << nic->slot);
	network_drop_nic(n, nic);
}

static void release_gone(struct network *n, const struct view *view)
{
	list_for_each_safe(&n->nics, struct nic, node, nic) {
		const struct endpoint_plan *plan = find_plan(view, nic->ep.plan.link);

		if (!plan || !is_same_device(plan, &nic->ep.plan) ||
		    has_lost_tap(&view->state, &nic->ep))
			unplug(n, nic);
	}
}

int network_connect_new(struct network *n, const struct view *view, struct err *err)
{
	for (size_t i = 0; i < view->n_plans; i++)
		if (!network_find_nic(n, view->plans[i].link) &&
		    connect_nic(n, &view->state, &view->plans[i], err) < 0)
			return -1;
	return 0;
}

static void connect_new(struct network *n, const struct view *view)
{
	struct err err = ERR_INIT;

	if (network_connect_new(n, view, &err) < 0)
		err_keep_first(&n->first, &err);
}

static enum vm_nic_backend backend_of(const struct endpoint_plan *plan)
{
	switch (plan->kind) {
	case ENDPOINT_PHYSICAL:
		return VM_NIC_VFIO;
	case ENDPOINT_VHOST_USER:
		return VM_NIC_VHOST_USER;
	case ENDPOINT_VETH:
	case ENDPOINT_MACVLAN:
	case ENDPOINT_IPVLAN:
	case ENDPOINT_VLAN:
	case ENDPOINT_GENERIC:
	case ENDPOINT_TAP:
	case ENDPOINT_MACVTAP:
		break;
	}
	return VM_NIC_TAP;
}

static void plug(struct network *n, struct nic *nic)
{
	const struct endpoint *ep = &nic->ep;
	struct vm_nic device = {
		.id = nic->id,
		.backend = backend_of(&ep->plan),
		.fds = ep->tap.fds,
		.n_fds = ep->tap.n_fds,
		.vhost_fds = ep->n_vhost_fds ? ep->vhost_fds : NULL,
		.n_vhost_fds = ep->n_vhost_fds,
		.queues = (unsigned int)nic->n_queues,
		.slot = nic->slot,
		.pci = ep->plan.pci,
		.socket = ep->plan.socket,
	};

	memcpy(device.mac, ep->plan.mac, sizeof(device.mac));
	network_forget_routes(n);
	vmm_add_nic(n->vmm, &device, NETWORK_PLUG_MS, end_op, network_new_op(n, nic, on_plugged));
}

static void plug_new(struct network *n, const struct view *view)
{
	(void)view;
	list_for_each(&n->nics, struct nic, node, nic)
		if (n->vmm && !nic->plugged && !nic->failed)
			plug(n, nic);
}

static void follow_mtu(struct network *n, const struct view *view)
{
	list_for_each(&n->nics, struct nic, node, nic) {
		const struct endpoint_plan *plan = find_plan(view, nic->ep.plan.link);
		struct err err = ERR_INIT;

		if (!plan)
			continue;
		memcpy(nic->ep.plan.name, plan->name, sizeof(plan->name));
		if (plan->mtu != nic->ep.plan.mtu &&
		    endpoint_set_mtu(&n->context, &nic->ep, plan->mtu, &err) < 0)
			fail(n, nic, &err);
		nic->ep.plan.mtu = plan->mtu;
	}
}

static void follow_carrier(struct network *n, const struct view *view)
{
	list_for_each(&n->nics, struct nic, node, nic) {
		const struct net_link *link = net_find_index(&view->state, nic->ep.plan.link);
		bool carrier = link && link->flags & IFF_UP && link->carrier;

		if (!nic->plugged || nic->failed || nic->carrier == carrier ||
		    nic->ep.plan.kind == ENDPOINT_PHYSICAL)
			continue;
		nic->carrier = carrier;
		vmm_set_carrier(n->vmm, nic->id, carrier, NETWORK_PLUG_MS, end_op,
				network_new_op(n, nic, on_plain));
	}
}

static bool is_same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t len = protobuf_c_message_get_packed_size(a);
	scoped_free uint8_t *ours = NULL, *its = NULL;

	if (protobuf_c_message_get_packed_size(b) != len)
		return false;
	ours = xcalloc(1, len + 1);
	its = xcalloc(1, len + 1);
	protobuf_c_message_pack(a, ours);
	protobuf_c_message_pack(b, its);
	return memcmp(ours, its, len) == 0;
}

static void tell_interface(struct network *n, const struct view *view, struct nic *nic)
{
	Grpc__UpdateInterfaceRequest *req =
		guest_interface(&view->state, &nic->ep.plan, nic->pci_path);

	if (nic->by_hand)
		guest_add_addresses(req->interface, nic->by_hand);
	if (nic->told && is_same_message(&nic->told->base, &req->base)) {
		message_drop(&req);
		return;
	}
	message_drop(&nic->told);
	nic->told = req;
	agent_call(n->agent, &grpc__agent_service__descriptor, "UpdateInterface", &req->base,
		   AGENT_TIMEOUT_MS, network_end_call, network_new_op(n, nic, on_told));
}

static void tell_interfaces(struct network *n, const struct view *view)
{
	list_for_each(&n->nics, struct nic, node, nic)
		if (n->agent && nic->plugged && !nic->failed)
			tell_interface(n, view, nic);
}

/* Only what the guest has. */
static const char *name_in_guest(void *arg, int link)
{
	const struct nic *nic = network_find_nic(arg, link);

	return nic && nic->told ? nic->ep.plan.name : NULL;
}

/* Takes req. An empty list is told only in place of another. */
static void tell_list(struct network *n, struct told_list *list, const char *method,
		      ProtobufCMessage *req, size_t n_items)
{
	struct op *op;

	if (list->told ? is_same_message(list->told, req) : n_items == 0) {
		protobuf_c_message_free_unpacked(req, NULL);
		return;
	}
	forget_list(list);
	list->told = req;
	op = network_new_op(n, NULL, on_told_list);
	op->list = list;
	agent_call(n->agent, &grpc__agent_service__descriptor, method, req, AGENT_TIMEOUT_MS,
		   network_end_call, op);
}

static void tell_routes(struct network *n, const struct view *view)
{
	Grpc__UpdateRoutesRequest *req;

	if (!n->agent || n->routes.failed)
		return;
	req = guest_routes(&view->state, name_in_guest, n);
	tell_list(n, &n->routes, "UpdateRoutes", &req->base, req->routes->n_routes);
}

static void tell_neighbours(struct network *n, const struct view *view)
{
	Grpc__AddARPNeighborsRequest *req;

	if (!n->agent || n->neighbours.failed)
		return;
	req = guest_neighbours(&view->state, name_in_guest, n);
	tell_list(n, &n->neighbours, "AddARPNeighbors", &req->base,
		  req->neighbors->n_arpneighbors);
}

static void (*const stages[])(struct network *n, const struct view *view) = {
	release_gone,   connect_new,     plug_new,    follow_mtu,
	follow_carrier, tell_interfaces, tell_routes, tell_neighbours,
};

void network_run_stages(struct network *n, const struct view *view)
{
	for (size_t i = 0; i < ARRAY_LEN(stages) && list_empty(&n->ops); i++)
		stages[i](n, view);
}
