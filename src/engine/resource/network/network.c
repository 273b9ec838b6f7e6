/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/network.h"

#include <event2/event.h>
#include <string.h>

#include "engine/agent/agent.h"
#include "engine/config/config.h"
#include "engine/resource/network/dan.h"
#include "engine/resource/network/facts.h"
#include "engine/resource/network/network_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"

#define PASSES_MAX 64 /* of one sync: somebody changes things faster than we follow */

/* --- reading --- */

static void view_done(struct view *view)
{
	net_state_done(&view->state);
	free(view->plans);
}

/* What is down and without addresses is not connected, but if somebody wants it. */
static void heed_requests(const struct network *n, struct net_state *state)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->n_links; i++) {
		if (network_is_refused(n, state->links[i].index))
			continue;
		state->links[kept] = state->links[i];
		if (network_is_asked(n, state->links[kept].index))
			state->links[kept].flags |= IFF_UP;
		kept++;
	}
	state->n_links = kept;
}

/* The host does not know a link any more that was handed over. */
static bool pci_address(void *arg, const char *link, char ret[static 16])
{
	struct network *n = arg;

	list_for_each(&n->nics, struct nic, node, nic) {
		if (!nic->handed || strcmp(nic->ep.plan.name, link) != 0)
			continue;
		memcpy(ret, nic->ep.plan.pci, sizeof(nic->ep.plan.pci));
		return true;
	}
	return network_host_facts.pci_address(NULL, link, ret);
}

static int decide(struct network *n, const struct net_state *state, struct view *ret,
		  struct err *err)
{
	const struct network_facts facts = { .pci_address = pci_address,
					     .is_socket = network_host_facts.is_socket,
					     .arg = n };

	return network_plan(n->config, state, &facts, &ret->plans, &ret->n_plans, err);
}

static int read_all(struct network *n, struct net_state *ret, struct err *err)
{
	if (net_read(n->net, ret, err) < 0)
		return -1;
	list_for_each(&n->nics, struct nic, node, nic)
		if (nic->handed)
			handed_show(nic->handed, ret);
	return 0;
}

/*
 * What cannot be connected stops a start. In a pod that runs it is said once, and the other links
 * are followed as before: each is tried beside those before it that can be.
 */
static void refuse_links(struct network *n, const struct net_state *state)
{
	scoped_free struct net_link *links = xcalloc(state->n_links, sizeof(*links));
	struct net_state some = *state;

	some.links = links;
	some.n_links = 0;
	for (size_t i = 0; i < state->n_links; i++) {
		struct err err = ERR_INIT, full = ERR_INIT;
		struct view ignored = { 0 };

		links[some.n_links++] = state->links[i];
		if (decide(n, &some, &ignored, &err) < 0) {
			some.n_links--;
			if (network_note(n, state->links[i].index, true, &full) == 0)
				n->warned(n->arg, &err);
		}
		view_done(&ignored);
	}
}

static int look(struct network *n, struct view *ret, struct err *err)
{
	struct err why = ERR_INIT;

	*ret = (struct view){ 0 };
	if (read_all(n, &ret->state, err) < 0)
		return -1;
	if (n->dan) {
		if (dan_plan(n->dan, &ret->state, !n->following, &ret->plans, &ret->n_plans, err) == 0)
			return 0;
		view_done(ret);
		return -1;
	}
	heed_requests(n, &ret->state);
	if (decide(n, &ret->state, ret, &why) == 0)
		return 0;
	if (n->following) {
		refuse_links(n, &ret->state);
		heed_requests(n, &ret->state);
		if (decide(n, &ret->state, ret, err) == 0)
			return 0;
	} else {
		*err = why;
	}
	view_done(ret);
	return -1;
}

/* --- syncs --- */

void network_run_soon(struct network *n)
{
	const struct timeval now = { 0 };

	evtimer_add(n->soon, &now);
}

static void end_sync(struct network *n)
{
	struct err err = n->first;
	network_done *done = n->done;

	n->done = NULL;
	done(n->done_arg, err.code == ERR_OK ? NULL : &err);
}

static void pass(struct network *n)
{
	struct view view;

	if (n->passes++ == PASSES_MAX) {
		err_set(&n->first, ERR_EXHAUSTED, "follow the pod's network: it does not settle");
		end_sync(n);
		return;
	}
	if (look(n, &view, &n->first) < 0) {
		end_sync(n);
		return;
	}
	n->changed = false;
	network_run_stages(n, &view);
	view_done(&view);
	if (list_empty(&n->ops))
		end_sync(n);
}

static void on_followed(void *arg, const struct err *err)
{
	struct network *n = arg;

	if (err)
		n->warned(n->arg, err);
	if (n->changed)
		network_run_soon(n);
	else
		network_next_request(n);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct network *n = arg;

	(void)fd, (void)what;
	if (n->done)
		pass(n);
	else if (n->following && n->changed)
		network_sync(n, on_followed, n);
	else
		network_next_request(n);
}

