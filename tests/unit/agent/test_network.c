/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces, routes and neighbours from and to the agent protocol; PCI paths */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "agent/network.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

/* PCI */

static void a_pci_path_is_slots_in_hex(void **state)
{
	static const char *const bad[] = {
		"",         "/",    "02/", "/02",   "20",     "2g",
		"0x2",      "02.8", "02.", "02//1", "02/01 ", "-1",
		"0.0.0001", "+2",   " 2",  "002",   "02.01",  "1/2/3/4/5/6/7/8/9"
	};
	struct err err = ERR_INIT;
	struct pci_path path;

	(void)state;
	assert_int_equal(pci_path_parse("02/1f", &path, &err), 0);
	assert_int_equal(path.n, 2);
	assert_int_equal(path.steps[0].slot, 2);
	assert_int_equal(path.steps[1].slot, 0x1f);
	assert_int_equal(path.steps[1].function, 0);
	assert_int_equal(pci_path_parse("5.3", &path, &err), 0);
	assert_int_equal(path.n, 1);
	assert_int_equal(path.steps[0].slot, 5);
	assert_int_equal(path.steps[0].function, 3);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err failed = ERR_INIT;

		if (pci_path_parse(bad[i], &path, &failed) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(failed.code, ERR_INVALID);
	}
}

static void make_file(const char *dir, const char *path, const char *text)
{
	scoped_free char *parent = xasprintf("%s/%s", dir, path);
	scoped_free char *file = xasprintf("%s/ifindex", parent);
	struct err err = ERR_INIT;

	if (dir_make(parent, 0755, &err) < 0 ||
	    (text && file_replace(file, text, strlen(text), 0644, &err) < 0))
		fail_msg("%s", err.text);
}

static int find(const char *dir, const char *text)
{
	struct err err = ERR_INIT;
	struct pci_path path;

	assert_int_equal(pci_path_parse(text, &path, &err), 0);
	return pci_find_link(dir, &path);
}

static void a_link_is_found_behind_bridges_whatever_their_bus(void **state)
{
	char dir[] = "/tmp/kata-pci-test.XXXXXX";
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	make_file(dir, "0000:00:02.0/0000:01:01.0/virtio7/net/eth0", "12\n");
	make_file(dir, "0000:00:02.0/0000:01:02.0/virtio8", NULL); /* its driver is not there yet */
	make_file(dir, "0000:00:02.0/0000:01:11.0/net/enp1", "13\n");
	make_file(dir, "0000:00:05.0/virtio2/net/eth3", "14\n");
	make_file(dir, "0000:00:06.0/virtio3/block/vda", "15\n");
	make_file(dir, "0000:00:07.0/virtio4/net/x", "junk\n");
	assert_int_equal(find(dir, "02/01"), 12);
	assert_int_equal(find(dir, "02/11"), 13);
	assert_int_equal(find(dir, "05"), 14);
	assert_int_equal(find(dir, "02/02"), 0);
	assert_int_equal(find(dir, "02/03"), 0);
	assert_int_equal(find(dir, "02"), 0);
	assert_int_equal(find(dir, "06"), 0);
	assert_int_equal(find(dir, "07"), 0);
	assert_int_equal(find(dir, "09/01"), 0);
	assert_int_equal(dir_remove(dir, &err), 0);
}

/* Routes */

static int read_route(const char *dest, const char *gateway, const char *source,
		      Types__IPFamily family, struct net_route *ret, struct err *err)
{
	Types__Route msg = TYPES__ROUTE__INIT;
	struct network_route route;

	msg.dest = unconst(dest);
	msg.gateway = unconst(gateway);
	msg.source = unconst(source);
	msg.device = unconst("eth0");
	msg.family = family;
	msg.flags = RTNH_F_LINKDOWN | RTNH_F_ONLINK;
	if (network_read_route(&msg, &route, err) < 0)
		return -1;
	assert_string_equal(route.device, "eth0");
	*ret = route.route;
	return 0;
}

