/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/guest.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

/* The messages own their strings, as if they had been unpacked from the wire. */

static Types__IPFamily family_of(int family)
{
	return family == AF_INET6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
}

static void set_ip(char **field, const struct net_ip *ip)
{
	char text[NET_IP_TEXT];

	net_ip_format(ip, text);
	spec_set_string(field, text);
}

static void set_prefix(char **field, const struct net_ip *ip, unsigned int prefix)
{
	char text[NET_IP_TEXT];
	scoped_free char *with_prefix = NULL;

	net_ip_format(ip, text);
	with_prefix = xasprintf("%s/%u", text, prefix);
	spec_set_string(field, with_prefix);
}

static bool is_loopback(const struct net_ip *ip)
{
	if (ip->family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&ip->v6);
	return ntohl(ip->v4.s_addr) >> 24 == 127;
}

/* --- interfaces --- */

static Types__IPAddress *make_address(const struct net_address *address)
{
	Types__IPAddress *msg = xnew(Types__IPAddress);
	scoped_free char *mask = xasprintf("%u", address->prefix);

	types__ipaddress__init(msg);
	msg->family = family_of(address->ip.family);
	set_ip(&msg->address, &address->ip);
	spec_set_string(&msg->mask, mask);
	return msg;
}

Grpc__UpdateInterfaceRequest *guest_interface(const struct net_state *state,
					      const struct endpoint_plan *plan,
					      const char *pci_path)
{
	Grpc__UpdateInterfaceRequest *req = xnew(Grpc__UpdateInterfaceRequest);
	Types__Interface *iface = xnew(Types__Interface);
	const struct net_link *link = net_find_index(state, plan->link);
	char mac[NET_MAC_TEXT];

	grpc__update_interface_request__init(req);
	types__interface__init(iface);
	req->interface = iface;
	net_mac_format(plan->mac, mac);
	spec_set_string(&iface->device, plan->name);
	spec_set_string(&iface->name, plan->name);
	spec_set_string(&iface->hwaddr, mac);
	spec_set_string(&iface->devicepath, pci_path);
	spec_set_string(&iface->type, endpoint_kind_name(plan->kind));
	iface->mtu = plan->mtu;
	iface->raw_flags = link ? link->flags & IFF_NOARP : 0;
	for (size_t i = 0; i < state->n_addresses; i++) {
		const struct net_address *address = &state->addresses[i];

		if (address->link == plan->link && !is_loopback(&address->ip) &&
		    !(address->flags & IFA_F_DADFAILED))
			message_append(&iface->ipaddresses, &iface->n_ipaddresses,
				    make_address(address));
	}
	return req;
}

static bool has_address(const Types__Interface *interface, const Types__IPAddress *address)
{
	for (size_t i = 0; i < interface->n_ipaddresses; i++)
		if (strcmp(interface->ipaddresses[i]->address, address->address) == 0 &&
		    strcmp(interface->ipaddresses[i]->mask, address->mask) == 0)
			return true;
	return false;
}

void guest_add_addresses(Types__Interface *interface, const Types__Interface *more)
{
	for (size_t i = 0; i < more->n_ipaddresses; i++)
		if (!has_address(interface, more->ipaddresses[i]))
			message_append(&interface->ipaddresses, &interface->n_ipaddresses,
				    message_copy_any(&more->ipaddresses[i]->base));
}

/* --- routes --- */

static bool is_same_destination(const struct net_route *a, const struct net_route *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       (a->prefix == 0 || net_ip_equal(&a->to, &b->to));
}

static bool is_wanted(const struct net_route *route)
{
	return route->protocol != RTPROT_KERNEL && route->type == RTN_UNICAST && route->link;
}

/* Is there a better one to the same destination? The kernel has them in the order of metrics. */
static bool is_hidden(const struct net_state *state, size_t at)
{
	for (size_t i = 0; i < state->n_routes; i++) {
		const struct net_route *other = &state->routes[i];

		if (i != at && is_wanted(other) && is_same_destination(other, &state->routes[at]) &&
		    (other->metric < state->routes[at].metric ||
		     (other->metric == state->routes[at].metric && i < at)))
			return true;
	}
	return false;
}

static Types__Route *make_route(const struct net_route *route, const char *device)
{
	Types__Route *msg = xnew(Types__Route);

	types__route__init(msg);
	msg->family = family_of(route->family);
	if (route->prefix > 0)
		set_prefix(&msg->dest, &route->to, route->prefix);
	set_ip(&msg->gateway, &route->gateway);
	set_ip(&msg->source, &route->source);
	spec_set_string(&msg->device, device);
	msg->scope = route->scope;
	msg->flags = route->flags & RTNH_F_ONLINK;
	msg->mtu = route->mtu;
	return msg;
}

Grpc__UpdateRoutesRequest *guest_routes(const struct net_state *state, guest_name_of *name_of,
					void *arg)
{
	Grpc__UpdateRoutesRequest *req = xnew(Grpc__UpdateRoutesRequest);

	grpc__update_routes_request__init(req);
	req->routes = xnew(Grpc__Routes);
	grpc__routes__init(req->routes);
	for (size_t i = 0; i < state->n_routes; i++) {
		const struct net_route *route = &state->routes[i];
		const char *device = is_wanted(route) ? name_of(arg, route->link) : NULL;

		if (device && !is_hidden(state, i))
			message_append(&req->routes->routes, &req->routes->n_routes,
				    make_route(route, device));
	}
	return req;
}

/* --- neighbours --- */

static Types__ARPNeighbor *make_neighbour(const struct net_neighbour *neighbour, const char *device)
{
	Types__ARPNeighbor *msg = xnew(Types__ARPNeighbor);
	char mac[NET_MAC_TEXT];

	types__arpneighbor__init(msg);
	msg->toipaddress = xnew(Types__IPAddress);
	types__ipaddress__init(msg->toipaddress);
	msg->toipaddress->family = family_of(neighbour->ip.family);
	set_ip(&msg->toipaddress->address, &neighbour->ip);
	spec_set_string(&msg->device, device);
	net_mac_format(neighbour->mac, mac);
	spec_set_string(&msg->lladdr, mac);
	msg->state = (int)neighbour->state;
	msg->flags = (int)neighbour->flags;
	return msg;
}

Grpc__AddARPNeighborsRequest *guest_neighbours(const struct net_state *state,
					       guest_name_of *name_of, void *arg)
{
	Grpc__AddARPNeighborsRequest *req = xnew(Grpc__AddARPNeighborsRequest);

	grpc__add_arpneighbors_request__init(req);
	req->neighbors = xnew(Grpc__ARPNeighbors);
	grpc__arpneighbors__init(req->neighbors);
	for (size_t i = 0; i < state->n_neighbours; i++) {
		const struct net_neighbour *neighbour = &state->neighbours[i];
		const char *device = neighbour->state & NUD_PERMANENT && neighbour->has_mac
					     ? name_of(arg, neighbour->link)
					     : NULL;

		if (device)
			message_append(&req->neighbors->arpneighbors, &req->neighbors->n_arpneighbors,
				    make_neighbour(neighbour, device));
	}
	return req;
}
