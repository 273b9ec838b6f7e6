/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/plan.h"

#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/config/config.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct planner {
	const struct config *config;
	const struct net_state *state;
	const struct network_facts *facts;
	struct endpoint_plan *plans;
	size_t n;
};

const char *endpoint_kind_name(enum endpoint_kind kind)
{
	static const char *const names[] = {
		[ENDPOINT_VETH] = "virtual",          [ENDPOINT_MACVLAN] = "macvlan",
		[ENDPOINT_IPVLAN] = "ipvlan",         [ENDPOINT_VLAN] = "vlan",
		[ENDPOINT_GENERIC] = "virtual",       [ENDPOINT_TAP] = "tap",
		[ENDPOINT_MACVTAP] = "macvtap",       [ENDPOINT_PHYSICAL] = "physical",
		[ENDPOINT_VHOST_USER] = "vhost-user",
	};

	return names[kind];
}

const char *endpoint_model_name(enum endpoint_model model)
{
	static const char *const names[] = {
		[ENDPOINT_TCFILTER] = "tcfilter",
		[ENDPOINT_ON_MACVTAP] = "macvtap",
		[ENDPOINT_DIRECT] = "direct",
	};

	return names[model];
}

/* Begins with prefix, ends in "_kata", and between them is a number. */
static bool is_numbered(const char *name, const char *prefix)
{
	size_t digits;

	if (!str_starts(name, prefix))
		return false;
	name += strlen(prefix);
	digits = strspn(name, "0123456789");
	return digits > 0 && strcmp(name + digits, "_kata") == 0;
}

bool network_is_ours(const struct net_link *link)
{
	if (strcmp(link->kind, "tun") == 0 || strcmp(link->kind, "macvtap") == 0)
		return is_numbered(link->name, "tap");
	return strcmp(link->kind, "ifb") == 0 && is_numbered(link->name, "ifb");
}

static bool has_address(const struct net_state *state, int link)
{
	for (size_t i = 0; i < state->n_addresses; i++)
		if (state->addresses[i].link == link)
			return true;
	return false;
}

/* Links whose frames the kernel takes from another one after that one's redirection had its turn.
 */
static bool shares_frames(const struct net_link *link)
{
	return strcmp(link->kind, "macvlan") == 0 || strcmp(link->kind, "ipvlan") == 0 ||
	       strcmp(link->kind, "macvtap") == 0;
}

static bool is_on(const struct net_link *upper, const struct net_link *lower)
{
	return upper->lower == lower->index && !upper->lower_elsewhere;
}

static bool is_link_local(const struct net_ip *ip)
{
	return ip->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&ip->v6);
}

/* It only carries others, as the link that macvlans are made on. */
static bool is_carrier(const struct planner *p, const struct net_link *link)
{
	for (size_t i = 0; i < p->state->n_addresses; i++)
		if (p->state->addresses[i].link == link->index &&
		    !is_link_local(&p->state->addresses[i].ip))
			return false;
	for (size_t i = 0; i < p->state->n_links; i++)
		if (shares_frames(&p->state->links[i]) && !network_is_ours(&p->state->links[i]) &&
		    is_on(&p->state->links[i], link))
			return true;
	return false;
}

static bool is_wanted(const struct planner *p, const struct net_link *link)
{
	if (link->flags & IFF_LOOPBACK || network_is_ours(link))
		return false;
	if (link->master && net_find_index(p->state, link->master))
		return false;
	if (is_carrier(p, link))
		return false;
	return link->flags & IFF_UP || has_address(p->state, link->index);
}

static int refuse(const struct net_link *link, const char *why, struct err *err)
{
	char type[32];

	(void)snprintf(type, sizeof(type), "hardware type %u", link->type);
	return err_set(err, ERR_UNIMPLEMENTED,
		       "network interface '%s': kind '%s' is not supported: %s", link->name,
		       link->kind[0] ? link->kind : type, why);
}

static int check_frames(const struct net_link *link, struct err *err)
{
	static const uint8_t zero[ETH_ALEN];

	if (strcmp(link->kind, "vrf") == 0)
		return refuse(link, "it has no frames of its own", err);
	if (link->type != ARPHRD_ETHER)
		return refuse(link, "it has no Ethernet frames", err);
	if (!link->has_mac || memcmp(link->mac, zero, sizeof(zero)) == 0)
		return refuse(link, "it has no Ethernet address", err);
	return 0;
}

/* What a kind alone decides. */
static enum endpoint_kind kind_of(const struct net_link *link)
{
	static const struct {
		const char *name;
		enum endpoint_kind kind;
	} kinds[] = {
		{ "veth", ENDPOINT_VETH },     { "macvlan", ENDPOINT_MACVLAN },
		{ "ipvlan", ENDPOINT_IPVLAN }, { "vlan", ENDPOINT_VLAN },
		{ "tun", ENDPOINT_TAP },       { "macvtap", ENDPOINT_MACVTAP },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(link->kind, kinds[i].name) == 0)
			return kinds[i].kind;
	return ENDPOINT_GENERIC;
}

