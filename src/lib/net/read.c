/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - what a namespace holds
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/net/talk.h"

#define TRIES 8 /* of a dump that changes while it is read */

/* Attributes: the kernel's, so what is too short is taken for absent instead of reported. */

static const struct nlattr *sized(const struct nlattr *a, size_t len)
{
	return a && (size_t)nla_len(a) >= len ? a : NULL;
}

static uint32_t u32_of(const struct nlattr *a)
{
	return sized(a, sizeof(uint32_t)) ? nla_get_u32(a) : 0;
}

static struct net_ip ip_of(const struct nlattr *a, int family)
{
	struct net_ip ip = { .family = AF_UNSPEC };

	if (family == AF_INET && sized(a, sizeof(ip.v4))) {
		ip.family = AF_INET;
		nla_memcpy(&ip.v4, a, sizeof(ip.v4));
	} else if (family == AF_INET6 && sized(a, sizeof(ip.v6))) {
		ip.family = AF_INET6;
		nla_memcpy(&ip.v6, a, sizeof(ip.v6));
	}
	return ip;
}

static bool mac_of(const struct nlattr *a, uint8_t ret[static ETH_ALEN])
{
	if (!a || nla_len(a) != ETH_ALEN)
		return false;
	nla_memcpy(ret, a, ETH_ALEN);
	return true;
}

static bool is_ip(int family)
{
	return family == AF_INET || family == AF_INET6;
}

/* Lists */

struct reading {
	struct net_state *state;
	bool over; /* a limit */
};

/* Room for one more at the end of *list, not counted yet; NULL over the limit. */
static void *room_for_one(struct reading *r, void *list, size_t n, size_t max, size_t size)
{
	void **p = list;

	if (n >= max) {
		r->over = true;
		return NULL;
	}
	if ((n & (n - 1)) == 0) /* full: 0, 1, 2, 4, ... */
		*p = xrealloc(*p, n ? 2 * n : 1, size);
	return (char *)*p + n * size;
}

/* Links */

static void read_stats(struct net_link *link, const struct nlattr *a)
{
	struct rtnl_link_stats64 s = { 0 };

	nla_memcpy(&s, a, (int)MIN(sizeof(s), (size_t)nla_len(a)));
	link->rx_bytes = s.rx_bytes;
	link->rx_packets = s.rx_packets;
	link->rx_errors = s.rx_errors;
	link->rx_dropped = s.rx_dropped;
	link->tx_bytes = s.tx_bytes;
	link->tx_packets = s.tx_packets;
	link->tx_errors = s.tx_errors;
	link->tx_dropped = s.tx_dropped;
}

static void read_link_attributes(struct net_link *link, struct nlattr *tb[static IFLA_MAX + 1])
{
	struct nlattr *info[IFLA_INFO_MAX + 1] = { NULL };

	nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name));
	if (tb[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0 &&
	    info[IFLA_INFO_KIND])
		nla_strlcpy(link->kind, info[IFLA_INFO_KIND], sizeof(link->kind));
	link->carrier = sized(tb[IFLA_CARRIER], 1) && nla_get_u8(tb[IFLA_CARRIER]);
	link->mtu = u32_of(tb[IFLA_MTU]);
	link->has_mac = mac_of(tb[IFLA_ADDRESS], link->mac);
	link->lower = (int)u32_of(tb[IFLA_LINK]);
	link->lower_elsewhere = tb[IFLA_LINK_NETNSID] != NULL;
	link->master = (int)u32_of(tb[IFLA_MASTER]);
	if (tb[IFLA_STATS64])
		read_stats(link, tb[IFLA_STATS64]);
}

static void on_link(struct nlmsghdr *message, void *arg)
{
	struct reading *r = arg;
	const struct ifinfomsg *head = nlmsg_data(message);
	struct nlattr *tb[IFLA_MAX + 1];
	struct net_link *link;

	if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, sizeof(*head)) ||
	    nlmsg_parse(message, sizeof(*head), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return;
	link = room_for_one(r, &r->state->links, r->state->n_links, NET_LINKS_MAX, sizeof(*link));
	if (!link)
		return;
	*link = (struct net_link){ .index = head->ifi_index,
				   .type = head->ifi_type,
				   .flags = head->ifi_flags };
	read_link_attributes(link, tb);
	r->state->n_links++;
}

static int compare_links(const void *a, const void *b)
{
	return ((const struct net_link *)a)->index - ((const struct net_link *)b)->index;
}

/* Addresses */

