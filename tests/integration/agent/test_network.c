/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_network.c - interfaces, routes and neighbours as the host wants them
 *
 * The agent's guest is the network namespace that it shares with this test; what it is told to
 * do to the ends of veth pairs is looked at through lib/net.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "tests/integration/agent/drive.h"
#include "tests/lib/ok.h"
#include "tests/unit/net/veth.h"

static struct net *net;

/* What is there */

/* index 0: no such link */
static struct net_link get_link(const char *name)
{
	struct net_state s = read_net(net);
	const struct net_link *found = net_find_name(&s, name);
	struct net_link link = { .index = 0 };

	if (found)
		link = *found;
	net_state_done(&s);
	return link;
}

static bool has_address(int link, const char *text)
{
	struct net_state s = read_net(net);
	struct net_ip wanted;
	unsigned int prefix;
	bool found = false;

	OK(net_ip_parse_prefix(text, &wanted, &prefix, e));
	for (size_t i = 0; i < s.n_addresses; i++)
		found |= s.addresses[i].link == link && s.addresses[i].prefix == prefix &&
			 net_ip_equal(&s.addresses[i].ip, &wanted);
	net_state_done(&s);
	return found;
}

/* The best one to there; link 0: none. */
static struct net_route get_route(const char *text)
{
	struct net_route best = { .link = 0 };
	struct net_state s = read_net(net);
	struct net_ip to;
	unsigned int prefix;

	OK(net_ip_parse_prefix(text, &to, &prefix, e));
	for (size_t i = 0; i < s.n_routes; i++) {
		const struct net_route *r = &s.routes[i];

		if (r->family == to.family && r->prefix == prefix &&
		    (prefix == 0 || net_ip_equal(&r->to, &to)) &&
		    (!best.link || r->metric < best.metric))
			best = *r;
	}
	net_state_done(&s);
	return best;
}

/* link 0: none */
static struct net_neighbour get_neighbour(const char *text)
{
	struct net_neighbour found = { .link = 0 };
	struct net_state s = read_net(net);
	struct net_ip ip;

	OK(net_ip_parse(text, &ip, e));
	for (size_t i = 0; i < s.n_neighbours; i++)
		if (net_ip_equal(&s.neighbours[i].ip, &ip))
			found = s.neighbours[i];
	net_state_done(&s);
	return found;
}

static void assert_ip(const struct net_ip *ip, const char *wanted)
{
	char text[NET_IP_TEXT];

	net_ip_format(ip, text);
	assert_string_equal(text, wanted);
}

/* What others than the host make */

static void mac_of(unsigned int n, char text[static NET_MAC_TEXT])
{
	(void)snprintf(text, NET_MAC_TEXT, "02:00:00:00:00:%02x", n);
}

/* One end with MAC n, the other, up, called "p" and n. */
static int plug(const char *name, unsigned int n)
{
	char peer[IF_NAMESIZE], text[NET_MAC_TEXT];
	uint8_t mac[ETH_ALEN];
	int index;

	(void)snprintf(peer, sizeof(peer), "p%u", n);
	mac_of(n, text);
	OK(net_mac_parse(text, mac, e));
	index = make_veth(net, name, peer);
	OK(net_link_set_up(net, get_link(peer).index, true, e));
	OK(net_link_set_mac(net, index, mac, e));
	return index;
}

static void unplug(unsigned int n)
{
	char peer[IF_NAMESIZE];

	(void)snprintf(peer, sizeof(peer), "p%u", n);
	OK(net_link_delete(net, get_link(peer).index, e));
}

static void add_address(int link, const char *text)
{
	struct net_address a = { .link = link };

	OK(net_ip_parse_prefix(text, &a.ip, &a.prefix, e));
	OK(net_address_add(net, &a, e));
}

static void add_route(int link, const char *text, const char *gateway)
{
	struct net_route r = { .link = link, .protocol = RTPROT_STATIC, .scope = RT_SCOPE_LINK };

	OK(net_ip_parse_prefix(text, &r.to, &r.prefix, e));
	r.family = r.to.family;
	if (gateway) {
		OK(net_ip_parse(gateway, &r.gateway, e));
		r.scope = RT_SCOPE_UNIVERSE;
	}
	OK(net_route_replace(net, &r, e));
}

