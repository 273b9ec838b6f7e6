/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network_routes.c - routes and neighbours as the host says
 */
#include <string.h>

#include "agent/network.h"
#include "lib/base/mem.h"

#define IPV6_METRIC 1024 /* the kernel's for one without; IP6_RT_PRIO_USER */

/* What the kernel tells routes apart by: only one of them can be there. */
static bool is_same(const struct net_route *a, const struct net_route *b)
{
	return a->family == b->family && a->prefix == b->prefix && a->metric == b->metric &&
	       net_ip_equal(&a->to, &b->to);
}

/*
 * The protocol has no metrics. The host's order is that of preference, so a second route to the
 * same destination, over another interface, gets the next metric instead of the first one's place.
 */
static uint32_t choose_metric(const struct net_route *routes, size_t n,
			      const struct net_route *route)
{
	struct net_route wanted = *route;

	for (size_t i = 0; i < n; i++)
		if (is_same(&routes[i], &wanted))
			wanted.metric = wanted.metric || route->family == AF_INET
						? wanted.metric + 1
						: IPV6_METRIC + 1;
	return wanted.metric;
}

static int find_link(const struct net_state *state, const char *name, int *ret, struct err *err)
{
	const struct net_link *link = net_find_name(state, name);

	if (!link)
		return err_set(err, ERR_NOT_FOUND, "link '%s' is not there", name);
	*ret = link->index;
	return 0;
}

static void set_route(struct network *n, const struct net_state *state,
		      const struct network_route *wanted, struct net_route *route,
		      struct err *first)
{
	struct err err = ERR_INIT;
	char to[NET_IP_TEXT];

	if (find_link(state, wanted->device, &route->link, &err) == 0 &&
	    net_route_replace(n->net, route, &err) == 0)
		return;
	if (route->link && network_lacks_ipv6(route->family, wanted->device, &err))
		return;
	net_ip_format(&route->to, to);
	if (!route->link)
		err_wrap(&err, "route '%s'", *to ? to : "default");
	err_keep_first(first, &err);
}

/* Over a gateway, which has to be reachable by then, or not. */
static void set_routes(struct network *n, const struct net_state *state,
		       const struct network_route *list, struct net_route *routes, size_t n_list,
		       bool with_gateway, struct err *first)
{
	for (size_t i = 0; i < n_list; i++)
		if ((routes[i].gateway.family != AF_UNSPEC) == with_gateway)
			set_route(n, state, &list[i], &routes[i], first);
}

static void remove_routes(struct network *n, const struct net_route *routes, size_t n_routes,
			  struct err *first)
{
	for (size_t i = 0; i < n->n_routes; i++) {
		struct err err = ERR_INIT;
		size_t k = 0;

		while (k < n_routes && !is_same(&routes[k], &n->routes[i]))
			k++;
		if (k == n_routes && n->routes[i].link &&
		    net_route_delete(n->net, &n->routes[i], &err) < 0)
			err_keep_first(first, &err);
	}
}

int network_update_routes(struct network *n, const struct network_route *list, size_t n_list,
			  struct err *err)
{
	struct net_route *routes = xcalloc(n_list + 1, sizeof(*routes));
	struct err first = ERR_INIT;
	struct net_state state;

	if (net_read(n->net, &state, err) < 0) {
		free(routes);
		return -1;
	}
	for (size_t i = 0; i < n_list; i++) {
		routes[i] = list[i].route;
		routes[i].metric = choose_metric(routes, i, &routes[i]);
	}
	set_routes(n, &state, list, routes, n_list, false, &first);
	set_routes(n, &state, list, routes, n_list, true, &first);
	remove_routes(n, routes, n_list, &first);
	free(n->routes);
	n->routes = routes;
	n->n_routes = n_list;
	net_state_done(&state);
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}

int network_add_neighbours(struct network *n, const struct network_neighbour *list, size_t n_list,
			   struct err *err)
{
	struct err first = ERR_INIT;
	struct net_state state;

	if (net_read(n->net, &state, err) < 0)
		return -1;
	for (size_t i = 0; i < n_list; i++) {
		struct net_neighbour neighbour = list[i].neighbour;
		struct err failed = ERR_INIT;

		if ((find_link(&state, list[i].device, &neighbour.link, &failed) < 0 ||
		     net_neighbour_replace(n->net, &neighbour, &failed) < 0) &&
		    !(neighbour.link &&
		      network_lacks_ipv6(neighbour.ip.family, list[i].device, &failed)))
			err_keep_first(&first, &failed);
	}
	net_state_done(&state);
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}
