/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network_message.c - interfaces, routes and neighbours as the agent protocol has them
 */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "agent/network.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static int read_name(const char *name, char ret[static IF_NAMESIZE], struct err *err)
{
	if (net_name_check(name, err) < 0)
		return -1;
	(void)snprintf(ret, IF_NAMESIZE, "%s", name);
	return 0;
}

/* Requests */

static int read_address(const Types__IPAddress *msg, struct net_address *ret, struct err *err)
{
	struct net_address address = { .scope = RT_SCOPE_UNIVERSE };
	unsigned long long prefix;

	if (net_ip_parse(msg->address, &address.ip, err) < 0)
		return -1;
	if (!parse_u64(msg->mask, address.ip.family == AF_INET ? 32 : 128, &prefix))
		return err_set(err, ERR_INVALID, "address '%.64s': prefix '%.16s' is none",
			       msg->address, msg->mask);
	address.prefix = (unsigned int)prefix;
	if (address.ip.family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address.ip.v6))
		address.scope = RT_SCOPE_LINK;
	*ret = address;
	return 0;
}

static int read_interface(const Types__Interface *msg, struct network_interface *want,
			  struct err *err)
{
	want->has_mac = *msg->hwaddr != '\0';
	want->arp = !(msg->raw_flags & IFF_NOARP);
	want->mtu = (uint32_t)msg->mtu;
	if (want->has_mac && net_mac_parse(msg->hwaddr, want->mac, err) < 0)
		return -1;
	if (*msg->devicepath && pci_path_parse(msg->devicepath, &want->path, err) < 0)
		return -1;
	if (!want->has_mac && !want->path.n)
		return err_set(err, ERR_INVALID, "neither MAC address nor PCI path");
	if (msg->mtu > NET_MTU_MAX)
		return err_set(err, ERR_INVALID, "MTU %llu is over %d",
			       (unsigned long long)msg->mtu, NET_MTU_MAX);
	if (msg->n_ipaddresses > NETWORK_ADDRESSES_MAX)
		return err_set(err, ERR_INVALID, "more than %d addresses", NETWORK_ADDRESSES_MAX);
	for (; want->n_addresses < msg->n_ipaddresses; want->n_addresses++)
		if (read_address(msg->ipaddresses[want->n_addresses],
				 &want->addresses[want->n_addresses], err) < 0)
			return -1;
	return 0;
}

int network_read_interface(const Types__Interface *msg, struct network_interface *ret,
			   struct err *err)
{
	*ret = (struct network_interface){ .n_addresses = 0 };
	if (read_name(*msg->name ? msg->name : msg->device, ret->name, err) < 0)
		return -1;
	if (strcmp(ret->name, "lo") == 0)
		return err_set(err, ERR_INVALID, "interface 'lo' is the guest's own");
	if (read_interface(msg, ret, err) < 0)
		return err_wrap(err, "interface '%s'", ret->name);
	return 0;
}

/* As iproute2, "default" and an empty text are 0/0 of the route's family. */
static int read_destination(const Types__Route *msg, struct net_route *route, struct err *err)
{
	route->family = msg->family == TYPES__IPFAMILY__v6 ? AF_INET6 : AF_INET;
	if (!*msg->dest || strcmp(msg->dest, "default") == 0)
		return 0;
	if (net_ip_parse_prefix(msg->dest, &route->to, &route->prefix, err) < 0)
		return -1;
	if (msg->family == TYPES__IPFAMILY__v6 && route->to.family != AF_INET6)
		return err_set(err, ERR_INVALID, "'%s' is no address of IPv6", msg->dest);
	route->family = route->to.family; /* hosts before 2.3 do not tell the family */
	if (route->prefix == 0)
		route->to = (struct net_ip){ .family = AF_UNSPEC };
	return 0;
}

/* The preferred address, with no prefix or one that says "this one"; 0 is Kata's way for that. */
static int read_source(const char *text, struct net_route *route, struct err *err)
{
	unsigned int prefix;

	if (!*text)
		return 0;
	if (net_ip_parse_prefix(text, &route->source, &prefix, err) < 0)
		return -1;
	if (route->source.family != route->family)
		return err_set(err, ERR_INVALID, "source '%s' is of another family", text);
	if (prefix != 0 && prefix != (route->family == AF_INET ? 32 : 128))
		return err_set(err, ERR_UNIMPLEMENTED, "routes by source ('%s')", text);
	return 0;
}

static int read_route(const Types__Route *msg, struct net_route *route, struct err *err)
{
	if (read_destination(msg, route, err) < 0)
		return -1;
	if (*msg->gateway && net_ip_parse(msg->gateway, &route->gateway, err) < 0)
		return -1;
	if (route->family == AF_INET6 && route->gateway.family == AF_INET)
		return err_set(err, ERR_INVALID, "gateway '%s' is of another family", msg->gateway);
	if (msg->scope > UINT8_MAX)
		return err_set(err, ERR_INVALID, "scope %u is none", msg->scope);
	if (msg->mtu > NET_MTU_MAX)
		return err_set(err, ERR_INVALID, "MTU %u is over %d", msg->mtu, NET_MTU_MAX);
	route->scope = msg->scope;
	route->mtu = msg->mtu;
	route->flags = msg->flags & RTNH_F_ONLINK; /* the others are states of the host's link */
	return read_source(msg->source, route, err);
}