static void add_neighbour(int link, const char *text, unsigned int state)
{
	struct net_neighbour n = { .link = link, .has_mac = true, .mac = { 2, 9 }, .state = state };

	OK(net_ip_parse(text, &n.ip, e));
	OK(net_neighbour_replace(net, &n, e));
}

/* Requests */

struct wish {
	Grpc__UpdateInterfaceRequest req;
	Types__Interface interface;
	char mac[NET_MAC_TEXT];
	Types__IPAddress addresses[4];
	Types__IPAddress *list[4];
	char texts[4][64];
};

/* NULL-terminated addresses with prefix; the text after the '/' is the mask. */
static void wish_for(struct wish *w, unsigned int n, const char *name, const char *const *addresses)
{
	*w = (struct wish){ .req = GRPC__UPDATE_INTERFACE_REQUEST__INIT,
			    .interface = TYPES__INTERFACE__INIT };
	mac_of(n, w->mac);
	w->req.interface = &w->interface;
	w->interface.name = w->interface.device = unconst(name);
	w->interface.hwaddr = w->mac;
	w->interface.ipaddresses = w->list;
	for (size_t i = 0; addresses && addresses[i]; i++) {
		char *slash;

		(void)snprintf(w->texts[i], sizeof(w->texts[i]), "%s", addresses[i]);
		slash = strchr(w->texts[i], '/');
		assert_non_null(slash);
		*slash = '\0';
		w->addresses[i] = (Types__IPAddress)TYPES__IPADDRESS__INIT;
		w->addresses[i].address = w->texts[i];
		w->addresses[i].mask = slash + 1;
		w->addresses[i].family =
			strchr(w->texts[i], ':') ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
		w->list[i] = &w->addresses[i];
		w->interface.n_ipaddresses++;
	}
}

static void update(unsigned int n, const char *name, const char *const *addresses)
{
	struct wish w;

	wish_for(&w, n, name, addresses);
	drive_do("UpdateInterface", &w.req.base);
}

struct routes {
	Grpc__UpdateRoutesRequest req;
	Grpc__Routes routes;
	Types__Route route[8];
	Types__Route *list[8];
};

static void routes_init(struct routes *r)
{
	*r = (struct routes){ .req = GRPC__UPDATE_ROUTES_REQUEST__INIT,
			      .routes = GRPC__ROUTES__INIT };
	r->req.routes = &r->routes;
	r->routes.routes = r->list;
}

static Types__Route *routes_add(struct routes *r, const char *dest, const char *gateway,
				const char *device)
{
	Types__Route *route = &r->route[r->routes.n_routes];

	*route = (Types__Route)TYPES__ROUTE__INIT;
	route->dest = unconst(dest);
	route->gateway = unconst(gateway);
	route->device = unconst(device);
	route->scope = *gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	route->family = strchr(dest, ':') || strchr(gateway, ':') ? TYPES__IPFAMILY__v6
								  : TYPES__IPFAMILY__v4;
	r->list[r->routes.n_routes++] = route;
	return route;
}

/* Tests */

