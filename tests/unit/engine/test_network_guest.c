/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "engine/resource/network/guest.h"
#include "lib/base/defs.h"
#include "lib/oci/message.h"

static struct net_ip ip(const char *text)
{
	struct net_ip out = { .family = AF_UNSPEC };
	struct err err = ERR_INIT;

	assert_int_equal(net_ip_parse(text, &out, &err), 0);
	return out;
}

static const struct endpoint_plan eth0 = {
	.kind = ENDPOINT_VETH,
	.link = 2,
	.name = "eth0",
	.mac = { 2, 0, 0, 0, 0, 1 },
	.mtu = 1450,
};

/* Link 2 is connected and called eth0, link 3 is not. */
static const char *name_of(void *arg, int link)
{
	(void)arg;
	return link == 2 ? "eth0" : NULL;
}

static void an_interface_has_what_its_link_has(void **state)
{
	struct net_link link = { .index = 2, .flags = IFF_UP | IFF_NOARP | IFF_BROADCAST };
	struct net_address addresses[] = {
		{ .link = 2, .ip = ip("10.1.0.2"), .prefix = 24 },
		{ .link = 2, .ip = ip("fd00::2"), .prefix = 64, .flags = IFA_F_PERMANENT },
		{ .link = 3, .ip = ip("10.2.0.2"), .prefix = 24 },
		{ .link = 2, .ip = ip("127.0.0.2"), .prefix = 8 },
		{ .link = 2, .ip = ip("fd00::3"), .prefix = 64, .flags = IFA_F_DADFAILED },
	};
	const struct net_state all = { .links = &link,
				       .n_links = 1,
				       .addresses = addresses,
				       .n_addresses = ARRAY_LEN(addresses) };
	Grpc__UpdateInterfaceRequest *req = guest_interface(&all, &eth0, "02/01");
	const Types__Interface *i = req->interface;

	(void)state;
	assert_string_equal(i->name, "eth0");
	assert_string_equal(i->device, "eth0");
	assert_string_equal(i->hwaddr, "02:00:00:00:00:01");
	assert_string_equal(i->devicepath, "02/01");
	assert_int_equal(i->mtu, 1450);
	assert_int_equal(i->raw_flags, IFF_NOARP);
	assert_int_equal(i->n_ipaddresses, 2);
	assert_string_equal(i->ipaddresses[0]->address, "10.1.0.2");
	assert_string_equal(i->ipaddresses[0]->mask, "24");
	assert_int_equal(i->ipaddresses[0]->family, TYPES__IPFAMILY__v4);
	assert_string_equal(i->ipaddresses[1]->address, "fd00::2");
	assert_int_equal(i->ipaddresses[1]->family, TYPES__IPFAMILY__v6);
	message_drop(&req);
}

static void addresses_of_somebody_else_are_added_once(void **state)
{
	struct net_address address = { .link = 2, .ip = ip("10.1.0.2"), .prefix = 24 };
	struct net_address others[] = {
		{ .link = 2, .ip = ip("10.1.0.2"), .prefix = 24 },
		{ .link = 2, .ip = ip("10.1.0.2"), .prefix = 16 },
		{ .link = 2, .ip = ip("fd00::2"), .prefix = 64 },
	};
	const struct net_state has = { .addresses = &address, .n_addresses = 1 };
	const struct net_state more = { .addresses = others, .n_addresses = ARRAY_LEN(others) };
	Grpc__UpdateInterfaceRequest *to = guest_interface(&has, &eth0, "02/01");
	Grpc__UpdateInterfaceRequest *from = guest_interface(&more, &eth0, "02/01");

	(void)state;
	guest_add_addresses(to->interface, from->interface);
	message_drop(&from);
	assert_int_equal(to->interface->n_ipaddresses, 3);
	assert_string_equal(to->interface->ipaddresses[1]->address, "10.1.0.2");
	assert_string_equal(to->interface->ipaddresses[1]->mask, "16");
	assert_string_equal(to->interface->ipaddresses[2]->address, "fd00::2");
	message_drop(&to);
}

