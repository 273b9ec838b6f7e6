/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/persist/journal.h"
#include "engine/resource/network/endpoint_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/net/tc.h"

#define SYSFS "/sys"

/* The most that a tap has room for: 65535 with the Ethernet header. */
#define TAP_MTU_MAX (NET_MTU_MAX - (uint32_t)ETH_HLEN)
/* Ten million: what has room in a name beside "tap" and "_kata". */
#define NUMBERS     10000000

void endpoint_tap_name(int link, char ret[static IF_NAMESIZE])
{
	(void)snprintf(ret, IF_NAMESIZE, "tap%u_kata", (unsigned int)link % NUMBERS);
}

void endpoint_ifb_name(int link, char ret[static IF_NAMESIZE])
{
	(void)snprintf(ret, IF_NAMESIZE, "ifb%u_kata", (unsigned int)link % NUMBERS);
}

/* --- models --- */

static int redirect(const struct endpoint_context *ctx, const struct endpoint_plan *plan, int tap,
		    struct err *err)
{
	if (tc_ingress_add(ctx->net, plan->link, err) < 0 || tc_ingress_add(ctx->net, tap, err) < 0)
		return -1;
	if (plan->has_vlans && tc_pass_vlans(ctx->net, plan->link, err) < 0)
		return -1;
	if (tc_share_answers(ctx->net, plan->link, tap, err) < 0 ||
	    tc_redirect(ctx->net, tap, plan->link, err) < 0)
		return -1;
	return tc_redirect(ctx->net, plan->link, tap, err);
}

static int connect_tcfilter(const struct endpoint_context *ctx, struct endpoint *ep,
			    struct err *err)
{
	char name[IF_NAMESIZE];

	endpoint_tap_name(ep->plan.link, name);
	if (tap_make(name, ctx->n_queues, &ep->tap, err) < 0)
		return -1;
	if (net_link_set_autoconf(ctx->net, ep->tap.index, false, err) < 0 ||
	    net_link_set_mtu(ctx->net, ep->tap.index, MIN(ep->plan.mtu, TAP_MTU_MAX), err) < 0 ||
	    net_link_set_up(ctx->net, ep->tap.index, true, err) < 0 ||
	    redirect(ctx, &ep->plan, ep->tap.index, err) < 0)
		return -1;
	/* The link below may have been connected before this one was there. */
	return ep->plan.vlan_parent ? tc_pass_vlans(ctx->net, ep->plan.vlan_parent, err) : 0;
}

static int connect_macvtap(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	char name[IF_NAMESIZE];

	endpoint_tap_name(ep->plan.link, name);
	return tap_make_macvtap(ctx->net, ep->plan.link, name, ctx->n_queues, &ep->tap, err);
}

static int connect_model(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	switch (ep->model) {
	case ENDPOINT_TCFILTER:
		return connect_tcfilter(ctx, ep, err);
	case ENDPOINT_ON_MACVTAP:
		return connect_macvtap(ctx, ep, err);
	case ENDPOINT_DIRECT:
		break;
	}
	return ep->plan.kind == ENDPOINT_PHYSICAL ? physical_take(SYSFS, ep->plan.pci, err) : 0;
}

/* --- the whole --- */

/* Another process listens there, and moves frames through memory. QEMU itself connects to it. */
static int check_socket(const struct endpoint *ep, struct err *err)
{
	struct stat st;

	if (stat(ep->plan.socket, &st) < 0)
		return err_sys(err, errno, "find socket '%s'", ep->plan.socket);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_INVALID, "find socket '%s': it is none", ep->plan.socket);
	return 0;
}

/*
 * A tap that another process holds open, as slirp4netns does, is a link like any other: what that
 * process writes comes in on it.
 */
static int open_tap(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	const struct endpoint_plan *plan = &ep->plan;
	struct err why = ERR_INIT;

	if (tap_open(plan->host_name[0] ? plan->host_name : plan->name,
		     plan->n_queues ? plan->n_queues : ctx->n_queues, &ep->tap, &why) == 0)
		return 0;
	if (why.sys == EBUSY) {
		ep->model = ENDPOINT_TCFILTER;
		return 0;
	}
	*err = why;
	return -1;
}