static void an_interface_becomes_what_the_host_says(void **state)
{
	struct err err = ERR_INIT;
	Types__Interface *resp;
	struct net_link link;
	struct wish w;

	(void)state;
	plug("fresh", 1);
	wish_for(&w, 1, "eth0", ARGS("10.1.0.2/24", "2001:db8::2/64"));
	w.interface.mtu = 1400;
	w.interface.raw_flags = IFF_NOARP | IFF_PROMISC; /* of which only the first counts */
	resp = (void *)drive_call("UpdateInterface", &w.req.base, &err);
	assert_non_null(resp);
	assert_string_equal(resp->name, "eth0");
	assert_string_equal(resp->hwaddr, w.mac);
	assert_int_equal(resp->mtu, 1400);
	assert_true(resp->n_ipaddresses >= 2);
	assert_string_equal(resp->ipaddresses[0]->address, "10.1.0.2");
	assert_string_equal(resp->ipaddresses[0]->mask, "24");
	types__interface__free_unpacked(resp, NULL);
	link = get_link("eth0");
	assert_int_not_equal(link.index, 0);
	assert_int_equal(get_link("fresh").index, 0);
	assert_int_equal(link.mtu, 1400);
	assert_int_equal(link.flags & (IFF_UP | IFF_NOARP | IFF_PROMISC), IFF_UP | IFF_NOARP);
	assert_true(has_address(link.index, "10.1.0.2/24"));
	assert_true(has_address(link.index, "2001:db8::2/64"));
	w.interface.raw_flags = 0;
	drive_do("UpdateInterface", &w.req.base);
	assert_int_equal(get_link("eth0").flags & IFF_NOARP, 0);
	unplug(1);
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void what_is_so_already_is_not_touched(void **state)
{
	struct event_base *base = event_base_new();
	struct err err = ERR_INIT;
	struct net_watch *watch;
	int n_changes = 1;

	(void)state;
	plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/24", "2001:db8::2/64"));
	watch = net_watch_new(base, count, &n_changes, &err);
	assert_non_null(watch);
	/* The kernel may have late words about the new link, each of which spoils one try. */
	for (int tries = 0; n_changes && tries < 20; tries++) {
		n_changes = 0;
		update(1, "eth0", ARGS("10.1.0.2/24", "2001:db8::2/64"));
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(n_changes, 0);
	net_watch_free(watch);
	event_base_free(base);
	unplug(1);
}

static void a_new_mtu_does_not_take_the_interface_down(void **state)
{
	struct wish w;
	int index;

	(void)state;
	index = plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/24"));
	add_neighbour(index, "10.1.0.9", NUD_STALE); /* does not survive that */
	wish_for(&w, 1, "eth0", ARGS("10.1.0.2/24"));
	w.interface.mtu = 9000;
	drive_do("UpdateInterface", &w.req.base);
	assert_int_equal(get_link("eth0").mtu, 9000);
	assert_int_equal(get_neighbour("10.1.0.9").link, index);
	unplug(1);
}

/* What a link that goes down loses, whoever has made it. */
static void furnish(int index, unsigned int n)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "10.%u.0.50/24", n);
	add_address(index, text);
	(void)snprintf(text, sizeof(text), "2001:db8:%u::50/64", n);
	add_address(index, text);
	(void)snprintf(text, sizeof(text), "10.%u0.0.0/16", n);
	add_route(index, text, NULL);
	(void)snprintf(text, sizeof(text), "10.%u.0.9", n);
	add_neighbour(index, text, NUD_PERMANENT);
}

static void assert_furnished(int index, unsigned int n)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "10.%u.0.50/24", n);
	assert_true(has_address(index, text));
	(void)snprintf(text, sizeof(text), "2001:db8:%u::50/64", n);
	assert_true(has_address(index, text));
	(void)snprintf(text, sizeof(text), "10.%u0.0.0/16", n);
	assert_int_equal(get_route(text).link, index);
	(void)snprintf(text, sizeof(text), "10.%u.0.9", n);
	assert_int_equal(get_neighbour(text).link, index);
}

static void names_are_swapped_and_nothing_is_lost(void **state)
{
	struct routes r;
	int a, b;

	(void)state;
	a = plug("eth0", 1);
	b = plug("eth1", 2);
	update(1, "eth0", ARGS("10.1.0.2/24", "fe80::1/64"));
	update(2, "eth1", ARGS("10.2.0.2/24", "fe80::2/64"));
	routes_init(&r);
	routes_add(&r, "", "10.1.0.1", "eth0");
	routes_add(&r, "10.99.0.0/16", "10.2.0.1", "eth1");
	drive_do("UpdateRoutes", &r.req.base);
	furnish(a, 1);
	furnish(b, 2);

	update(1, "eth1", ARGS("10.1.0.2/24", "fe80::1/64"));
	assert_int_equal(get_link("eth1").index, a);
	assert_int_equal(get_link("eth0").index, b);
	assert_int_equal(get_link("kata-swap0").index, 0);
	assert_int_not_equal(get_link("eth0").flags & IFF_UP, 0);
	assert_int_not_equal(get_link("eth1").flags & IFF_UP, 0);
	assert_furnished(a, 1);
	assert_furnished(b, 2);
	assert_int_equal(get_route("0.0.0.0/0").link, a);
	assert_int_equal(get_route("10.99.0.0/16").link, b);
	unplug(1);
	unplug(2);
}

