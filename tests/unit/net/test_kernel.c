/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is set is what is read back: against this machine's kernel, in a network namespace of
 * the test's own
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>

#include "lib/base/defs.h"
#include "lib/net/net.h"
#include "tests/lib/ok.h"
#include "tests/unit/net/veth.h"

static struct net *net;

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	if (own_namespace(state) < 0)
		return -1;
	net = net_open(&err);
	if (!net)
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	net_close(net);
	return 0;
}

static struct net_ip ip(const char *text)
{
	struct net_ip out = { .family = AF_UNSPEC };

	OK(net_ip_parse(text, &out, e));
	return out;
}

static const struct net_address *find_address(const struct net_state *s, int link, const char *text)
{
	struct net_ip wanted = ip(text);

	for (size_t i = 0; i < s->n_addresses; i++)
		if (s->addresses[i].link == link && net_ip_equal(&s->addresses[i].ip, &wanted))
			return &s->addresses[i];
	return NULL;
}

static struct net_route to(const char *text)
{
	struct net_route route = { .family = AF_INET };

	OK(net_ip_parse_prefix(text, &route.to, &route.prefix, e));
	route.family = route.to.family;
	if (route.prefix == 0)
		route.to = (struct net_ip){ .family = AF_UNSPEC };
	return route;
}

static const struct net_route *find_route(const struct net_state *s, const char *text)
{
	struct net_route wanted = to(text);

	for (size_t i = 0; i < s->n_routes; i++)
		if (s->routes[i].family == wanted.family && s->routes[i].prefix == wanted.prefix &&
		    net_ip_equal(&s->routes[i].to, &wanted.to))
			return &s->routes[i];
	return NULL;
}

/* The same for what has to be there; the compiler does not know that a test ends at a failure. */
static const struct net_address *get_address(const struct net_state *s, int link, const char *text)
{
	const struct net_address *found = find_address(s, link, text);

	assert_non_null(found);
	if (!found)
		abort();
	return found;
}

static const struct net_route *get_route(const struct net_state *s, const char *text)
{
	const struct net_route *found = find_route(s, text);

	assert_non_null(found);
	if (!found)
		abort();
	return found;
}

/* link 0: none */
static struct net_neighbour find_neighbour(const struct net_state *s, const char *text)
{
	struct net_ip wanted = ip(text);

	for (size_t i = 0; i < s->n_neighbours; i++)
		if (net_ip_equal(&s->neighbours[i].ip, &wanted))
			return s->neighbours[i];
	return (struct net_neighbour){ .link = 0 };
}

/* Both ends up, a0 with 10.1.0.2/24 and 2001:db8::2/64. */
static int make_addressed(void)
{
	int index = make_veth(net, "a0", "a1");
	struct net_address v4 = { .link = index, .ip = ip("10.1.0.2"), .prefix = 24 };
	struct net_address v6 = { .link = index, .ip = ip("2001:db8::2"), .prefix = 64 };

	OK(net_link_set_up(net, index, true, e));
	OK(net_link_set_up(net, net_link_index(net, "a1", e), true, e));
	OK(net_address_add(net, &v4, e));
	OK(net_address_add(net, &v6, e));
	return index;
}

static void links_are_read_back_as_they_were_set(void **state)
{
	const uint8_t mac[ETH_ALEN] = { 0x02, 0x42, 0xac, 0x11, 0, 2 };
	const struct net_link *link, *peer;
	struct net_state s;
	int index;

	(void)state;
	need_namespace();
	index = make_veth(net, "a0", "a1");
	OK(net_link_set_mac(net, index, mac, e));
	OK(net_link_set_mtu(net, index, 9000, e));
	OK(net_link_set_arp(net, index, false, e));
	OK(net_link_set_name(net, index, "net0", e));
	OK(net_link_set_up(net, index, true, e));
	s = read_net(net);
	assert_null(net_find_name(&s, "a0"));
	link = net_find_name(&s, "net0");
	peer = net_find_name(&s, "a1");
	assert_non_null(link);
	assert_non_null(peer);
	assert_ptr_equal(net_find_index(&s, index), link);
	assert_int_equal(link->index, index);
	assert_string_equal(link->kind, "veth");
	assert_int_equal(link->type, ARPHRD_ETHER);
	assert_int_equal(link->mtu, 9000);
	assert_true(link->has_mac);
	assert_memory_equal(link->mac, mac, sizeof(mac));
	assert_int_equal(link->flags & (IFF_UP | IFF_NOARP), IFF_UP | IFF_NOARP);
	assert_int_equal(link->lower, peer->index);
	assert_false(link->lower_elsewhere);
	assert_int_equal(link->master, 0);
	assert_false(link->carrier); /* the peer is down */
	for (size_t i = 1; i < s.n_links; i++)
		assert_true(s.links[i - 1].index < s.links[i].index);
	assert_string_equal(s.links[0].name, "lo");
	assert_string_equal(s.links[0].kind, "");
	net_state_done(&s);
	OK(net_link_delete(net, index, e));
	OK(net_link_delete(net, index, e));
	s = read_net(net);
	assert_int_equal(s.n_links, 1);
	net_state_done(&s);
}

