/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/resource/network/dan.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define DEVICE(name, device, info) \
	"{\"name\":\"" name "\",\"device\":" device ",\"network_info\":" info "}"
#define TAP              "{\"type\":\"host-tap\",\"tap_name\":\"t0\",\"queue_num\":3}"
#define SWITCH           "{\"type\":\"vhost-user\",\"path\":\"/run/sw.sock\",\"queue_num\":2}"
#define CARD             "{\"type\":\"vfio\",\"pci_device_id\":\"0000:00:05.0\"}"
#define PLAIN            "{\"interface\":{\"ip_addresses\":[]}}"
#define FILE_OF(devices) "{\"devices\":[" devices "]}"

static struct dan *parse(const char *text)
{
	struct err err = ERR_INIT;
	struct dan *dan = dan_parse(text, strlen(text), &err);

	if (!dan)
		fail_msg("%s", err.text);
	return dan;
}

/* A namespace with lo and a tap t0 (index 7), which has an address, a route and a neighbour of its
 * own. */
static struct net_state make_namespace(void)
{
	struct net_state s = { .n_links = 2, .n_addresses = 1, .n_routes = 1, .n_neighbours = 1 };

	s.links = xcalloc(2, sizeof(*s.links));
	s.links[0] = (struct net_link){ .index = 1, .name = "lo" };
	s.links[1] =
		(struct net_link){ .index = 7, .name = "t0", .kind = "tun", .flags = IFF_NOARP };
	s.addresses = xcalloc(1, sizeof(*s.addresses));
	s.routes = xcalloc(1, sizeof(*s.routes));
	s.neighbours = xcalloc(1, sizeof(*s.neighbours));
	s.addresses[0].link = s.routes[0].link = s.neighbours[0].link = 7;
	return s;
}