static void a_link_that_was_down_stays_down_when_its_name_is_taken(void **state)
{
	int a, b;

	(void)state;
	a = plug("eth0", 1);
	b = plug("eth1", 2);
	update(1, "eth1", NULL);
	assert_int_equal(get_link("eth1").index, a);
	assert_int_equal(get_link("eth0").index, b);
	assert_int_equal(get_link("eth0").flags & IFF_UP, 0);
	unplug(1);
	unplug(2);
}

static void a_ring_of_three_names_is_undone(void **state)
{
	int a, b, c;

	(void)state;
	a = plug("eth0", 1);
	b = plug("eth1", 2);
	c = plug("eth2", 3);
	update(1, "eth1", ARGS("10.1.0.2/24"));
	update(2, "eth2", ARGS("10.2.0.2/24"));
	update(3, "eth0", ARGS("10.3.0.2/24"));
	assert_int_equal(get_link("eth1").index, a);
	assert_int_equal(get_link("eth2").index, b);
	assert_int_equal(get_link("eth0").index, c);
	assert_true(has_address(a, "10.1.0.2/24"));
	assert_true(has_address(b, "10.2.0.2/24"));
	assert_true(has_address(c, "10.3.0.2/24"));
	for (unsigned int n = 1; n <= 3; n++)
		unplug(n);
}

static void addresses_that_the_host_has_taken_back_go(void **state)
{
	int index;

	(void)state;
	index = plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/24", "2001:db8::2/64"));
	add_address(index, "10.1.0.77/24"); /* of the same subnet: it goes with the first one */
	add_address(index, "192.0.2.1/24");
	add_address(index, "fe80::77/64");
	add_route(index, "10.8.0.0/16", "192.0.2.9");
	update(1, "eth0", ARGS("10.1.0.3/24"));
	assert_false(has_address(index, "10.1.0.2/24"));
	assert_false(has_address(index, "2001:db8::2/64"));
	assert_true(has_address(index, "10.1.0.3/24"));
	assert_true(has_address(index, "10.1.0.77/24"));
	assert_true(has_address(index, "192.0.2.1/24"));
	assert_int_equal(get_route("10.8.0.0/16").link, index);
	assert_true(has_address(index, "fe80::77/64"));
	update(1, "eth0", ARGS("10.1.0.3/16"));
	assert_false(has_address(index, "10.1.0.3/24"));
	assert_true(has_address(index, "10.1.0.3/16"));
	unplug(1);
}

static void a_failure_leaves_names_and_state_as_they_were(void **state)
{
	struct wish w;
	int a, b;

	(void)state;
	a = plug("eth0", 1);
	b = plug("eth1", 2);
	update(1, "eth0", ARGS("10.1.0.2/24", "fe80::1/64"));
	update(2, "eth1", ARGS("10.2.0.2/24", "fe80::2/64"));
	furnish(a, 1);
	wish_for(&w, 1, "lo", NULL);
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "'lo'");
	wish_for(&w, 1, "eth1", ARGS("10.1.0.2/24", "fe80::1/64"));
	w.interface.mtu = 20; /* less than the kernel takes */
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "interface 'eth1': link 'eth1'");
	assert_int_not_equal(get_link("eth0").flags & IFF_UP, 0);
	assert_int_not_equal(get_link("eth1").flags & IFF_UP, 0);
	assert_furnished(a, 1);
	assert_true(has_address(b, "10.2.0.2/24"));
	unplug(1);
	unplug(2);
}