int network_read_route(const Types__Route *msg, struct network_route *ret, struct err *err)
{
	struct network_route out = { .route = { .type = RTN_UNICAST, .protocol = RTPROT_BOOT } };

	if (read_name(msg->device, out.device, err) < 0 || read_route(msg, &out.route, err) < 0)
		return err_wrap(err, "route '%.64s'", *msg->dest ? msg->dest : "default");
	*ret = out;
	return 0;
}

int network_read_neighbour(const Types__ARPNeighbor *msg, struct network_neighbour *ret,
			   struct err *err)
{
	const char *ip = msg->toipaddress ? msg->toipaddress->address : "";
	struct network_neighbour out = { .neighbour = { .has_mac = *msg->lladdr != '\0' } };

	if (net_ip_parse(ip, &out.neighbour.ip, err) < 0 ||
	    read_name(msg->device, out.device, err) < 0 ||
	    (*msg->lladdr && net_mac_parse(msg->lladdr, out.neighbour.mac, err) < 0))
		return err_wrap(err, "neighbour '%.64s'", ip);
	if (msg->state < 0 || msg->state > UINT8_MAX || msg->flags < 0 || msg->flags > UINT8_MAX)
		return err_set(err, ERR_INVALID, "neighbour '%s': state %d or flags %d are none",
			       ip, msg->state, msg->flags);
	out.neighbour.state = msg->state ? (unsigned int)msg->state : NUD_PERMANENT;
	out.neighbour.flags = (unsigned int)msg->flags;
	*ret = out;
	return 0;
}

/* Answers */

static char *format_ip(const struct net_ip *ip)
{
	char text[NET_IP_TEXT];

	net_ip_format(ip, text);
	return xstrdup(text);
}

static Types__IPAddress *write_address(const struct net_address *address)
{
	Types__IPAddress *msg = xnew(Types__IPAddress);

	types__ipaddress__init(msg);
	msg->family = address->ip.family == AF_INET6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
	msg->address = format_ip(&address->ip);
	msg->mask = xasprintf("%u", address->prefix);
	return msg;
}

Types__Interface *network_write_interface(const struct net_state *state,
					  const struct net_link *link)
{
	Types__Interface *msg = xnew(Types__Interface);
	char mac[NET_MAC_TEXT] = "";

	types__interface__init(msg);
	if (link->has_mac)
		net_mac_format(link->mac, mac);
	msg->name = xstrdup(link->name);
	msg->device = xstrdup(link->name);
	msg->hwaddr = xstrdup(mac);
	msg->mtu = link->mtu;
	msg->raw_flags = link->flags;
	msg->ipaddresses = xcalloc(state->n_addresses + 1, sizeof(*msg->ipaddresses));
	for (size_t i = 0; i < state->n_addresses; i++)
		if (state->addresses[i].link == link->index)
			msg->ipaddresses[msg->n_ipaddresses++] =
				write_address(&state->addresses[i]);
	return msg;
}

Grpc__Interfaces *network_write_interfaces(const struct net_state *state)
{
	Grpc__Interfaces *list = xnew(Grpc__Interfaces);

	grpc__interfaces__init(list);
	list->interfaces = xcalloc(state->n_links + 1, sizeof(*list->interfaces));
	for (size_t i = 0; i < state->n_links; i++)
		list->interfaces[list->n_interfaces++] =
			network_write_interface(state, &state->links[i]);
	return list;
}

static Types__Route *write_route(const struct net_state *state, const struct net_route *route)
{
	const struct net_link *link = net_find_index(state, route->link);
	Types__Route *msg = xnew(Types__Route);
	char to[NET_IP_TEXT];

	types__route__init(msg);
	net_ip_format(&route->to, to);
	msg->dest = *to ? xasprintf("%s/%u", to, route->prefix) : xstrdup("");
	msg->gateway = format_ip(&route->gateway);
	msg->source = format_ip(&route->source);
	msg->device = xstrdup(link ? link->name : "");
	msg->scope = route->scope;
	msg->family = route->family == AF_INET6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
	msg->flags = route->flags;
	msg->mtu = route->mtu;
	return msg;
}

Grpc__Routes *network_write_routes(const struct net_state *state)
{
	Grpc__Routes *list = xnew(Grpc__Routes);

	grpc__routes__init(list);
	list->routes = xcalloc(state->n_routes + 1, sizeof(*list->routes));
	for (size_t i = 0; i < state->n_routes; i++)
		list->routes[list->n_routes++] = write_route(state, &state->routes[i]);
	return list;
}
