/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network_interface.c - one interface made what it shall be like
 */
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "agent/network.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"

struct network *network_new(struct err *err)
{
	struct net *net = net_open(err);
	struct network *n;

	if (!net)
		return NULL;
	n = xnew(struct network);
	n->net = net;
	return n;
}

void network_free(struct network *n)
{
	if (!n)
		return;
	net_close(n->net);
	free(n->addresses);
	free(n->routes);
	free(n->without_ipv6);
	free(n);
}

/* --- IPv6 or not --- */

static char *ipv6_switch(const char *link)
{
	return xasprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", link);
}

bool network_lacks_ipv6(int family, const char *link, const struct err *err)
{
	scoped_free char *path = ipv6_switch(link);
	scoped_free char *text = NULL;
	struct err absent = ERR_INIT; /* no IPv6 in the kernel */

	if (family != AF_INET6 || (file_read(path, 16, &text, NULL, &absent) == 0 && *text == '0'))
		return false;
	log_info("no IPv6 in this guest, left out", "reason", err->text);
	return true;
}

static bool has_ipv6(const struct network_interface *want)
{
	for (size_t i = 0; i < want->n_addresses; i++)
		if (want->addresses[i].ip.family == AF_INET6)
			return true;
	return false;
}

/* Where in the list the link is, or where its end is. */
static size_t find_without_ipv6(const struct network *n, int index)
{
	size_t at = 0;

	while (at < n->n_without_ipv6 && n->without_ipv6[at] != index)
		at++;
	return at;
}

/*
 * A link that is up has been seen before: what containers have done with it since is theirs. What
 * we have not turned off is not turned on: it was the pod's own sysctl. Called by its new name.
 */
static void set_ipv6(struct network *n, const struct net_link *link,
		     const struct network_interface *want)
{
	size_t at = find_without_ipv6(n, link->index);
	scoped_free char *path = ipv6_switch(want->name);
	bool on = has_ipv6(want), is_off = at < n->n_without_ipv6;
	struct err err = ERR_INIT;

	/* All addresses are told, the link-local one as well; of the kernel's own idea there would
	 * be two. */
	if (on && (is_off || !(link->flags & IFF_UP)) &&
	    net_link_set_autoconf(n->net, link->index, false, &err) < 0)
		log_info("link-local address not left to the host", "reason", err.text);
	if (on ? !is_off : is_off || link->flags & IFF_UP)
		return;
	err = ERR_INIT;
	if (file_poke(path, on ? "0" : "1", &err) < 0) {
		if (err.code != ERR_NOT_FOUND) /* no IPv6 in the kernel */
			log_warn("IPv6 stays as it is", "reason", err.text);
		return;
	}
	if (on) {
		n->without_ipv6[at] = n->without_ipv6[--n->n_without_ipv6];
		return;
	}
	n->without_ipv6 = xrealloc(n->without_ipv6, at + 1, sizeof(*n->without_ipv6));
	n->without_ipv6[n->n_without_ipv6++] = link->index;
}

/* --- finding --- */

/* Bridges and VLANs that containers have made have the MAC of what they stand on. */
static const struct net_link *find_mac(const struct net_state *state, const uint8_t *mac)
{
	const struct net_link *found = NULL;

	for (size_t i = 0; i < state->n_links; i++) {
		const struct net_link *link = &state->links[i];

		if (!link->has_mac || memcmp(link->mac, mac, ETH_ALEN) != 0 ||
		    (link->flags & IFF_LOOPBACK))
			continue;
		if (!found || (*found->kind && !*link->kind))
			found = link;
	}
	return found;
}

const struct net_link *network_find(const struct net_state *state,
				    const struct network_interface *want)
{
	if (!want->path.n)
		return find_mac(state, want->mac);
	return net_find_index(state, pci_find_link(PCI_DEVICES_DIR, &want->path));
}

/* A link taken down for its name, and what it was like. */

static bool is_kernels(const struct net_route *route)
{
	return route->protocol == RTPROT_KERNEL || route->protocol == RTPROT_RA;
}

static void put_back_addresses(struct network *n, const struct net_state *before, int index)
{
	for (size_t i = 0; i < before->n_addresses; i++) {
		const struct net_address *address = &before->addresses[i];
		struct err err = ERR_INIT;

		if (address->link != index || !(address->flags & IFA_F_PERMANENT) ||
		    (address->ip.family == AF_INET6 && address->scope == RT_SCOPE_LINK))
			continue;
		if (net_address_add(n->net, address, &err) < 0)
			log_warn("address not put back, going on", "reason", err.text);
	}
}