static void routes_are_set_in_an_order_that_works(void **state)
{
	struct err err = ERR_INIT;
	Grpc__Routes *resp;
	Types__Route *last;
	struct net_route route;
	struct routes r;
	int index;
	bool told = false;

	(void)state;
	index = plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/32", "2001:db8::2/128"));
	routes_init(&r);
	routes_add(&r, "", "10.1.0.1", "eth0"); /* over the next but one */
	routes_add(&r, "::/0", "2001:db8::1", "eth0");
	routes_add(&r, "10.1.0.1/32", "", "eth0");
	routes_add(&r, "2001:db8::1/128", "", "eth0");
	last = routes_add(&r, "10.9.0.0/16", "192.0.2.1", "eth0");
	last->flags = RTNH_F_ONLINK;
	last->mtu = 1300;
	last->source = unconst("10.1.0.2/0");
	resp = (void *)drive_call("UpdateRoutes", &r.req.base, &err);
	if (!resp)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < resp->n_routes; i++) {
		const Types__Route *t = resp->routes[i];

		if (strcmp(t->dest, "10.9.0.0/16") != 0)
			continue;
		told = true;
		assert_string_equal(t->gateway, "192.0.2.1");
		assert_string_equal(t->device, "eth0");
		assert_string_equal(t->source, "10.1.0.2");
		assert_int_equal(t->mtu, 1300);
		assert_int_equal(t->flags, RTNH_F_ONLINK);
	}
	assert_true(told);
	grpc__routes__free_unpacked(resp, NULL);
	route = get_route("0.0.0.0/0");
	assert_int_equal(route.link, index);
	assert_ip(&route.gateway, "10.1.0.1");
	route = get_route("::/0");
	assert_int_equal(route.link, index);
	assert_ip(&route.gateway, "2001:db8::1");
	assert_int_equal(get_route("10.1.0.1/32").scope, RT_SCOPE_LINK);
	unplug(1);
}

static void routes_are_replaced_and_taken_back(void **state)
{
	struct net_route route;
	struct routes r;
	int index;

	(void)state;
	index = plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/24", "2001:db8::2/64"));
	add_route(index, "10.50.0.0/16", NULL);
	routes_init(&r);
	routes_add(&r, "", "10.1.0.1", "eth0");
	routes_add(&r, "::/0", "2001:db8::1", "eth0");
	routes_add(&r, "10.9.0.0/16", "10.1.0.1", "eth0");
	drive_do("UpdateRoutes", &r.req.base);
	drive_do("UpdateRoutes", &r.req.base);
	routes_init(&r);
	routes_add(&r, "", "10.1.0.7", "eth0");
	routes_add(&r, "::/0", "2001:db8::7", "eth0");
	drive_do("UpdateRoutes", &r.req.base);
	route = get_route("0.0.0.0/0");
	assert_ip(&route.gateway, "10.1.0.7");
	route = get_route("::/0");
	assert_ip(&route.gateway, "2001:db8::7");
	assert_false(route.has_more_hops); /* in place of the other, not beside it */
	assert_int_equal(get_route("10.9.0.0/16").link, 0);
	assert_int_equal(get_route("10.50.0.0/16").link, index); /* not the host's */
	assert_int_equal(get_route("10.1.0.0/24").link, index);
	r.routes.n_routes = 0;
	drive_do("UpdateRoutes", &r.req.base);
	assert_int_equal(get_route("0.0.0.0/0").link, 0);
	assert_int_equal(get_route("::/0").link, 0);
	unplug(1);
}

static void of_two_ways_to_one_place_the_first_is_preferred(void **state)
{
	struct net_route route;
	struct routes r;
	int a, b;

	(void)state;
	a = plug("eth0", 1);
	b = plug("eth1", 2);
	update(1, "eth0", ARGS("10.1.0.2/24", "2001:db8:1::2/64"));
	update(2, "eth1", ARGS("10.2.0.2/24", "2001:db8:2::2/64"));
	routes_init(&r);
	routes_add(&r, "", "10.2.0.1", "eth1");
	routes_add(&r, "", "10.1.0.1", "eth0");
	routes_add(&r, "::/0", "2001:db8:1::1", "eth0");
	routes_add(&r, "::/0", "2001:db8:2::1", "eth1");
	drive_do("UpdateRoutes", &r.req.base);
	route = get_route("0.0.0.0/0");
	assert_int_equal(route.link, b);
	assert_int_equal(get_route("::/0").link, a);
	OK(net_route_delete(net, &route, e));
	assert_int_equal(get_route("0.0.0.0/0").link, a); /* the second is there too */
	unplug(1);
	unplug(2);
}