/* What the VM uses itself. Nothing of it outlives us. */
static int open_direct(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	switch (ep->plan.kind) {
	case ENDPOINT_TAP:
		return open_tap(ctx, ep, err);
	case ENDPOINT_MACVTAP:
		return tap_open_macvtap(ep->plan.name, ep->plan.link, ctx->n_queues, &ep->tap, err);
	case ENDPOINT_VHOST_USER:
		return check_socket(ep, err);
	case ENDPOINT_PHYSICAL:
		return physical_driver(SYSFS, ep->plan.pci, ep->driver, err);
	case ENDPOINT_VETH:
	case ENDPOINT_MACVLAN:
	case ENDPOINT_IPVLAN:
	case ENDPOINT_VLAN:
	case ENDPOINT_GENERIC:
		break;
	}
	return 0;
}

/* Before anything is made. What a driver was changed for is written down wherever we are. */
static int record(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	struct endpoint_record r = { .link = ep->plan.link, .model = ep->model };
	scoped_free char *text = NULL;
	struct stat st;

	if (!ctx->journal || (!ctx->netns_path[0] && ep->plan.kind != ENDPOINT_PHYSICAL))
		return 0;
	if (stat("/proc/self/ns/net", &st) < 0)
		return err_sys(err, errno, "read '/proc/self/ns/net'");
	if (strlen(ctx->netns_path) >= sizeof(r.path))
		return err_sys(err, ENAMETOOLONG, "record network namespace");
	r.netns = st.st_ino;
	memcpy(r.name, ep->plan.name, sizeof(r.name));
	memcpy(r.pci, ep->plan.pci, sizeof(r.pci));
	memcpy(r.driver, ep->driver, sizeof(r.driver));
	(void)strcpy(r.path, ctx->netns_path);
	text = endpoint_record_format(&r);
	ep->seq = journal_add(ctx->journal, JOURNAL_NETWORK, text, err);
	return ep->seq ? 0 : -1;
}

/* All or none: a device has vhost for each of its queues. */
static void open_vhost(const struct endpoint_context *ctx, struct endpoint *ep)
{
	struct err ignored = ERR_INIT; /* no vhost is slower, and nothing else */

	if (!ctx->use_vhost || ep->plan.kind == ENDPOINT_VHOST_USER)
		return;
	while (ep->n_vhost_fds < ep->tap.n_fds) {
		int fd = tap_open_vhost(&ignored);

		if (fd < 0)
			break;
		ep->vhost_fds[ep->n_vhost_fds++] = fd;
	}
	while (ep->n_vhost_fds < ep->tap.n_fds && ep->n_vhost_fds > 0)
		close_fd(&ep->vhost_fds[--ep->n_vhost_fds]);
}

static int connect_link(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	bool direct = ep->model == ENDPOINT_DIRECT;

	if (direct && open_direct(ctx, ep, err) < 0)
		return -1;
	if (record(ctx, ep, err) < 0)
		return -1;
	/* Whoever was here before may have had another model. */
	if (endpoint_sweep(ctx->net, ep->plan.link, direct ? ENDPOINT_DIRECT : ENDPOINT_TCFILTER,
			   err) < 0)
		return err_wrap(err, "take over what was left");
	if (connect_model(ctx, ep, err) < 0 || endpoint_limit(ctx, ep, err) < 0)
		return -1;
	open_vhost(ctx, ep);
	return 0;
}

int endpoint_connect(const struct endpoint_context *ctx, const struct endpoint_plan *plan,
		     struct endpoint *ret, struct err *err)
{
	struct endpoint ep = { .plan = *plan, .model = plan->model };
	struct err ignored = ERR_INIT;

	if (connect_link(ctx, &ep, err) < 0) {
		(void)endpoint_disconnect(ctx, &ep, &ignored);
		return -1;
	}
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
	if (endpoint_sweep(ctx->net, ep->plan.link, ep->model, &why) < 0)
		err_keep_first(&first, &why);
	why = ERR_INIT;
	if (ep->plan.kind == ENDPOINT_PHYSICAL &&
	    physical_give_back(SYSFS, ep->plan.pci, ep->driver, &why) < 0)
		err_keep_first(&first, &why);
	ep->tap.index = 0;
	if (first.code == ERR_OK) {
		journal_strike(ctx->journal, ep->seq);
		ep->seq = 0;
		return 0;
	}
	*err = first;
	return -1;
}

int endpoint_set_mtu(const struct endpoint_context *ctx, struct endpoint *ep, uint32_t mtu,
		     struct err *err)
{
	if (ep->model == ENDPOINT_TCFILTER && mtu > TAP_MTU_MAX)
		mtu = TAP_MTU_MAX;
	if (ep->model != ENDPOINT_DIRECT && net_link_set_mtu(ctx->net, ep->tap.index, mtu, err) < 0)
		return -1;
	ep->plan.mtu = mtu;
	return 0;
}