static void a_tap_has_what_the_file_says_and_nothing_of_the_namespace(void **state)
{
	struct dan *dan = parse(FILE_OF(DEVICE(
		"eth0", TAP,
		"{\"interface\":{\"ip_addresses\":[\"10.7.0.2/24\",\"fd07::2/64\"],\"mtu\":1400},"
		"\"routes\":[{\"gateway\":\"10.7.0.1\"},{\"dest\":\"10.8.0.0/16\",\"source\":\"10.7.0.2\","
		"\"scope\":253,\"mtu\":1300}],"
		"\"neighbors\":[{\"ip_address\":\"10.7.0.1/24\",\"hardware_addr\":\"02:00:00:00:00:01\"}]}")));
	struct net_state s = make_namespace();
	struct endpoint_plan *plans;
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	assert_int_equal(dan_plan(dan, &s, true, &plans, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(plans[0].kind, ENDPOINT_TAP);
	assert_int_equal(plans[0].model, ENDPOINT_DIRECT);
	assert_int_equal(plans[0].link, 7);
	assert_string_equal(plans[0].name, "eth0");
	assert_string_equal(plans[0].host_name, "t0");
	assert_int_equal(plans[0].mtu, 1400);
	assert_int_equal(plans[0].n_queues, 3);
	assert_int_equal(s.n_links, 2);
	assert_false(s.links[1].flags & IFF_NOARP);
	assert_int_equal(s.n_addresses, 2);
	assert_int_equal(s.addresses[1].link, 7);
	assert_int_equal(s.addresses[1].prefix, 64);
	assert_int_equal(s.n_routes, 2);
	assert_int_equal(s.routes[0].family, AF_INET);
	assert_int_equal(s.routes[0].to.family, AF_UNSPEC);
	assert_int_equal(s.routes[0].type, RTN_UNICAST);
	assert_int_equal(s.routes[1].prefix, 16);
	assert_int_equal(s.routes[1].scope, 253);
	assert_int_equal(s.n_neighbours, 1);
	assert_int_equal(s.neighbours[0].state, NUD_PERMANENT);
	assert_int_equal(s.neighbours[0].mac[5], 1);
	free(plans);
	net_state_done(&s);
	dan_free(dan);
}

static void what_is_no_link_gets_a_number_that_no_link_has(void **state)
{
	struct dan *dan =
		parse(FILE_OF(DEVICE("eth0", SWITCH, PLAIN) "," DEVICE("eth1", CARD, PLAIN)));
	struct net_state s = make_namespace();
	struct endpoint_plan *plans, *again;
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	assert_int_equal(dan_plan(dan, &s, true, &plans, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(s.n_links, 4);
	assert_int_equal(plans[0].kind, ENDPOINT_VHOST_USER);
	assert_string_equal(plans[0].socket, "/run/sw.sock");
	assert_int_equal(plans[0].n_queues, 2);
	assert_int_equal(plans[1].kind, ENDPOINT_PHYSICAL);
	assert_string_equal(plans[1].pci, "0000:00:05.0");
	for (size_t i = 0; i < n; i++) {
		const struct net_link *link = net_find_index(&s, plans[i].link);

		assert_non_null(link);
		assert_string_equal(link->name, plans[i].name);
		assert_true(link->carrier && link->flags & IFF_UP);
	}
	/* A MAC of its own, which stays the same. */
	assert_int_equal(plans[0].mac[0] & 3, 2);
	assert_memory_not_equal(plans[0].mac, plans[1].mac, ETH_ALEN);
	assert_int_equal(dan_plan(dan, &s, true, &again, &n, &err), 0);
	assert_int_equal(s.n_links, 4);
	assert_memory_equal(plans[0].mac, again[0].mac, ETH_ALEN);
	free(again);
	free(plans);
	net_state_done(&s);
	dan_free(dan);
}

static void a_tap_that_is_not_there_fails_a_start_and_is_left_out_later(void **state)
{
	struct dan *dan =
		parse(FILE_OF(DEVICE("eth0", TAP, PLAIN) "," DEVICE("eth1", CARD, PLAIN)));
	struct net_state s = { 0 };
	struct endpoint_plan *plans;
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	assert_int_equal(dan_plan(dan, &s, true, &plans, &n, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "device 'eth0': there is no tap 't0'"));
	assert_int_equal(dan_plan(dan, &s, false, &plans, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(plans[0].name, "eth1");
	free(plans);
	net_state_done(&s);
	dan_free(dan);
}

static void another_link_of_that_name_is_no_tap(void **state)
{
	struct dan *dan = parse(FILE_OF(DEVICE("eth0", TAP, PLAIN)));
	struct net_state s = make_namespace();
	struct endpoint_plan *plans;
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	(void)strcpy(s.links[1].kind, "veth");
	assert_int_equal(dan_plan(dan, &s, true, &plans, &n, &err), -1);
	assert_non_null(strstr(err.text, "link 't0' is no tap"));
	net_state_done(&s);
	dan_free(dan);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "it ends too early" },
		{ "[]", "it is no object" },
		{ "{}", "'devices' is missing" },
		{ "{\"devices\":{}}", "'devices' is no list" },
		{ "{\"netns\":1,\"devices\":[]}", "'netns' is no string" },
		{ FILE_OF("1"), "a device is no object" },
		{ FILE_OF("{}"), "device: 'name' is missing" },
		{ FILE_OF("{\"name\":\"eth0\"}"), "device 'eth0': 'device' is missing" },
		{ FILE_OF("{\"name\":\"a/b\"}"), "a/b" },
		{ FILE_OF("{\"name\":\"eth0\",\"guest_mac\":\"x\"}"), "device 'eth0': " },
		{ FILE_OF(DEVICE("eth0", "{\"type\":\"bridge\"}", PLAIN)),
		  "device 'eth0': type 'bridge' is not supported" },
		{ FILE_OF(DEVICE("eth0", "{\"type\":\"vfio\",\"pci_device_id\":\"5\"}", PLAIN)),
		  "'pci_device_id' is no PCI address" },
		{ FILE_OF(DEVICE("eth0", "{\"type\":\"vhost-user\",\"path\":\"a\"}", PLAIN)),
		  "'path' is no absolute path" },
		{ FILE_OF(DEVICE("eth0",
				 "{\"type\":\"host-tap\",\"tap_name\":\"t\",\"queue_size\":9}",
				 PLAIN)),
		  "'queue_size' 9" },
		{ FILE_OF(DEVICE("eth0",
				 "{\"type\":\"host-tap\",\"tap_name\":\"t\",\"queue_num\":17}",
				 PLAIN)),
		  "'queue_num' is not from 0 to 16" },
		{ FILE_OF(DEVICE("eth0", CARD, "{}")), "'interface' is missing" },
		{ FILE_OF(DEVICE("eth0", CARD, "{\"interface\":{\"mtu\":65536}}")),
		  "'mtu' is not" },
		{ FILE_OF(DEVICE("eth0", CARD,
				 "{\"interface\":{\"ip_addresses\":[\"1.2.3.4/33\"]}}")),
		  "'ip_addresses', number 1" },
		{ FILE_OF(DEVICE("eth0", CARD, "{\"interface\":{},\"routes\":[{}]}")),
		  "'routes', number 1: it has neither" },
		{ FILE_OF(DEVICE("eth0", CARD, "{\"interface\":{},\"neighbors\":[{}]}")),
		  "'neighbors', number 1: 'ip_address' is missing" },
		{ FILE_OF(DEVICE("eth0", CARD, PLAIN) "," DEVICE("eth0", SWITCH, PLAIN)),
		  "device 'eth0': it is there twice" },
		{ FILE_OF(DEVICE("eth0", TAP, PLAIN) "," DEVICE("eth1", TAP, PLAIN)),
		  "device 'eth1': device 'eth0' is the same one" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_null(dan_parse(cases[i].text, strlen(cases[i].text), &err));
		if (!strstr(err.text, cases[i].why))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void no_file_is_no_error_and_a_broken_one_is_named(void **state)
{
	char dir[] = "/tmp/test_dan.XXXXXX";
	scoped_free char *path = NULL;
	struct err err = ERR_INIT;
	struct dan *dan;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/c1.json", dir);
	assert_null(dan_load(dir, "c1", &err));
	assert_int_equal(err.code, ERR_OK);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs("{\"netns\":\"/run/netns/a\",\"devices\":[]}", file);
	(void)fclose(file);
	dan = dan_load(dir, "c1", &err);
	assert_non_null(dan);
	assert_string_equal(dan_netns(dan), "/run/netns/a");
	assert_string_equal(dan_path(dan), path);
	dan_free(dan);
	assert_int_equal(truncate(path, 5), 0);
	assert_null(dan_load(dir, "c1", &err));
	assert_non_null(strstr(err.text, path));
	(void)unlink(path);
	(void)rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tap_has_what_the_file_says_and_nothing_of_the_namespace),
		cmocka_unit_test(what_is_no_link_gets_a_number_that_no_link_has),
		cmocka_unit_test(a_tap_that_is_not_there_fails_a_start_and_is_left_out_later),
		cmocka_unit_test(another_link_of_that_name_is_no_tap),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(no_file_is_no_error_and_a_broken_one_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