static void routes_are_of_the_family_that_their_text_says(void **state)
{
	static const struct {
		const char *dest, *gateway, *source;
		Types__IPFamily said;
		int family, to, gateway_family;
		unsigned int prefix;
	} good[] = {
		{ "", "10.0.0.1", "", TYPES__IPFAMILY__v4, AF_INET, AF_UNSPEC, AF_INET, 0 },
		{ "default", "", "", TYPES__IPFAMILY__v6, AF_INET6, AF_UNSPEC, AF_UNSPEC, 0 },
		{ "0.0.0.0/0", "", "", TYPES__IPFAMILY__v4, AF_INET, AF_UNSPEC, AF_UNSPEC, 0 },
		{ "10.0.0.0/8", "", "10.0.0.1", TYPES__IPFAMILY__v4, AF_INET, AF_INET, AF_UNSPEC,
		  8 },
		{ "10.0.0.9", "", "10.0.0.1/32", TYPES__IPFAMILY__v4, AF_INET, AF_INET, AF_UNSPEC,
		  32 },
		{ "fe80::/64", "", "fe80::1/0", TYPES__IPFAMILY__v4, AF_INET6, AF_INET6, AF_UNSPEC,
		  64 },
		{ "10.0.0.0/8", "fe80::1", "", TYPES__IPFAMILY__v4, AF_INET, AF_INET, AF_INET6, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct net_route r = { .family = 0 };
		struct err err = ERR_INIT;

		if (read_route(good[i].dest, good[i].gateway, good[i].source, good[i].said, &r,
			       &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(r.family, good[i].family);
		assert_int_equal(r.to.family, good[i].to);
		assert_int_equal(r.prefix, good[i].prefix);
		assert_int_equal(r.gateway.family, good[i].gateway_family);
		assert_int_equal(r.source.family, *good[i].source ? r.family : AF_UNSPEC);
		assert_int_equal(r.flags, RTNH_F_ONLINK);
	}
}

static void routes_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *dest, *gateway, *source;
		Types__IPFamily said;
		enum err_code code;
	} bad[] = {
		{ "10.0.0.0/8", "", "", TYPES__IPFAMILY__v6, ERR_INVALID },
		{ "fe80::/64", "10.0.0.1", "", TYPES__IPFAMILY__v6, ERR_INVALID },
		{ "10.0.0.0/8", "", "fe80::1", TYPES__IPFAMILY__v4, ERR_INVALID },
		{ "10.0.0.0/8", "", "10.0.0.0/24", TYPES__IPFAMILY__v4, ERR_UNIMPLEMENTED },
		{ "10.0.0.0/8", "x", "", TYPES__IPFAMILY__v4, ERR_INVALID },
		{ "10.0.0.0/8/8", "", "", TYPES__IPFAMILY__v4, ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct net_route r;
		struct err err = ERR_INIT;

		assert_int_equal(read_route(bad[i].dest, bad[i].gateway, bad[i].source, bad[i].said,
					    &r, &err),
				 -1);
		assert_int_equal(err.code, bad[i].code);
		assert_non_null(strstr(err.text, "route '"));
	}
}

/* Interfaces */

static void more_addresses_than_there_is_room_for_are_refused(void **state)
{
	Types__Interface msg = TYPES__INTERFACE__INIT;
	Types__IPAddress one = TYPES__IPADDRESS__INIT;
	Types__IPAddress *list[NETWORK_ADDRESSES_MAX + 1];
	scoped_free struct network_interface *want = xnew(struct network_interface);
	struct err err = ERR_INIT;

	(void)state;
	one.address = unconst("10.0.0.1");
	one.mask = unconst("24");
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = &one;
	msg.device = unconst("eth0"); /* in place of a name */
	msg.hwaddr = unconst("02:00:00:00:00:01");
	msg.ipaddresses = list;
	msg.n_ipaddresses = NETWORK_ADDRESSES_MAX;
	assert_int_equal(network_read_interface(&msg, want, &err), 0);
	assert_string_equal(want->name, "eth0");
	assert_int_equal(want->n_addresses, NETWORK_ADDRESSES_MAX);
	msg.n_ipaddresses++;
	assert_int_equal(network_read_interface(&msg, want, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

static void of_links_with_one_mac_the_hardware_is_meant(void **state)
{
	struct net_link links[] = {
		{ .index = 1, .name = "lo", .flags = IFF_LOOPBACK, .has_mac = true },
		{ .index = 2, .name = "br0", .kind = "bridge", .has_mac = true, .mac = { 2, 1 } },
		{ .index = 3, .name = "eth0", .has_mac = true, .mac = { 2, 1 } },
		{ .index = 4, .name = "eth0.5", .kind = "vlan", .has_mac = true, .mac = { 2, 1 } },
		{ .index = 5, .name = "tun0", .kind = "tun" },
	};
	const struct net_state s = { .links = links, .n_links = ARRAY_LEN(links) };
	scoped_free struct network_interface *want = xnew(struct network_interface);
	const struct net_link *found;

	(void)state;
	want->has_mac = true;
	want->mac[0] = 2;
	want->mac[1] = 1;
	found = network_find(&s, want);
	assert_ptr_equal(found, &links[2]);
	want->mac[1] = 9;
	assert_null(network_find(&s, want));
	want->mac[0] = want->mac[1] = 0;
	assert_null(network_find(&s, want)); /* not the loopback */
}

static void a_neighbour_is_permanent_unless_said_otherwise(void **state)
{
	Types__ARPNeighbor msg = TYPES__ARPNEIGHBOR__INIT;
	Types__IPAddress ip = TYPES__IPADDRESS__INIT;
	struct network_neighbour n;
	struct err err = ERR_INIT;

	(void)state;
	ip.address = unconst("10.0.0.1");
	msg.toipaddress = &ip;
	msg.device = unconst("eth0");
	msg.lladdr = unconst("02:00:00:00:00:01");
	assert_int_equal(network_read_neighbour(&msg, &n, &err), 0);
	assert_int_equal(n.neighbour.state, NUD_PERMANENT);
	msg.state = NUD_NOARP;
	msg.flags = NTF_PROXY;
	assert_int_equal(network_read_neighbour(&msg, &n, &err), 0);
	assert_int_equal(n.neighbour.state, NUD_NOARP);
	assert_int_equal(n.neighbour.flags, NTF_PROXY);
	msg.flags = -1;
	assert_int_equal(network_read_neighbour(&msg, &n, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pci_path_is_slots_in_hex),
		cmocka_unit_test(a_link_is_found_behind_bridges_whatever_their_bus),
		cmocka_unit_test(routes_are_of_the_family_that_their_text_says),
		cmocka_unit_test(routes_that_make_no_sense_are_refused),
		cmocka_unit_test(more_addresses_than_there_is_room_for_are_refused),
		cmocka_unit_test(of_links_with_one_mac_the_hardware_is_meant),
		cmocka_unit_test(a_neighbour_is_permanent_unless_said_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