static void addresses_come_and_go(void **state)
{
	const struct net_address *a;
	struct net_address again, other_prefix;
	struct net_state s;
	int index;

	(void)state;
	need_namespace();
	index = make_addressed();
	s = read_net(net);
	a = get_address(&s, index, "10.1.0.2");
	assert_int_equal(a->prefix, 24);
	again = *a;
	OK(net_address_add(net, &again, e)); /* there already */
	a = get_address(&s, index, "2001:db8::2");
	assert_int_equal(a->prefix, 64);
	assert_int_equal(a->flags & IFA_F_TENTATIVE, 0); /* usable at once */
	net_state_done(&s);

	other_prefix = again;
	other_prefix.prefix = 16;
	OK(net_address_add(net, &other_prefix, e));
	OK(net_address_delete(net, &again, e));
	OK(net_address_delete(net, &again, e)); /* gone already */
	s = read_net(net);
	a = get_address(&s, index, "10.1.0.2"); /* the same address with another prefix is another one */
	assert_int_equal(a->prefix, 16);
	assert_non_null(find_address(&s, index, "2001:db8::2"));
	net_state_done(&s);
	OK(net_link_delete(net, index, e));
}

static void routes_have_all_that_was_said(void **state)
{
	struct net_route r;
	const struct net_route *found;
	struct net_state s;
	struct net_ip gateway = { .family = AF_UNSPEC };
	int index;

	(void)state;
	need_namespace();
	index = make_addressed();
	gateway = ip("10.1.0.1");
	r = to("0.0.0.0/0");
	r.link = index;
	r.gateway = gateway;
	OK(net_route_replace(net, &r, e));
	r = to("10.9.0.0/16");
	r.link = index;
	r.scope = RT_SCOPE_LINK;
	r.source = ip("10.1.0.2");
	r.mtu = 1300;
	r.metric = 50;
	r.protocol = RTPROT_STATIC;
	OK(net_route_replace(net, &r, e));
	r = to("10.8.0.0/16"); /* over a gateway that no route leads to */
	r.link = index;
	r.gateway = ip("192.0.2.1");
	r.flags = RTNH_F_ONLINK;
	OK(net_route_replace(net, &r, e));
	r = to("::/0");
	r.link = index;
	r.gateway = ip("2001:db8::1");
	r.source = ip("2001:db8::2");
	OK(net_route_replace(net, &r, e));
	r = to("10.7.0.0/16");
	r.link = index;
	r.gateway = ip("2001:db8::1");
	OK(net_route_replace(net, &r, e));

	s = read_net(net);
	found = get_route(&s, "0.0.0.0/0");
	assert_int_equal(found->to.family, AF_UNSPEC);
	assert_true(net_ip_equal(&found->gateway, &gateway));
	assert_int_equal(found->link, index);
	assert_int_equal(found->table, RT_TABLE_MAIN);
	assert_int_equal(found->protocol, RTPROT_BOOT);
	assert_int_equal(found->type, RTN_UNICAST);
	found = get_route(&s, "10.9.0.0/16");
	gateway = ip("10.1.0.2");
	assert_true(net_ip_equal(&found->source, &gateway));
	assert_int_equal(found->gateway.family, AF_UNSPEC);
	assert_int_equal(found->scope, RT_SCOPE_LINK);
	assert_int_equal(found->mtu, 1300);
	assert_int_equal(found->metric, 50);
	assert_int_equal(found->protocol, RTPROT_STATIC);
	found = get_route(&s, "10.8.0.0/16");
	assert_int_equal(found->flags, RTNH_F_ONLINK);
	found = get_route(&s, "::/0");
	assert_int_equal(found->family, AF_INET6);
	gateway = ip("2001:db8::2");
	assert_true(net_ip_equal(&found->source, &gateway));
	found = get_route(&s, "10.7.0.0/16");
	gateway = ip("2001:db8::1");
	assert_true(net_ip_equal(&found->gateway, &gateway));
	found = get_route(&s, "10.1.0.0/24");
	assert_int_equal(found->protocol, RTPROT_KERNEL);
	net_state_done(&s);
	OK(net_link_delete(net, index, e));
}