static void a_route_that_cannot_be_set_is_named_and_the_others_are_set(void **state)
{
	struct routes r;
	int index;

	(void)state;
	index = plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/24"));
	routes_init(&r);
	routes_add(&r, "10.7.0.0/16", "192.0.2.1", "eth0");
	routes_add(&r, "10.6.0.0/16", "", "eth9");
	routes_add(&r, "10.9.0.0/16", "10.1.0.1", "eth0");
	drive_fails("UpdateRoutes", &r.req.base, ERR_NOT_FOUND, "route '10.6.0.0': link 'eth9'");
	assert_int_equal(get_route("10.9.0.0/16").link, index);
	r.routes.n_routes = 1;
	drive_fails("UpdateRoutes", &r.req.base, ERR_INTERNAL,
		    "link 'eth0': set route '10.7.0.0/16 via 192.0.2.1'");
	assert_int_equal(get_route("10.9.0.0/16").link, 0);
	unplug(1);
}

static void neighbours_are_set_for_good(void **state)
{
	Grpc__AddARPNeighborsRequest req = GRPC__ADD_ARPNEIGHBORS_REQUEST__INIT;
	Grpc__ARPNeighbors list = GRPC__ARPNEIGHBORS__INIT;
	Types__ARPNeighbor n = TYPES__ARPNEIGHBOR__INIT;
	Types__IPAddress ip = TYPES__IPADDRESS__INIT;
	Types__ARPNeighbor *all[] = { &n };
	int index;

	(void)state;
	index = plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/24"));
	ip.address = unconst("10.1.0.1");
	n.toipaddress = &ip;
	n.device = unconst("eth0");
	n.lladdr = unconst("02:00:00:00:00:aa");
	n.state = NUD_PERMANENT;
	list.arpneighbors = all;
	list.n_arpneighbors = 1;
	req.neighbors = &list;
	drive_do("AddARPNeighbors", &req.base);
	n.lladdr = unconst("02:00:00:00:00:bb");
	drive_do("AddARPNeighbors", &req.base);
	assert_int_equal(get_neighbour("10.1.0.1").link, index);
	assert_int_equal(get_neighbour("10.1.0.1").state, NUD_PERMANENT);
	assert_int_equal(get_neighbour("10.1.0.1").mac[5], 0xbb);
	n.device = unconst("eth7");
	drive_fails("AddARPNeighbors", &req.base, ERR_NOT_FOUND, "'eth7'");
	n.device = unconst("eth0");
	n.lladdr = unconst("nonsense");
	drive_fails("AddARPNeighbors", &req.base, ERR_INVALID, "neighbour '10.1.0.1'");
	ip.address = unconst("10.1.0");
	drive_fails("AddARPNeighbors", &req.base, ERR_INVALID, "'10.1.0'");
	n.toipaddress = NULL;
	drive_fails("AddARPNeighbors", &req.base, ERR_INVALID, "");
	unplug(1);
}

static void set_ipv6(bool on)
{
	struct err err = ERR_INIT;

	if (file_poke("/proc/sys/net/ipv6/conf/all/disable_ipv6", on ? "0" : "1", &err) < 0)
		fail_msg("%s", err.text);
}

static void a_guest_without_ipv6_gets_the_rest(void **state)
{
	struct routes r;
	int index;

	(void)state;
	set_ipv6(false);
	index = plug("eth0", 1);
	update(1, "eth0", ARGS("2001:db8::2/64", "10.1.0.2/24"));
	routes_init(&r);
	routes_add(&r, "::/0", "2001:db8::1", "eth0");
	routes_add(&r, "", "10.1.0.1", "eth0");
	drive_do("UpdateRoutes", &r.req.base);
	set_ipv6(true);
	assert_true(has_address(index, "10.1.0.2/24"));
	assert_false(has_address(index, "2001:db8::2/64"));
	assert_int_equal(get_route("0.0.0.0/0").link, index);
	unplug(1);
}