static void put_back_routes(struct network *n, const struct net_state *before, int index,
			    bool with_gateway)
{
	for (size_t i = 0; i < before->n_routes; i++) {
		const struct net_route *route = &before->routes[i];
		struct err err = ERR_INIT;

		if (route->link != index || is_kernels(route) ||
		    (route->gateway.family != AF_UNSPEC) != with_gateway)
			continue;
		if (net_route_replace(n->net, route, &err) < 0)
			log_warn("route not put back, going on", "reason", err.text);
		else if (route->has_more_hops)
			log_warn("route put back with its first hop only", "link", "several");
	}
}

static void put_back_neighbours(struct network *n, const struct net_state *before, int index)
{
	for (size_t i = 0; i < before->n_neighbours; i++) {
		const struct net_neighbour *neighbour = &before->neighbours[i];
		struct err err = ERR_INIT;

		if (neighbour->link == index && (neighbour->state & NUD_PERMANENT) &&
		    net_neighbour_replace(n->net, neighbour, &err) < 0)
			log_warn("neighbour not put back, going on", "reason", err.text);
	}
}

/*
 * What the kernel has dropped with a link that went down, or with the first address of a subnet:
 * the other addresses, routes, permanent neighbours.
 */
static void put_back(struct network *n, const struct net_state *before, int index)
{
	put_back_addresses(n, before, index);
	put_back_routes(n, before, index, false);
	put_back_routes(n, before, index, true);
	put_back_neighbours(n, before, index);
}

/* Names */

static int rename_link(struct network *n, const struct net_link *link, const char *name,
		       struct err *err)
{
	if ((link->flags & IFF_UP) && net_link_set_up(n->net, link->index, false, err) < 0)
		return -1;
	return net_link_set_name(n->net, link->index, name, err);
}

/* A name that nobody has. */
static void choose_name(const struct net_state *state, char ret[static IF_NAMESIZE])
{
	unsigned int i = 0;

	do
		(void)snprintf(ret, IF_NAMESIZE, "kata-swap%u", i++);
	while (net_find_name(state, ret));
}

/* Up again, with everything, if it was up. */
static void raise_again(struct network *n, const struct net_state *before,
			const struct net_link *link)
{
	struct err err = ERR_INIT;

	if (!(link->flags & IFF_UP))
		return;
	if (net_link_set_up(n->net, link->index, true, &err) < 0) {
		log_warn("interface stays down", "reason", err.text);
		return;
	}
	put_back(n, before, link->index);
}

/*
 * The link that has the name gets that which ours had: so a ring of names is undone one request
 * after the other.
 */
static int swap_names(struct network *n, const struct net_state *state, const struct net_link *link,
		      const struct net_link *other, struct err *err)
{
	char parked[IF_NAMESIZE];
	struct err failed = ERR_INIT;
	int r;

	if (other->flags & IFF_LOOPBACK)
		return err_set(err, ERR_INVALID, "the name is the loopback's");
	choose_name(state, parked);
	r = rename_link(n, other, parked, err);
	if (r == 0)
		r = rename_link(n, link, other->name, err);
	if (r == 0)
		r = net_link_set_name(n->net, other->index, link->name, err);
	/* Whoever is still parked gets the name back; ours has then not got it. */
	else if (net_link_set_name(n->net, other->index, other->name, &failed) < 0)
		log_warn("name not given back, going on", "reason", failed.text);
	raise_again(n, state, other);
	return r;
}

/* ret_down: the link has been taken down, and is so still. */
static int take_name(struct network *n, const struct net_state *state, const struct net_link *link,
		     const char *name, bool *ret_down, struct err *err)
{
	const struct net_link *other = net_find_name(state, name);
	int r;

	*ret_down = false;
	if (other == link)
		return 0;
	r = other ? swap_names(n, state, link, other, err) : rename_link(n, link, name, err);
	if (r < 0)
		raise_again(n, state, link);
	else
		*ret_down = (link->flags & IFF_UP) != 0;
	return r;
}

/* Addresses */

static bool is_same(const struct net_address *a, const struct net_address *b)
{
	return a->prefix == b->prefix && net_ip_equal(&a->ip, &b->ip);
}

