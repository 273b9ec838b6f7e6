/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change.c - links, addresses, routes and neighbours set and taken away
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/talk.h"

#define PREFIX_TEXT (NET_IP_TEXT + 4)

/* Links */

static struct nl_msg *link_message(int index, unsigned int flags, unsigned int mask)
{
	const struct ifinfomsg head = { .ifi_index = index,
					.ifi_flags = flags,
					.ifi_change = mask };

	return net_request(RTM_NEWLINK, 0, &head, sizeof(head));
}

int net_link_set_up(struct net *net, int index, bool up, struct err *err)
{
	int r = net_talk(net, link_message(index, up ? IFF_UP : 0, IFF_UP), NULL, NULL);

	return r < 0 ? net_fail_link(net, index, r, err, "set %s", up ? "up" : "down") : 0;
}

int net_link_set_arp(struct net *net, int index, bool arp, struct err *err)
{
	int r = net_talk(net, link_message(index, arp ? 0 : IFF_NOARP, IFF_NOARP), NULL, NULL);

	return r < 0 ? net_fail_link(net, index, r, err, "set ARP %s", arp ? "on" : "off") : 0;
}

int net_link_set_autoconf(struct net *net, int index, bool on, struct err *err)
{
	const uint8_t mode = on ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE;
	struct nl_msg *msg = link_message(index, 0, 0);
	struct nlattr *families = nla_nest_start(msg, IFLA_AF_SPEC);
	struct nlattr *inet6 = nla_nest_start(msg, AF_INET6);
	int r;

	net_put(msg, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, families);
	r = net_talk(net, msg, NULL, NULL);
	/* No IPv6 in this kernel, or none on this link: so there is nothing to switch. */
	if (r == -EAFNOSUPPORT)
		return 0;
	return r < 0 ? net_fail_link(net, index, r, err, "set IPv6 addresses %s", on ? "on" : "off")
		     : 0;
}

int net_link_set_mtu(struct net *net, int index, uint32_t mtu, struct err *err)
{
	struct nl_msg *msg = link_message(index, 0, 0);
	int r;

	net_put_u32(msg, IFLA_MTU, mtu);
	r = net_talk(net, msg, NULL, NULL);
	return r < 0 ? net_fail_link(net, index, r, err, "set MTU %u", mtu) : 0;
}

int net_link_set_name(struct net *net, int index, const char *name, struct err *err)
{
	struct nl_msg *msg;
	int r;

	if (net_name_check(name, err) < 0)
		return -1;
	msg = link_message(index, 0, 0);
	net_put_text(msg, IFLA_IFNAME, name);
	r = net_talk(net, msg, NULL, NULL);
	return r < 0 ? net_fail_link(net, index, r, err, "rename to '%s'", name) : 0;
}

int net_link_set_mac(struct net *net, int index, const uint8_t mac[static ETH_ALEN],
		     struct err *err)
{
	struct nl_msg *msg = link_message(index, 0, 0);
	char text[NET_MAC_TEXT];
	int r;

	net_put(msg, IFLA_ADDRESS, mac, ETH_ALEN);
	r = net_talk(net, msg, NULL, NULL);
	net_mac_format(mac, text);
	return r < 0 ? net_fail_link(net, index, r, err, "set MAC %s", text) : 0;
}

int net_link_delete(struct net *net, int index, struct err *err)
{
	const struct ifinfomsg head = { .ifi_index = index };
	int r = net_talk(net, net_request(RTM_DELLINK, 0, &head, sizeof(head)), NULL, NULL);

	if (r < 0 && r != -ENODEV)
		return net_fail_link(net, index, r, err, "delete");
	return 0;
}

/* Addresses */

static const char *format_prefix(const struct net_ip *ip, unsigned int prefix,
				 char text[static PREFIX_TEXT])
{
	char address[NET_IP_TEXT];

	net_ip_format(ip, address);
	(void)snprintf(text, PREFIX_TEXT, "%s/%u", address, prefix);
	return text;
}

static struct nl_msg *address_message(int type, int flags, const struct net_address *address,
				      uint32_t more)
{
	const struct ifaddrmsg head = {
		.ifa_family = (unsigned char)address->ip.family,
		.ifa_prefixlen = (unsigned char)address->prefix,
		.ifa_scope = (unsigned char)address->scope,
		.ifa_index = (unsigned int)address->link,
	};
	struct nl_msg *msg = net_request(type, flags, &head, sizeof(head));

	net_put_ip(msg, IFA_LOCAL, &address->ip);
	net_put_ip(msg, IFA_ADDRESS, &address->ip);
	if (more)
		net_put_u32(msg, IFA_FLAGS, more);
	return msg;
}

int net_address_add(struct net *net, const struct net_address *address, struct err *err)
{
	/* Whoever owned the address has done DAD, or has it switched off; nobody shall wait again.
	 */
	uint32_t flags = address->ip.family == AF_INET6 ? IFA_F_NODAD : 0;
	char text[PREFIX_TEXT];
	int r = net_talk(net,
			 address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, flags),
			 NULL, NULL);

	if (r < 0 && r != -EEXIST)
		return net_fail_link(net, address->link, r, err, "add address '%s'",
				     format_prefix(&address->ip, address->prefix, text));
	return 0;
}

int net_address_delete(struct net *net, const struct net_address *address, struct err *err)
{
	char text[PREFIX_TEXT];
	int r = net_talk(net, address_message(RTM_DELADDR, 0, address, 0), NULL, NULL);

	if (r < 0 && r != -EADDRNOTAVAIL && r != -ENODEV)
		return net_fail_link(net, address->link, r, err, "delete address '%s'",
				     format_prefix(&address->ip, address->prefix, text));
	return 0;
}