static bool has_ipv6_off(const char *link)
{
	scoped_free char *path = xasprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", link);
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;

	if (file_read(path, 16, &text, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return *text == '1';
}

static void a_link_without_ipv6_in_the_pod_has_none_in_the_guest_until_it_gets_an_address(
	void **state)
{
	int index = plug("eth0", 1);

	(void)state;
	update(1, "eth0", ARGS("10.1.0.2/24"));
	assert_true(has_ipv6_off("eth0"));
	update(1, "eth7", ARGS("10.1.0.2/24"));
	assert_true(has_ipv6_off("eth7"));
	update(1, "eth0", ARGS("10.1.0.2/24", "2001:db8::2/64"));
	assert_false(has_ipv6_off("eth0"));
	assert_true(has_address(index, "2001:db8::2/64"));
	/* It has been up by now: what a container may have made is left alone. */
	update(1, "eth0", ARGS("10.1.0.2/24"));
	assert_false(has_ipv6_off("eth0"));
	unplug(1);
}

static void a_link_that_comes_later_is_waited_for(void **state)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int status = -1;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = ERR_INIT;

		nanosleep(&pause, NULL); /* the device's way, while the agent waits */
		net = net_open(&err);
		plug("late", 1);
		_exit(0);
	}
	update(1, "eth0", ARGS("10.1.0.2/24"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(has_address(get_link("eth0").index, "10.1.0.2/24"));
	unplug(1);
}

static void a_link_that_never_comes_is_an_error_after_a_while(void **state)
{
	uint64_t begin = clock_mono_ns();
	struct wish w;

	(void)state;
	wish_for(&w, 9, "eth0", NULL);
	w.interface.devicepath = unconst("02/1f");
	drive_fails("UpdateInterface", &w.req.base, ERR_TIMEOUT, "interface 'eth0'");
	assert_in_range(clock_mono_ns() - begin, 9 * NS_PER_SEC, 15 * NS_PER_SEC);
}

static void callers_that_give_up_are_forgotten(void **state)
{
	Grpc__ListRoutesRequest list = GRPC__LIST_ROUTES_REQUEST__INIT;
	struct wish w;

	(void)state;
	wish_for(&w, 9, "eth0", NULL);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			struct err err = ERR_INIT;

			alarm(1);
			(void)drive_call("UpdateInterface", &w.req.base, &err);
			_exit(0);
		}
	}
	for (int i = 0; i < 20; i++)
		assert_true(wait(NULL) > 0);
	for (int i = 0; i < 3; i++) /* turns of the agent's loop; the descriptors are counted */
		drive_do("ListRoutes", &list.base);
}

static void nonsense_is_refused_before_anything_is_done(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "a/b", "a b", "a\nb", "0123456789abcdef"
	};
	struct routes r;
	struct wish w;
	int index;

	(void)state;
	index = plug("eth0", 1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		wish_for(&w, 1, names[i], NULL);
		drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "interface name");
	}
	wish_for(&w, 1, "eth5", ARGS("10.1.0.2/33"));
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "interface 'eth5': address");
	wish_for(&w, 1, "eth5", ARGS("10.1.0.2/x"));
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "prefix 'x'");
	wish_for(&w, 1, "eth5", ARGS("fe80::1::2/64"));
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "no IP address");
	wish_for(&w, 1, "eth5", NULL);
	w.interface.mtu = 70000;
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "MTU 70000");
	w.interface.mtu = 0;
	w.interface.hwaddr = unconst("02:00");
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "'02:00'");
	w.interface.hwaddr = unconst("");
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "neither");
	w.interface.devicepath = unconst("../../x");
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "no PCI path");
	w.req.interface = NULL;
	drive_fails("UpdateInterface", &w.req.base, ERR_INVALID, "no interface");
	assert_int_equal(get_link("eth0").index, index);
	assert_int_equal(get_link("eth0").flags & IFF_UP, 0);

	routes_init(&r);
	routes_add(&r, "10.9.0.0/16", "", "eth0");
	routes_add(&r, "10.9.0.0/77", "", "eth0");
	drive_fails("UpdateRoutes", &r.req.base, ERR_INVALID, "route '10.9.0.0/77'");
	assert_int_equal(get_route("10.9.0.0/16").link, 0);
	unplug(1);
}