static void on_address(struct nlmsghdr *message, void *arg)
{
	struct reading *r = arg;
	const struct ifaddrmsg *head = nlmsg_data(message);
	struct nlattr *tb[IFA_MAX + 1];
	struct net_address *address;

	if (message->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(message, sizeof(*head)) ||
	    !is_ip(head->ifa_family) || nlmsg_parse(message, sizeof(*head), tb, IFA_MAX, NULL) < 0)
		return;
	address = room_for_one(r, &r->state->addresses, r->state->n_addresses, NET_ADDRESSES_MAX,
			       sizeof(*address));
	if (!address)
		return;
	*address = (struct net_address){
		.link = (int)head->ifa_index,
		/* With a peer, IFA_ADDRESS is the peer's. */
		.ip = ip_of(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], head->ifa_family),
		.prefix = head->ifa_prefixlen,
		.scope = head->ifa_scope,
		.flags = tb[IFA_FLAGS] ? u32_of(tb[IFA_FLAGS]) : head->ifa_flags,
	};
	if (address->ip.family != AF_UNSPEC)
		r->state->n_addresses++;
}

/* Routes */

/* An IPv4 route can go over a neighbour of IPv6, which is told apart. */
static struct net_ip via_of(const struct nlattr *a)
{
	struct net_ip none = { .family = AF_UNSPEC };
	struct rtvia via;
	struct net_ip ip = none;

	if (!sized(a, sizeof(via) + sizeof(ip.v6)))
		return none;
	nla_memcpy(&via, a, sizeof(via));
	if (via.rtvia_family != AF_INET6)
		return none;
	ip.family = AF_INET6;
	memcpy(&ip.v6, (const char *)nla_data(a) + sizeof(via), sizeof(ip.v6));
	return ip;
}

static void read_hop(struct net_route *route, struct nlattr *tb[static RTA_MAX + 1])
{
	route->gateway = ip_of(tb[RTA_GATEWAY], route->family);
	if (route->gateway.family == AF_UNSPEC && tb[RTA_VIA])
		route->gateway = via_of(tb[RTA_VIA]);
}

static void read_hops(struct net_route *route, const struct nlattr *list)
{
	struct rtnexthop *hop = nla_data(list);
	int left = nla_len(list);
	struct nlattr *tb[RTA_MAX + 1];

	if (!RTNH_OK(hop, left) || nla_parse(tb, RTA_MAX, (struct nlattr *)(void *)RTNH_DATA(hop),
					     hop->rtnh_len - (int)sizeof(*hop), NULL) < 0)
		return;
	route->link = hop->rtnh_ifindex;
	route->flags = hop->rtnh_flags & RTNH_F_ONLINK;
	read_hop(route, tb);
	route->has_more_hops = left > (int)NLMSG_ALIGN(hop->rtnh_len);
}

static bool read_route(struct nlmsghdr *message, struct net_route *route)
{
	const struct rtmsg *head = nlmsg_data(message);
	struct nlattr *tb[RTA_MAX + 1], *metrics[RTAX_MAX + 1] = { NULL };

	if (message->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(message, sizeof(*head)) ||
	    !is_ip(head->rtm_family) || head->rtm_type != RTN_UNICAST ||
	    (head->rtm_flags & RTM_F_CLONED) ||
	    nlmsg_parse(message, sizeof(*head), tb, RTA_MAX, NULL) < 0)
		return false;
	*route = (struct net_route){
		.family = head->rtm_family,
		.to = ip_of(tb[RTA_DST], head->rtm_family),
		.prefix = head->rtm_dst_len,
		.source = ip_of(tb[RTA_PREFSRC], head->rtm_family),
		.link = (int)u32_of(tb[RTA_OIF]),
		.table = tb[RTA_TABLE] ? u32_of(tb[RTA_TABLE]) : head->rtm_table,
		.protocol = head->rtm_protocol,
		.scope = head->rtm_scope,
		.type = head->rtm_type,
		.metric = u32_of(tb[RTA_PRIORITY]),
		.flags = head->rtm_flags & RTNH_F_ONLINK,
	};
	if (tb[RTA_METRICS] && nla_parse_nested(metrics, RTAX_MAX, tb[RTA_METRICS], NULL) == 0)
		route->mtu = u32_of(metrics[RTAX_MTU]);
	if (tb[RTA_MULTIPATH])
		read_hops(route, tb[RTA_MULTIPATH]);
	else
		read_hop(route, tb);
	return route->table == RT_TABLE_MAIN;
}

static void on_route(struct nlmsghdr *message, void *arg)
{
	struct reading *r = arg;
	struct net_route route, *room;

	if (!read_route(message, &route))
		return;
	room = room_for_one(r, &r->state->routes, r->state->n_routes, NET_ROUTES_MAX,
			    sizeof(*room));
	if (!room)
		return;
	*room = route;
	r->state->n_routes++;
}

/* Neighbours */