/* Routes */

static void put_gateway(struct nl_msg *msg, const struct net_route *route)
{
	const struct rtvia head = { .rtvia_family = AF_INET6 };
	char via[sizeof(head) + sizeof(route->gateway.v6)];

	if (route->gateway.family == AF_UNSPEC || route->gateway.family == route->family) {
		net_put_ip(msg, RTA_GATEWAY, &route->gateway);
		return;
	}
	memcpy(via, &head, sizeof(head));
	memcpy(via + sizeof(head), &route->gateway.v6, sizeof(route->gateway.v6));
	net_put(msg, RTA_VIA, via, sizeof(via));
}

static void put_mtu(struct nl_msg *msg, uint32_t mtu)
{
	struct nlattr metrics[2 + 1]; /* a header, and one attribute of four bytes */
	const struct nlattr mtu_head = { .nla_len = NLA_HDRLEN + sizeof(mtu),
					 .nla_type = RTAX_MTU };

	memcpy(&metrics[0], &mtu_head, sizeof(mtu_head));
	memcpy(&metrics[1], &mtu, sizeof(mtu));
	net_put(msg, RTA_METRICS, metrics, NLA_HDRLEN + sizeof(mtu));
}

static struct nl_msg *route_message(int type, int flags, const struct net_route *route)
{
	const unsigned int table = route->table ? route->table : RT_TABLE_MAIN;
	const struct rtmsg head = {
		.rtm_family = (unsigned char)route->family,
		.rtm_dst_len = (unsigned char)route->prefix,
		.rtm_table = table < 256 ? (unsigned char)table : RT_TABLE_UNSPEC,
		.rtm_protocol = (unsigned char)route->protocol,
		.rtm_scope = (unsigned char)route->scope,
		.rtm_type = (unsigned char)(route->type ? route->type : RTN_UNICAST),
		.rtm_flags = route->flags,
	};
	struct nl_msg *msg = net_request(type, flags, &head, sizeof(head));

	net_put_ip(msg, RTA_DST, &route->to);
	net_put_u32(msg, RTA_TABLE, table);
	put_gateway(msg, route);
	if (route->link)
		net_put_u32(msg, RTA_OIF, (uint32_t)route->link);
	if (route->metric)
		net_put_u32(msg, RTA_PRIORITY, route->metric);
	return msg;
}

/* "10.0.0.0/8 via 10.1.1.1" */
static const char *format_route(const struct net_route *route, char *text, size_t size)
{
	char to[PREFIX_TEXT], gateway[NET_IP_TEXT];

	net_ip_format(&route->gateway, gateway);
	(void)snprintf(text, size, "%s%s%s",
		       route->to.family == AF_UNSPEC ? "default"
						     : format_prefix(&route->to, route->prefix, to),
		       *gateway ? " via " : "", gateway);
	return text;
}

int net_route_replace(struct net *net, const struct net_route *route, struct err *err)
{
	struct net_route full = *route;
	char text[2 * PREFIX_TEXT + 16];
	struct nl_msg *msg;
	int r;

	if (!full.protocol)
		full.protocol = RTPROT_BOOT;
	msg = route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &full);
	net_put_ip(msg, RTA_PREFSRC, &full.source);
	if (full.mtu)
		put_mtu(msg, full.mtu);
	r = net_talk(net, msg, NULL, NULL);
	if (r < 0 && r != -EEXIST)
		return net_fail_link(net, route->link, r, err, "set route '%s'",
				     format_route(route, text, sizeof(text)));
	return 0;
}

int net_route_delete(struct net *net, const struct net_route *route, struct err *err)
{
	char text[2 * PREFIX_TEXT + 16];
	int r = net_talk(net, route_message(RTM_DELROUTE, 0, route), NULL, NULL);

	if (r < 0 && r != -ESRCH && r != -ENODEV && r != -ENOENT)
		return net_fail_link(net, route->link, r, err, "delete route '%s'",
				     format_route(route, text, sizeof(text)));
	return 0;
}

/* Neighbours */

static struct nl_msg *neighbour_message(int type, int flags, const struct net_neighbour *neighbour)
{
	const struct ndmsg head = {
		.ndm_family = (unsigned char)neighbour->ip.family,
		.ndm_ifindex = neighbour->link,
		.ndm_state = (uint16_t)neighbour->state,
		.ndm_flags = (uint8_t)neighbour->flags,
	};
	struct nl_msg *msg = net_request(type, flags, &head, sizeof(head));

	net_put_ip(msg, NDA_DST, &neighbour->ip);
	return msg;
}

int net_neighbour_replace(struct net *net, const struct net_neighbour *neighbour, struct err *err)
{
	struct nl_msg *msg =
		neighbour_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbour);
	char text[NET_IP_TEXT];
	int r;

	if (neighbour->has_mac)
		net_put(msg, NDA_LLADDR, neighbour->mac, ETH_ALEN);
	r = net_talk(net, msg, NULL, NULL);
	net_ip_format(&neighbour->ip, text);
	return r < 0 ? net_fail_link(net, neighbour->link, r, err, "set neighbour '%s'", text) : 0;
}

int net_neighbour_delete(struct net *net, const struct net_neighbour *neighbour, struct err *err)
{
	char text[NET_IP_TEXT];
	int r = net_talk(net, neighbour_message(RTM_DELNEIGH, 0, neighbour), NULL, NULL);

	net_ip_format(&neighbour->ip, text);
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		return net_fail_link(net, neighbour->link, r, err, "delete neighbour '%s'", text);
	return 0;
}