static void what_there_is_can_be_listed(void **state)
{
	Grpc__ListInterfacesRequest interfaces = GRPC__LIST_INTERFACES_REQUEST__INIT;
	Grpc__ListRoutesRequest routes = GRPC__LIST_ROUTES_REQUEST__INIT;
	struct err err = ERR_INIT;
	Grpc__Interfaces *list;
	Grpc__Routes *rlist;
	bool found = false;

	(void)state;
	plug("eth0", 1);
	update(1, "eth0", ARGS("10.1.0.2/24"));
	list = (void *)drive_call("ListInterfaces", &interfaces.base, &err);
	assert_non_null(list);
	assert_int_equal(list->n_interfaces, 3); /* and lo, and the other end */
	for (size_t i = 0; i < list->n_interfaces; i++)
		if (strcmp(list->interfaces[i]->name, "eth0") == 0) {
			found = true;
			assert_string_equal(list->interfaces[i]->hwaddr, "02:00:00:00:00:01");
			assert_string_equal(list->interfaces[i]->ipaddresses[0]->address,
					    "10.1.0.2");
			assert_int_not_equal(list->interfaces[i]->raw_flags & IFF_UP, 0);
		}
	assert_true(found);
	grpc__interfaces__free_unpacked(list, NULL);
	found = false;
	rlist = (void *)drive_call("ListRoutes", &routes.base, &err);
	assert_non_null(rlist);
	for (size_t i = 0; i < rlist->n_routes; i++)
		if (strcmp(rlist->routes[i]->dest, "10.1.0.0/24") == 0) {
			found = true;
			assert_string_equal(rlist->routes[i]->source, "10.1.0.2");
			assert_int_equal(rlist->routes[i]->scope, RT_SCOPE_LINK);
		}
	assert_true(found);
	grpc__routes__free_unpacked(rlist, NULL);
	unplug(1);
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	net = net_open(&err);
	return net ? start_agent(state) : -1;
}

static int tear_down(void **state)
{
	net_close(net);
	return stop_agent(state);
}

/* Also after a failure, so that the next test finds nothing. */
static int unplug_all(void **state)
{
	struct net_state s = read_net(net);

	for (size_t i = 0; i < s.n_links; i++)
		if (strcmp(s.links[i].kind, "veth") == 0)
			OK(net_link_delete(net, s.links[i].index, e));
	net_state_done(&s);
	return count_after(state);
}

#define NETWORKED(test) cmocka_unit_test_setup_teardown(test, count_before, unplug_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NETWORKED(an_interface_becomes_what_the_host_says),
		NETWORKED(what_is_so_already_is_not_touched),
		NETWORKED(a_new_mtu_does_not_take_the_interface_down),
		NETWORKED(names_are_swapped_and_nothing_is_lost),
		NETWORKED(a_link_that_was_down_stays_down_when_its_name_is_taken),
		NETWORKED(a_ring_of_three_names_is_undone),
		NETWORKED(addresses_that_the_host_has_taken_back_go),
		NETWORKED(a_failure_leaves_names_and_state_as_they_were),
		NETWORKED(routes_are_set_in_an_order_that_works),
		NETWORKED(routes_are_replaced_and_taken_back),
		NETWORKED(of_two_ways_to_one_place_the_first_is_preferred),
		NETWORKED(a_route_that_cannot_be_set_is_named_and_the_others_are_set),
		NETWORKED(neighbours_are_set_for_good),
		NETWORKED(a_guest_without_ipv6_gets_the_rest),
		NETWORKED(
			a_link_without_ipv6_in_the_pod_has_none_in_the_guest_until_it_gets_an_address),
		NETWORKED(a_link_that_comes_later_is_waited_for),
		NETWORKED(callers_that_give_up_are_forgotten),
		NETWORKED(nonsense_is_refused_before_anything_is_done),
		NETWORKED(what_there_is_can_be_listed),
		NETWORKED(a_link_that_never_comes_is_an_error_after_a_while),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