/* A process that moves frames in memory marks its link by a dummy with its address. */
static bool find_socket(const struct planner *p, const struct net_link *link, char ret[static 108])
{
	for (size_t i = 0; i < p->state->n_addresses; i++) {
		const struct net_address *address = &p->state->addresses[i];
		char ip[NET_IP_TEXT], path[108];

		if (address->link != link->index)
			continue;
		net_ip_format(&address->ip, ip);
		(void)snprintf(path, sizeof(path), "/tmp/vhostuser_%s/vhu.sock", ip);
		if (!p->facts->is_socket(p->facts->arg, path))
			continue;
		memcpy(ret, path, sizeof(path));
		return true;
	}
	return false;
}

/*
 * Hardware is handed over only where the configuration has a place for it; else it is a link
 * like others, as what a CNI plugin has moved into the pod.
 */
static bool find_pci(const struct planner *p, const struct net_link *link, char ret[static 16])
{
	return strcmp(p->config->hypervisor.cold_plug_vfio, "no-port") != 0 &&
	       p->facts->pci_address(p->facts->arg, link->name, ret);
}

static void look_closer(const struct planner *p, const struct net_link *link,
			struct endpoint_plan *plan)
{
	if (strcmp(link->kind, "dummy") == 0 && find_socket(p, link, plan->socket))
		plan->kind = ENDPOINT_VHOST_USER;
	else if (link->kind[0] == '\0' && find_pci(p, link, plan->pci))
		plan->kind = ENDPOINT_PHYSICAL;
}

static enum endpoint_model model_of(const struct config *config, enum endpoint_kind kind)
{
	switch (kind) {
	case ENDPOINT_TAP:
	case ENDPOINT_MACVTAP:
	case ENDPOINT_PHYSICAL:
	case ENDPOINT_VHOST_USER:
		return ENDPOINT_DIRECT;
	case ENDPOINT_MACVLAN: /* the kernel would put it on the macvlan's own lower link */
	case ENDPOINT_IPVLAN:  /* takes no other link on top of it */
		return ENDPOINT_TCFILTER;
	case ENDPOINT_VETH:
	case ENDPOINT_VLAN:
	case ENDPOINT_GENERIC:
		break;
	}
	return strcmp(config->runtime.internetworking_model, "macvtap") == 0 ? ENDPOINT_ON_MACVTAP
									     : ENDPOINT_TCFILTER;
}

static int plan_link(struct planner *p, const struct net_link *link, struct err *err)
{
	struct endpoint_plan *plan = &p->plans[p->n];

	if (check_frames(link, err) < 0)
		return -1;
	if (p->n == ENDPOINTS_MAX)
		return err_set(err, ERR_EXHAUSTED, "network interface '%s': over %d in one pod",
			       link->name, ENDPOINTS_MAX);
	*plan = (struct endpoint_plan){ .kind = kind_of(link),
					.link = link->index,
					.mtu = link->mtu };
	memcpy(plan->name, link->name, sizeof(plan->name));
	memcpy(plan->mac, link->mac, sizeof(plan->mac));
	look_closer(p, link, plan);
	plan->model = model_of(p->config, plan->kind);
	p->n++;
	return 0;
}

static struct endpoint_plan *find_plan(const struct planner *p, int link)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->plans[i].link == link)
			return &p->plans[i];
	return NULL;
}

/* Nothing would come in on it: what the link below receives goes to that one's device. */
static int check_shared(const struct planner *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct net_link *link = net_find_index(p->state, p->plans[i].link);
		const struct endpoint_plan *below = find_plan(p, link->lower);

		if (shares_frames(link) && !link->lower_elsewhere && below)
			return err_set(
				err, ERR_UNIMPLEMENTED,
				"network interface '%s': kind '%s' is not supported on '%s', "
				"which has addresses and is connected itself",
				link->name, link->kind, below->name);
	}
	return 0;
}

static void relate_vlans(struct planner *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct net_link *link = net_find_index(p->state, p->plans[i].link);
		struct endpoint_plan *below;

		if (p->plans[i].kind != ENDPOINT_VLAN || link->lower_elsewhere)
			continue;
		below = find_plan(p, link->lower);
		if (!below)
			continue;
		below->has_vlans = true;
		p->plans[i].vlan_parent = below->link;
	}
}

int network_plan(const struct config *config, const struct net_state *state,
		 const struct network_facts *facts, struct endpoint_plan **ret_plans, size_t *ret_n,
		 struct err *err)
{
	scoped_free struct endpoint_plan *plans = xcalloc(ENDPOINTS_MAX, sizeof(*plans));
	struct planner p = { .config = config, .state = state, .facts = facts, .plans = plans };
	bool none = strcmp(config->runtime.internetworking_model, "none") == 0;

	for (size_t i = 0; i < state->n_links && !none; i++)
		if (is_wanted(&p, &state->links[i]) && plan_link(&p, &state->links[i], err) < 0)
			return -1;
	if (check_shared(&p, err) < 0)
		return -1;
	relate_vlans(&p);
	*ret_plans = take_ptr(&plans);
	*ret_n = p.n;
	return 0;
}