static void on_neighbour(struct nlmsghdr *message, void *arg)
{
	struct reading *r = arg;
	const struct ndmsg *head = nlmsg_data(message);
	struct nlattr *tb[NDA_MAX + 1];
	struct net_neighbour neighbour, *room;

	if (message->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(message, sizeof(*head)) ||
	    !is_ip(head->ndm_family) || nlmsg_parse(message, sizeof(*head), tb, NDA_MAX, NULL) < 0)
		return;
	neighbour = (struct net_neighbour){
		.link = head->ndm_ifindex,
		.ip = ip_of(tb[NDA_DST], head->ndm_family),
		.state = head->ndm_state,
		.flags = head->ndm_flags,
	};
	neighbour.has_mac = mac_of(tb[NDA_LLADDR], neighbour.mac);
	if (neighbour.ip.family == AF_UNSPEC || !neighbour.has_mac)
		return;
	room = room_for_one(r, &r->state->neighbours, r->state->n_neighbours, NET_NEIGHBOURS_MAX,
			    sizeof(*room));
	if (!room)
		return;
	*room = neighbour;
	r->state->n_neighbours++;
}

/* All of it */

static const struct {
	int request;
	size_t head_len; /* of zeros: any family */
	net_answer *answer;
	const char *what;
	int max;
} dumps[] = {
	{ RTM_GETLINK, sizeof(struct ifinfomsg), on_link, "links", NET_LINKS_MAX },
	{ RTM_GETADDR, sizeof(struct ifaddrmsg), on_address, "addresses", NET_ADDRESSES_MAX },
	{ RTM_GETROUTE, sizeof(struct rtmsg), on_route, "routes", NET_ROUTES_MAX },
	{ RTM_GETNEIGH, sizeof(struct ndmsg), on_neighbour, "neighbours", NET_NEIGHBOURS_MAX },
};

static int read_once(struct net *net, struct net_state *state, struct err *err)
{
	static const char zeros[64];

	for (size_t i = 0; i < ARRAY_LEN(dumps); i++) {
		struct reading reading = { .state = state };
		int r = net_talk(
			net, net_request(dumps[i].request, NLM_F_DUMP, zeros, dumps[i].head_len),
			dumps[i].answer, &reading);

		if (r < 0)
			return net_fail(net, r, err, "read %s", dumps[i].what);
		if (reading.over)
			return err_set(err, ERR_EXHAUSTED, "read %s: more than %d", dumps[i].what,
				       dumps[i].max);
	}
	if (state->n_links)
		qsort(state->links, state->n_links, sizeof(*state->links), compare_links);
	return 0;
}

int net_read(struct net *net, struct net_state *ret, struct err *err)
{
	*ret = (struct net_state){ 0 };
	for (int i = 0; i < TRIES; i++) {
		struct err failed = ERR_INIT;

		if (read_once(net, ret, &failed) == 0)
			return 0;
		net_state_done(ret);
		if (failed.sys != EAGAIN) {
			*err = failed;
			return -1;
		}
	}
	return err_set(err, ERR_UNAVAILABLE, "read network: it changed %d times meanwhile", TRIES);
}

void net_state_done(struct net_state *state)
{
	free(state->links);
	free(state->addresses);
	free(state->routes);
	free(state->neighbours);
	*state = (struct net_state){ 0 };
}

/* Those of a link, with another number. */
#define COPY_OF(list, n)                                                     \
	for (size_t i = 0; i < from->n; i++) {                               \
		if (from->list[i].link != link)                              \
			continue;                                            \
		to->list = xrealloc(to->list, to->n + 1, sizeof(*to->list)); \
		to->list[to->n] = from->list[i];                             \
		to->list[to->n++].link = as;                                 \
	}

void net_state_copy(struct net_state *to, const struct net_state *from, int link, int as)
{
	COPY_OF(addresses, n_addresses)
	COPY_OF(routes, n_routes)
	COPY_OF(neighbours, n_neighbours)
}

const struct net_link *net_find_index(const struct net_state *state, int index)
{
	for (size_t i = 0; i < state->n_links; i++)
		if (state->links[i].index == index)
			return &state->links[i];
	return NULL;
}

const struct net_link *net_find_name(const struct net_state *state, const char *name)
{
	for (size_t i = 0; i < state->n_links; i++)
		if (strcmp(state->links[i].name, name) == 0)
			return &state->links[i];
	return NULL;
}

static void read_index(struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *head = nlmsg_data(message);
	int *index = arg;

	if (message->nlmsg_type == RTM_NEWLINK && nlmsg_valid_hdr(message, sizeof(*head)))
		*index = head->ifi_index;
}

int net_link_index(struct net *net, const char *name, struct err *err)
{
	const struct ifinfomsg head = { 0 };
	struct nl_msg *msg;
	int index = 0, r;

	if (net_name_check(name, err) < 0)
		return -1;
	msg = net_request(RTM_GETLINK, 0, &head, sizeof(head));
	net_put_text(msg, IFLA_IFNAME, name);
	r = net_talk(net, msg, read_index, &index);
	if (r == 0 && index <= 0)
		r = -ENODEV;
	return r < 0 ? net_fail(net, r, err, "link '%s'", name) : index;
}
