/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "engine/resource/network/endpoint_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/net/tc.h"

/* The most that a tap has room for: 65535 with the Ethernet header. */
#define TAP_MTU_MAX (NET_MTU_MAX - (uint32_t)ETH_HLEN)
/* Ten million: what has room in a name beside "tap" and "_kata". */
#define NUMBERS 10000000

void endpoint_tap_name(int link, char ret[static IF_NAMESIZE])
{
	(void)snprintf(ret, IF_NAMESIZE, "tap%u_kata", (unsigned int)link % NUMBERS);
}

void endpoint_ifb_name(int link, char ret[static IF_NAMESIZE])
{
	(void)snprintf(ret, IF_NAMESIZE, "ifb%u_kata", (unsigned int)link % NUMBERS);
}

int endpoint_remove_ours(struct net *net, const char *name, struct err *err)
{
	struct err missing = ERR_INIT;
	const struct net_link *link;
	struct net_state state;
	int r = 0;

	if (net_link_index(net, name, &missing) < 0 && missing.code == ERR_NOT_FOUND)
		return 0;
	if (net_read(net, &state, err) < 0)
		return -1;
	link = net_find_name(&state, name);
	if (link && network_is_ours(link))
		r = net_link_delete(net, link->index, err);
	else if (link)
		r = err_set(err, ERR_EXISTS, "network interface '%s': its name is one of ours", name);
	net_state_done(&state);
	return r;
}

/* --- models --- */

static int redirect(const struct endpoint_context *ctx, const struct endpoint_plan *plan, int tap,
		    struct err *err)
{
	if (tc_ingress_add(ctx->net, plan->link, err) < 0 || tc_ingress_add(ctx->net, tap, err) < 0)
		return -1;
	if (plan->has_vlans && tc_pass_vlans(ctx->net, plan->link, err) < 0)
		return -1;
	if (tc_redirect(ctx->net, tap, plan->link, err) < 0)
		return -1;
	return tc_redirect(ctx->net, plan->link, tap, err);
}

static int connect_tcfilter(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	char name[IF_NAMESIZE];

	endpoint_tap_name(ep->plan.link, name);
	if (endpoint_remove_ours(ctx->net, name, err) < 0 ||
	    tap_make(name, ctx->n_queues, &ep->tap, err) < 0)
		return -1;
	if (net_link_set_mtu(ctx->net, ep->tap.index, MIN(ep->plan.mtu, TAP_MTU_MAX), err) < 0 ||
	    net_link_set_up(ctx->net, ep->tap.index, true, err) < 0)
		return -1;
	return redirect(ctx, &ep->plan, ep->tap.index, err);
}

static int connect_model(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	switch (ep->plan.model) {
	case ENDPOINT_TCFILTER:
		return connect_tcfilter(ctx, ep, err);
	case ENDPOINT_ON_MACVTAP:
	case ENDPOINT_DIRECT:
		break;
	}
	return err_set(err, ERR_UNIMPLEMENTED, "network interface '%s': model %s", ep->plan.name,
		       endpoint_model_name(ep->plan.model));
}

/* --- the whole --- */

/* All or none: a device has vhost for each of its queues. */
static void open_vhost(const struct endpoint_context *ctx, struct endpoint *ep)
{
	struct err ignored = ERR_INIT; /* no vhost is slower, and nothing else */

	while (ctx->use_vhost && ep->n_vhost_fds < ep->tap.n_fds) {
		int fd = tap_open_vhost(&ignored);

		if (fd < 0)
			break;
		ep->vhost_fds[ep->n_vhost_fds++] = fd;
	}
	while (ep->n_vhost_fds < ep->tap.n_fds && ep->n_vhost_fds > 0)
		close_fd(&ep->vhost_fds[--ep->n_vhost_fds]);
}

int endpoint_connect(const struct endpoint_context *ctx, const struct endpoint_plan *plan,
		     struct endpoint *ret, struct err *err)
{
	struct endpoint ep = { .plan = *plan };

	if (connect_model(ctx, &ep, err) < 0) {
		struct err ignored = ERR_INIT;

		(void)endpoint_disconnect(ctx, &ep, &ignored);
		return -1;
	}
	open_vhost(ctx, &ep);
	*ret = ep;
	return 0;
}

void endpoint_close_fds(struct endpoint *ep)
{
	tap_close(&ep->tap);
	for (size_t i = 0; i < ep->n_vhost_fds; i++)
		close_fd(&ep->vhost_fds[i]);
	ep->n_vhost_fds = 0;
}

int endpoint_disconnect(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	struct err first = ERR_INIT, why = ERR_INIT;

	endpoint_close_fds(ep);
	if (ep->plan.model == ENDPOINT_TCFILTER &&
	    tc_ingress_delete(ctx->net, ep->plan.link, &why) < 0)
		err_keep_first(&first, &why);
	if (ep->tap.index > 0 && net_link_delete(ctx->net, ep->tap.index, &why) < 0)
		err_keep_first(&first, &why);
	ep->tap.index = 0;
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}

int endpoint_set_mtu(const struct endpoint_context *ctx, struct endpoint *ep, uint32_t mtu,
		     struct err *err)
{
	if (ep->tap.index > 0 && ep->plan.model != ENDPOINT_DIRECT &&
	    net_link_set_mtu(ctx->net, ep->tap.index, MIN(mtu, TAP_MTU_MAX), err) < 0)
		return -1;
	ep->plan.mtu = mtu;
	return 0;
}