static void a_route_is_replaced_and_deleted(void **state)
{
	const struct net_route *found;
	struct net_ip gateway = { .family = AF_UNSPEC };
	struct net_state s;
	struct net_route r;
	int index;

	(void)state;
	need_namespace();
	index = make_addressed();
	r = to("10.9.0.0/16");
	r.link = index;
	r.gateway = ip("10.1.0.1");
	OK(net_route_replace(net, &r, e));
	OK(net_route_replace(net, &r, e));
	r.gateway = gateway = ip("10.1.0.7");
	OK(net_route_replace(net, &r, e));
	s = read_net(net);
	found = get_route(&s, "10.9.0.0/16");
	assert_true(net_ip_equal(&found->gateway, &gateway));
	OK(net_route_delete(net, found, e));
	OK(net_route_delete(net, found, e)); /* gone already */
	net_state_done(&s);
	s = read_net(net);
	assert_null(find_route(&s, "10.9.0.0/16"));
	net_state_done(&s);
	OK(net_link_delete(net, index, e));
}

static void neighbours_are_set_replaced_and_deleted(void **state)
{
	struct net_neighbour n = { .mac = { 2, 0, 0, 0, 0, 1 },
				   .has_mac = true,
				   .state = NUD_PERMANENT };
	struct net_neighbour found;
	struct net_state s;

	(void)state;
	need_namespace();
	n.link = make_addressed();
	n.ip = ip("10.1.0.1");
	OK(net_neighbour_replace(net, &n, e));
	n.mac[5] = 9;
	OK(net_neighbour_replace(net, &n, e));
	n.ip = ip("2001:db8::1");
	n.flags = NTF_ROUTER;
	OK(net_neighbour_replace(net, &n, e));
	s = read_net(net);
	found = find_neighbour(&s, "10.1.0.1");
	assert_int_equal(found.link, n.link);
	assert_int_equal(found.state, NUD_PERMANENT);
	assert_int_equal(found.mac[5], 9);
	found = find_neighbour(&s, "2001:db8::1");
	assert_int_equal(found.link, n.link);
	assert_int_equal(found.flags & NTF_ROUTER, NTF_ROUTER);
	net_state_done(&s);
	OK(net_neighbour_delete(net, &n, e));
	OK(net_neighbour_delete(net, &n, e));
	s = read_net(net);
	assert_int_equal(find_neighbour(&s, "2001:db8::1").link, 0);
	assert_int_equal(find_neighbour(&s, "10.1.0.1").link, n.link);
	net_state_done(&s);
	OK(net_link_delete(net, n.link, e));
}