static void routes_that_the_kernel_makes_itself_are_not_sent(void **state)
{
	struct net_route routes[] = {
		{ .family = AF_INET,
		  .gateway = ip("10.1.0.1"),
		  .link = 2,
		  .protocol = RTPROT_BOOT,
		  .type = RTN_UNICAST,
		  .flags = RTNH_F_ONLINK,
		  .mtu = 1400 },
		{ .family = AF_INET,
		  .to = ip("10.1.0.0"),
		  .prefix = 24,
		  .link = 2,
		  .protocol = RTPROT_KERNEL,
		  .type = RTN_UNICAST,
		  .scope = RT_SCOPE_LINK },
		{ .family = AF_INET,
		  .to = ip("10.9.0.0"),
		  .prefix = 16,
		  .link = 3,
		  .protocol = RTPROT_STATIC,
		  .type = RTN_UNICAST },
		{ .family = AF_INET,
		  .to = ip("10.8.0.0"),
		  .prefix = 16,
		  .link = 2,
		  .protocol = RTPROT_STATIC,
		  .type = RTN_BLACKHOLE },
		{ .family = AF_INET6,
		  .to = ip("fd01::"),
		  .prefix = 48,
		  .link = 2,
		  .protocol = RTPROT_STATIC,
		  .type = RTN_UNICAST,
		  .source = ip("fd00::2") },
	};
	const struct net_state all = { .routes = routes, .n_routes = ARRAY_LEN(routes) };
	Grpc__UpdateRoutesRequest *req = guest_routes(&all, name_of, NULL);
	const Grpc__Routes *list = req->routes;

	(void)state;
	assert_int_equal(list->n_routes, 2);
	assert_string_equal(list->routes[0]->dest, "");
	assert_string_equal(list->routes[0]->gateway, "10.1.0.1");
	assert_string_equal(list->routes[0]->device, "eth0");
	assert_int_equal(list->routes[0]->flags, RTNH_F_ONLINK);
	assert_int_equal(list->routes[0]->mtu, 1400);
	assert_string_equal(list->routes[1]->dest, "fd01::/48");
	assert_string_equal(list->routes[1]->gateway, "");
	assert_string_equal(list->routes[1]->source, "fd00::2");
	assert_int_equal(list->routes[1]->family, TYPES__IPFAMILY__v6);
	message_drop(&req);
}

static void of_routes_to_one_destination_the_one_with_the_lowest_metric_is_sent(void **state)
{
	struct net_route routes[] = {
		{ .family = AF_INET,
		  .gateway = ip("10.1.0.9"),
		  .link = 2,
		  .protocol = RTPROT_BOOT,
		  .type = RTN_UNICAST,
		  .metric = 200 },
		{ .family = AF_INET,
		  .gateway = ip("10.1.0.1"),
		  .link = 2,
		  .protocol = RTPROT_BOOT,
		  .type = RTN_UNICAST,
		  .metric = 100 },
		{ .family = AF_INET6,
		  .gateway = ip("fd00::1"),
		  .link = 2,
		  .protocol = RTPROT_BOOT,
		  .type = RTN_UNICAST,
		  .metric = 1024 },
		/* the kernel keeps no two alike, but an answer may hold one twice */
		{ .family = AF_INET,
		  .gateway = ip("10.1.0.2"),
		  .link = 2,
		  .protocol = RTPROT_BOOT,
		  .type = RTN_UNICAST,
		  .metric = 100 },
	};
	const struct net_state all = { .routes = routes, .n_routes = ARRAY_LEN(routes) };
	Grpc__UpdateRoutesRequest *req = guest_routes(&all, name_of, NULL);

	(void)state;
	assert_int_equal(req->routes->n_routes, 2);
	assert_string_equal(req->routes->routes[0]->gateway, "10.1.0.1");
	assert_string_equal(req->routes->routes[1]->gateway, "fd00::1");
	message_drop(&req);
}

static void only_permanent_neighbours_with_an_address_are_sent(void **state)
{
	struct net_neighbour neighbours[] = {
		{ .link = 2,
		  .ip = ip("10.1.0.1"),
		  .mac = { 2, 0, 0, 0, 0, 9 },
		  .has_mac = true,
		  .state = NUD_PERMANENT },
		{ .link = 2,
		  .ip = ip("10.1.0.3"),
		  .mac = { 2, 0, 0, 0, 0, 8 },
		  .has_mac = true,
		  .state = NUD_REACHABLE },
		{ .link = 2, .ip = ip("10.1.0.4"), .state = NUD_PERMANENT },
		{ .link = 3,
		  .ip = ip("10.1.0.5"),
		  .mac = { 2, 0, 0, 0, 0, 7 },
		  .has_mac = true,
		  .state = NUD_PERMANENT },
	};
	const struct net_state all = { .neighbours = neighbours,
				       .n_neighbours = ARRAY_LEN(neighbours) };
	Grpc__AddARPNeighborsRequest *req = guest_neighbours(&all, name_of, NULL);
	const Types__ARPNeighbor *first;

	(void)state;
	assert_int_equal(req->neighbors->n_arpneighbors, 1);
	first = req->neighbors->arpneighbors[0];
	assert_string_equal(first->toipaddress->address, "10.1.0.1");
	assert_string_equal(first->lladdr, "02:00:00:00:00:09");
	assert_string_equal(first->device, "eth0");
	assert_int_equal(first->state, NUD_PERMANENT);
	message_drop(&req);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_has_what_its_link_has),
		cmocka_unit_test(addresses_of_somebody_else_are_added_once),
		cmocka_unit_test(routes_that_the_kernel_makes_itself_are_not_sent),
		cmocka_unit_test(
			of_routes_to_one_destination_the_one_with_the_lowest_metric_is_sent),
		cmocka_unit_test(only_permanent_neighbours_with_an_address_are_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