static void on_changed(void *arg)
{
	struct network *n = arg;

	n->changed = true;
	if (n->following && !n->done)
		network_run_soon(n);
}

void network_sync(struct network *n, network_done *done, void *arg)
{
	n->done = done;
	n->done_arg = arg;
	n->first = ERR_INIT;
	n->passes = 0;
	n->routes.failed = n->neighbours.failed = false;
	list_for_each(&n->nics, struct nic, node, nic)
		nic->failed = false;
	network_run_soon(n);
}

void network_follow(struct network *n)
{
	n->following = true;
	if (n->changed)
		network_run_soon(n);
}

/* --- life --- */

struct network *network_new(struct event_base *base, const struct config *config,
			    struct journal *journal, const char *netns_path, network_warned *warned,
			    void *arg)
{
	struct network *n = xnew(struct network);

	*n = (struct network){ .base = base,
			       .config = config,
			       .journal = journal,
			       .netns_path = xstrdup(netns_path),
			       .warned = warned,
			       .arg = arg };
	list_init(&n->nics);
	list_init(&n->ops);
	list_init(&n->requests);
	n->soon = evtimer_new(base, on_soon, n);
	return n;
}

void network_use_dan(struct network *n, struct dan *dan)
{
	n->dan = dan;
}

/* Once a sandbox: all its devices are alike in this. */
static void look_for_vhost(const struct network *n)
{
	struct err err = ERR_INIT;

	list_for_each(&n->nics, struct nic, node, nic) {
		if (!n->context.use_vhost || nic->ep.tap.n_fds == 0 || nic->ep.n_vhost_fds > 0)
			continue;
		err_set(&err, ERR_NOT_FOUND,
			"vhost-net is not to be had on this host ('/dev/vhost-net'): packets go "
			"through QEMU itself, which takes longer");
		n->warned(n->arg, &err);
		return;
	}
}

int network_connect(struct network *n, size_t n_queues, struct err *err)
{
	struct view view;
	int r;

	n->net = net_open(err);
	n->watch = n->net ? net_watch_new(n->base, on_changed, n, err) : NULL;
	if (!n->watch)
		return -1;
	n->context = (struct endpoint_context){
		.net = n->net,
		.config = n->config,
		.journal = n->journal,
		.netns_path = n->netns_path,
		.n_queues = MIN(n_queues, (size_t)TAP_QUEUES_MAX),
		.use_vhost = !n->config->hypervisor.disable_vhost_net,
	};
	if (look(n, &view, err) < 0)
		return -1;
	r = network_connect_new(n, &view, err);
	view_done(&view);
	if (r == 0)
		look_for_vhost(n);
	return r;
}

size_t network_n_devices(const struct network *n)
{
	size_t count = 0;

	list_for_each(&n->nics, struct nic, node, nic)
		count++;
	return count;
}

void network_attach_vmm(struct network *n, struct vmm *vmm)
{
	n->vmm = vmm;
}

void network_attach_agent(struct network *n, struct agent *agent)
{
	n->agent = agent;
}

static void drop_ops(struct network *n)
{
	list_for_each_safe(&n->ops, struct op, node, op) {
		if (n->agent)
			agent_forget(n->agent, op);
		list_remove(&op->node);
		free(op);
	}
}

void network_detach(struct network *n)
{
	drop_ops(n);
	network_drop_requests(n);
	n->vmm = NULL;
	n->agent = NULL;
	n->following = false;
	n->done = NULL;
	evtimer_del(n->soon);
	list_for_each(&n->nics, struct nic, node, nic)
		nic->plugged = nic->busy = false;
}

void network_free(struct network *n)
{
	if (!n)
		return;
	network_detach(n);
	list_for_each_safe(&n->nics, struct nic, node, nic)
		network_drop_nic(n, nic);
	network_forget_routes(n);
	net_watch_free(n->watch);
	net_close(n->net);
	event_free(n->soon);
	dan_free(n->dan);
	free(n->netns_path);
	free(n);
}

/* --- to be looked at --- */

int network_each(struct network *n, network_each_fn *fn, void *arg, struct err *err)
{
	scoped_free struct endpoint_plan *ignored = NULL;
	struct net_state state;
	size_t n_ignored;

	if (!n->net)
		return 0;
	if (net_read(n->net, &state, err) < 0)
		return -1;
	if (n->dan)
		(void)dan_plan(n->dan, &state, false, &ignored, &n_ignored, err);
	list_for_each(&n->nics, struct nic, node, nic)
		fn(arg, &(struct network_view){
				.plan = &nic->ep.plan,
				.link = net_find_index(&state, nic->ep.plan.link),
				.tap = net_find_index(&state, nic->ep.tap.index),
				.state = &state,
				.id = nic->id,
				.pci_path = nic->pci_path,
				.n_queues = nic->n_queues,
				.vhost = nic->ep.n_vhost_fds > 0,
				.plugged = nic->plugged,
				.carrier = nic->carrier,
				.told = nic->told != NULL,
			});
	net_state_done(&state);
	return 0;
}