static void an_error_says_which_link_and_why(void **state)
{
	struct err err = ERR_INIT;
	struct net_route r;
	int index;

	(void)state;
	need_namespace();
	index = make_addressed();
	assert_int_equal(net_link_set_mtu(net, index, 1 << 20, &err), -1);
	assert_non_null(strstr(err.text, "link 'a0': set MTU 1048576"));
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(err.sys, EINVAL);
	err = ERR_INIT;
	r = to("10.9.0.0/16");
	r.link = index;
	r.gateway = ip("192.0.2.1");
	assert_int_equal(net_route_replace(net, &r, &err), -1);
	assert_non_null(strstr(err.text, "link 'a0': set route '10.9.0.0/16 via 192.0.2.1'"));
	assert_int_equal(err.sys, ENETUNREACH);
	err = ERR_INIT;
	assert_int_equal(net_link_set_name(net, index, "a1", &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	OK(net_link_delete(net, index, e));
	err = ERR_INIT;
	assert_int_equal(net_link_set_up(net, index, true, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	err = ERR_INIT;
	assert_int_equal(net_link_index(net, "a0", &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "'a0'"));
}

static void many_entries_are_all_read(void **state)
{
	struct net_route r;
	struct net_state s;
	int index;

	(void)state;
	need_namespace();
	index = make_addressed();
	r = to("10.9.0.0/24");
	r.link = index;
	r.scope = RT_SCOPE_LINK;
	for (uint32_t i = 0; i < 1000; i++) {
		r.to.v4.s_addr = htonl(0x14000000 + i * 256);
		OK(net_route_replace(net, &r, e));
	}
	s = read_net(net);
	assert_in_range(s.n_routes, 1000, 1010);
	net_state_done(&s);
	OK(net_link_delete(net, index, e));
}

/* The watch */

struct changes {
	struct event_base *base;
	int n;
};

static void on_changed(void *arg)
{
	((struct changes *)arg)->n++;
}

/* What has come up to now; a netlink event is queued before the request that caused it returns. */
static int drain(struct changes *c)
{
	int n;

	event_base_loop(c->base, EVLOOP_NONBLOCK);
	n = c->n;
	c->n = 0;
	return n;
}

/*
 * Nothing is told of a neighbour that comes and goes by itself. The kernel may have late words about a new link
 * (an address was found to be unique), each of which spoils one try.
 */
static bool is_not_told_of(struct changes *c, const struct net_neighbour *n)
{
	for (int tries = 0; tries < 20; tries++) {
		OK(net_neighbour_replace(net, n, e));
		if (drain(c) == 0)
			return true;
	}
	return false;
}

static void the_watch_tells_of_every_kind_of_change(void **state)
{
	struct changes c = { .base = event_base_new() };
	struct net_neighbour n = { .mac = { 2, 0, 0, 0, 0, 1 }, .has_mac = true };
	struct err err = ERR_INIT;
	struct net_watch *watch;
	struct net_address a;
	struct net_route r;
	int index;

	(void)state;
	need_namespace();
	watch = net_watch_new(c.base, on_changed, &c, &err);
	assert_non_null(watch);
	assert_int_equal(drain(&c), 0);
	index = make_addressed();
	assert_int_not_equal(drain(&c), 0);
	(void)drain(&c);
	OK(net_link_set_mtu(net, index, 1400, e));
	assert_int_not_equal(drain(&c), 0);
	a = (struct net_address){ .link = index, .ip = ip("10.2.0.2"), .prefix = 24 };
	OK(net_address_add(net, &a, e));
	assert_int_not_equal(drain(&c), 0);
	(void)drain(&c);
	r = to("10.9.0.0/16");
	r.link = index;
	r.scope = RT_SCOPE_LINK;
	OK(net_route_replace(net, &r, e));
	assert_int_not_equal(drain(&c), 0);
	n.link = index;
	n.ip = ip("10.1.0.1");
	n.state = NUD_REACHABLE;
	assert_true(is_not_told_of(&c, &n));
	n.state = NUD_PERMANENT;
	OK(net_neighbour_replace(net, &n, e));
	assert_int_not_equal(drain(&c), 0);
	OK(net_neighbour_delete(net, &n, e));
	assert_int_not_equal(drain(&c), 0);
	OK(net_link_delete(net, index, e));
	assert_int_not_equal(drain(&c), 0);
	net_watch_free(watch);
	event_base_free(c.base);
}

static void a_flood_that_overruns_the_socket_is_told_in_few_calls(void **state)
{
	struct changes c = { .base = event_base_new() };
	struct err err = ERR_INIT;
	struct net_watch *watch;
	struct net_route r;
	int index, n_calls = 0;

	(void)state;
	need_namespace();
	index = make_addressed();
	watch = net_watch_new(c.base, on_changed, &c, &err);
	assert_non_null(watch);
	r = to("10.9.0.0/24");
	r.link = index;
	r.scope = RT_SCOPE_LINK;
	for (uint32_t i = 0; i < 4000; i++) { /* over 1 MiB of messages */
		r.to.v4.s_addr = htonl(0x14000000 + i % 2000 * 256);
		if (i < 2000)
			OK(net_route_replace(net, &r, e));
		else
			OK(net_route_delete(net, &r, e));
	}
	for (int n; (n = drain(&c)) > 0;)
		n_calls += n;
	assert_in_range(n_calls, 2, 1000); /* many in one */
	net_watch_free(watch);
	net_watch_free(NULL);
	event_base_free(c.base);
	OK(net_link_delete(net, index, e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_read_back_as_they_were_set),
		cmocka_unit_test(addresses_come_and_go),
		cmocka_unit_test(routes_have_all_that_was_said),
		cmocka_unit_test(a_route_is_replaced_and_deleted),
		cmocka_unit_test(neighbours_are_set_replaced_and_deleted),
		cmocka_unit_test(an_error_says_which_link_and_why),
		cmocka_unit_test(many_entries_are_all_read),
		cmocka_unit_test(the_watch_tells_of_every_kind_of_change),
		cmocka_unit_test(a_flood_that_overruns_the_socket_is_told_in_few_calls),
	};

	return cmocka_run_group_tests_name("net and the kernel", tests, set_up, tear_down);
}