static bool is_wanted(const struct network_interface *want, const struct net_address *address)
{
	for (size_t i = 0; i < want->n_addresses; i++)
		if (is_same(&want->addresses[i], address))
			return true;
	return false;
}

/* Those of an earlier request that this one has not; the number that were there, or -1. */
static int remove_addresses(struct network *n, int index, const struct network_interface *want,
			    struct err *err)
{
	int n_removed = 0;

	for (size_t i = 0; i < n->n_addresses; i++) {
		if (n->addresses[i].link != index || is_wanted(want, &n->addresses[i]))
			continue;
		if (net_address_delete(n->net, &n->addresses[i], err) < 0)
			return -1;
		n_removed++;
	}
	return n_removed;
}

/* To know them by the next request; those of links that are gone are forgotten. */
static void remember_addresses(struct network *n, const struct net_state *state, int index,
			       const struct network_interface *want)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n_addresses; i++)
		if (n->addresses[i].link != index && net_find_index(state, n->addresses[i].link))
			n->addresses[kept++] = n->addresses[i];
	n->addresses = xrealloc(n->addresses, kept + want->n_addresses + 1, sizeof(*n->addresses));
	for (size_t i = 0; i < want->n_addresses; i++) {
		n->addresses[kept] = want->addresses[i];
		n->addresses[kept++].link = index;
	}
	n->n_addresses = kept;
}

static int add_addresses(struct network *n, int index, const struct network_interface *want,
			 struct err *err)
{
	for (size_t i = 0; i < want->n_addresses; i++) {
		struct net_address address = want->addresses[i];
		struct err failed = ERR_INIT;

		address.link = index;
		if (net_address_add(n->net, &address, &failed) == 0 ||
		    network_lacks_ipv6(address.ip.family, want->name, &failed))
			continue;
		*err = failed;
		return -1;
	}
	return 0;
}

/* A state without the addresses that went with this request, to put the rest back from. */
static void drop_removed(struct net_state *state, const struct network *n, int index,
			 const struct network_interface *want)
{
	for (size_t i = 0; i < n->n_addresses; i++)
		for (size_t k = 0; k < state->n_addresses; k++)
			if (n->addresses[i].link == index && state->addresses[k].link == index &&
			    is_same(&n->addresses[i], &state->addresses[k]) &&
			    !is_wanted(want, &state->addresses[k]))
				state->addresses[k].link = 0;
}

/* All of it */

static int set_link(struct network *n, const struct net_link *link,
		    const struct network_interface *want, struct err *err)
{
	if (want->path.n && want->has_mac && link->has_mac &&
	    memcmp(want->mac, link->mac, ETH_ALEN) != 0 &&
	    net_link_set_mac(n->net, link->index, want->mac, err) < 0)
		return -1;
	if (want->mtu && want->mtu != link->mtu &&
	    net_link_set_mtu(n->net, link->index, want->mtu, err) < 0)
		return -1;
	set_ipv6(n, link, want);
	if (want->arp == !(link->flags & IFF_NOARP))
		return 0;
	return net_link_set_arp(n->net, link->index, want->arp, err);
}

/* Once it has its name: everything else. down: it was up before. */
static int settle_link(struct network *n, const struct net_link *link, bool down,
		       const struct network_interface *want, struct err *err)
{
	struct err later = ERR_INIT;
	int r = set_link(n, link, want, err);

	/* What was up is up again, whatever happened; what was not, only if all is well. */
	if (!down && (r < 0 || (link->flags & IFF_UP)))
		return r;
	return net_link_set_up(n->net, link->index, true, r < 0 ? &later : err) < 0 ? -1 : r;
}

int network_update_interface(struct network *n, struct net_state *state,
			     const struct net_link *link, const struct network_interface *want,
			     struct err *err)
{
	const int index = link->index;
	int n_removed = 0, r;
	bool down;

	if (take_name(n, state, link, want->name, &down, err) < 0)
		return err_wrap(err, "interface '%s'", want->name);
	r = settle_link(n, link, down, want, err);
	if (r == 0) {
		drop_removed(state, n, index, want);
		n_removed = remove_addresses(n, index, want, err);
		r = n_removed < 0 ? -1 : 0;
	}
	if (r == 0) {
		remember_addresses(n, state, index, want);
		r = add_addresses(n, index, want, err);
	}
	if (down || n_removed != 0)
		put_back(n, state, index);
	return r < 0 ? err_wrap(err, "interface '%s'", want->name) : 0;
}
