/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which links are connected, as what, and which are refused: by tables
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/config/config.h"
#include "engine/resource/network/plan.h"

/* After net/if.h, with which they do not get on otherwise. */
#include <linux/if_addr.h>
#include <linux/if_arp.h>

#include "lib/base/defs.h"

#define LINKS_MAX 40

/* A namespace, and what the host says of it. */
static struct net_link links[LINKS_MAX];
static struct net_address addresses[LINKS_MAX];
static struct net_state ns;
static struct config config;

static struct endpoint_plan *plans;
static size_t n_plans;
static struct err err;

/* The one PCI device is "eth9"; the one socket belongs to 10.0.0.9. */
static bool pci_address(void *arg, const char *link, char ret[static 16])
{
	(void)arg;
	if (strcmp(link, "eth9") == 0)
		(void)strcpy(ret, "0000:00:05.0");
	return strcmp(link, "eth9") == 0;
}

static bool is_socket(void *arg, const char *path)
{
	(void)arg;
	return strcmp(path, "/tmp/vhostuser_10.0.0.9/vhu.sock") == 0 ||
	       strcmp(path, "/tmp/vhostuser_fd00::9/vhu.sock") == 0;
}

static int set_up(void **state)
{
	static char model[] = "tcfilter", no_port[] = "no-port";

	(void)state;
	memset(links, 0, sizeof(links));
	memset(addresses, 0, sizeof(addresses));
	ns = (struct net_state){ .links = links, .addresses = addresses };
	config = (struct config){ .runtime.internetworking_model = model,
				  .hypervisor.cold_plug_vfio = no_port };
	links[ns.n_links++] = (struct net_link){
		.index = 1, .name = "lo", .type = ARPHRD_LOOPBACK, .flags = IFF_UP | IFF_LOOPBACK
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(plans);
	plans = NULL;
	return 0;
}

/* Up, with frames and a MAC that ends in its index. */
static struct net_link *add_link(const char *name, const char *kind)
{
	struct net_link *link = &links[ns.n_links++];

	assert_true(ns.n_links <= LINKS_MAX);
	*link = (struct net_link){ .index = (int)ns.n_links,
				   .type = ARPHRD_ETHER,
				   .flags = IFF_UP,
				   .mtu = 1400,
				   .has_mac = true,
				   .mac = { 2, 0, 0, 0, 0, (uint8_t)ns.n_links } };
	(void)snprintf(link->name, sizeof(link->name), "%s", name);
	(void)snprintf(link->kind, sizeof(link->kind), "%s", kind);
	return link;
}

static void add_address(const struct net_link *link, const char *text)
{
	struct net_address *address = &addresses[ns.n_addresses++];

	address->link = link->index;
	assert_int_equal(net_ip_parse_prefix(text, &address->ip, &address->prefix, &err), 0);
}

static int plan(void)
{
	const struct network_facts facts = { .pci_address = pci_address, .is_socket = is_socket };

	free(plans);
	plans = NULL;
	err = ERR_INIT;
	return network_plan(&config, &ns, &facts, &plans, &n_plans, &err);
}

static void assert_plan(size_t n)
{
	if (plan() < 0)
		fail_msg("%s", err.text);
	assert_int_equal(n_plans, n);
}

static void each_kind_has_its_way(void **state)
{
	static const struct {
		const char *kind;
		const char *type;                      /* what the agent is told */
		enum endpoint_model tcfilter, macvtap; /* with either configured */
	} table[] = {
		{ "veth", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "vlan", "vlan", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "dummy", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "bridge", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "bond", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "vxlan", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "gretap", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "netkit", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "", "virtual", ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP },
		{ "macvlan", "macvlan", ENDPOINT_TCFILTER, ENDPOINT_TCFILTER },
		{ "ipvlan", "ipvlan", ENDPOINT_TCFILTER, ENDPOINT_TCFILTER },
		{ "tun", "tap", ENDPOINT_DIRECT, ENDPOINT_DIRECT },
		{ "macvtap", "macvtap", ENDPOINT_DIRECT, ENDPOINT_DIRECT },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		set_up(state);
		add_link("eth0", table[i].kind);
		assert_plan(1);
		assert_string_equal(endpoint_kind_name(plans[0].kind), table[i].type);
		assert_int_equal(plans[0].model, table[i].tcfilter);
		config.runtime.internetworking_model = (char[]){ "macvtap" };
		assert_plan(1);
		assert_int_equal(plans[0].model, table[i].macvtap);
	}
}

static void a_plan_has_what_the_link_has(void **state)
{
	const struct net_link *link = add_link("eth0", "veth");

	(void)state;
	assert_plan(1);
	assert_int_equal(plans[0].link, link->index);
	assert_string_equal(plans[0].name, "eth0");
	assert_memory_equal(plans[0].mac, link->mac, ETH_ALEN);
	assert_int_equal(plans[0].mtu, 1400);
	assert_int_equal(plans[0].vlan_parent, 0);
	assert_false(plans[0].has_vlans);
}

static void what_has_no_ethernet_frames_is_refused_by_kind_and_name(void **state)
{
	static const struct {
		const char *kind;
		unsigned int type;
		const char *text;
	} table[] = {
		{ "wireguard", ARPHRD_NONE,
		  "network interface 'x0': kind 'wireguard' is not supported: it has no Ethernet frames" },
		{ "tun", ARPHRD_NONE, "kind 'tun' is not supported" },
		{ "ipip", ARPHRD_TUNNEL, "kind 'ipip' is not supported" },
		{ "sit", ARPHRD_SIT, "kind 'sit' is not supported" },
		{ "gre", ARPHRD_IPGRE, "kind 'gre' is not supported" },
		{ "ip6tnl", ARPHRD_TUNNEL6, "kind 'ip6tnl' is not supported" },
		{ "ip6gre", ARPHRD_IP6GRE, "kind 'ip6gre' is not supported" },
		{ "vti", ARPHRD_TUNNEL, "kind 'vti' is not supported" },
		{ "ppp", ARPHRD_PPP, "kind 'ppp' is not supported" },
		{ "ipoib", ARPHRD_INFINIBAND, "kind 'ipoib' is not supported" },
		{ "", ARPHRD_INFINIBAND, "kind 'hardware type 32' is not supported" },
		{ "vrf", ARPHRD_ETHER, "kind 'vrf' is not supported: it has no frames of its own" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct net_link *link;

		set_up(state);
		add_link("eth0", "veth");
		link = add_link("x0", table[i].kind);
		link->type = table[i].type;
		assert_int_equal(plan(), -1);
		assert_int_equal(err.code, ERR_UNIMPLEMENTED);
		if (!strstr(err.text, table[i].text))
			fail_msg("'%s' has no '%s'", err.text, table[i].text);

		/* An address alone is reason enough to say so. */
		link->flags = 0;
		assert_plan(1);
		add_address(link, "10.0.0.1/24");
		assert_int_equal(plan(), -1);
	}
}

static void what_has_no_mac_is_refused(void **state)
{
	struct net_link *link = add_link("nk0", "netkit");

	(void)state;
	memset(link->mac, 0, sizeof(link->mac));
	assert_int_equal(plan(), -1);
	assert_string_equal(err.text, "network interface 'nk0': kind 'netkit' is not supported: "
				      "it has no Ethernet address");
	link->mac[0] = 2;
	link->has_mac = false;
	assert_int_equal(plan(), -1);
}

static void what_is_down_counts_by_its_address(void **state)
{
	struct net_link *link = add_link("eth0", "veth");

	(void)state;
	link->flags = 0;
	assert_plan(0);
	add_address(link, "fd00::1/64");
	addresses[0].flags = IFA_F_DADFAILED;
	assert_plan(1);
	link->flags = IFF_UP;
	ns.n_addresses = 0;
	assert_plan(1);
}

/* sit0, gretap0 and the like are in every namespace of a host with their modules. */
static void what_the_kernel_puts_everywhere_is_left_out(void **state)
{
	static const struct {
		const char *name, *kind;
		unsigned int type;
	} table[] = {
		{ "tunl0", "ipip", ARPHRD_TUNNEL },    { "sit0", "sit", ARPHRD_SIT },
		{ "gre0", "gre", ARPHRD_IPGRE },       { "gretap0", "gretap", ARPHRD_ETHER },
		{ "erspan0", "erspan", ARPHRD_ETHER }, { "ip6tnl0", "ip6tnl", ARPHRD_TUNNEL6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct net_link *link = add_link(table[i].name, table[i].kind);

		link->type = table[i].type;
		link->flags = 0;
	}
	add_link("eth0", "veth");
	assert_plan(1);
}

static void members_of_a_bridge_of_ours_are_left_out(void **state)
{
	struct net_link *bridge = add_link("br0", "bridge");
	struct net_link *member = add_link("eth0", "veth");

	(void)state;
	member->master = bridge->index;
	assert_plan(1);
	assert_string_equal(plans[0].name, "br0");
	member->master = 4711; /* of another namespace: its number says nothing here */
	assert_plan(2);
}

static void what_we_made_is_left_out_and_a_users_link_of_that_name_is_not(void **state)
{
	static const struct {
		const char *name, *kind;
		size_t n;
	} table[] = {
		{ "tap5_kata", "tun", 0 },     { "tap12345_kata", "macvtap", 0 },
		{ "ifb5_kata", "ifb", 0 },     { "tap5_kata", "veth", 1 },
		{ "ifb5_kata", "dummy", 1 },   { "tap_kata", "tun", 1 },
		{ "tap5_katana", "tun", 1 },   { "tap5x_kata", "tun", 1 },
		{ "ifb5_kata", "macvtap", 1 }, { "xtap5_kata", "tun", 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		set_up(state);
		add_link(table[i].name, table[i].kind);
		assert_plan(table[i].n);
	}
}

static void the_model_none_connects_nothing(void **state)
{
	(void)state;
	add_link("eth0", "veth");
	add_link("wg0", "wireguard")->type = ARPHRD_NONE;
	config.runtime.internetworking_model = (char[]){ "none" };
	assert_plan(0);
}

static void a_vlan_and_the_link_below_know_each_other(void **state)
{
	struct net_link *vlan = add_link("eth0.7", "vlan"); /* before it, as after a move */
	struct net_link *eth = add_link("eth0", "veth");

	(void)state;
	vlan->lower = eth->index;
	assert_plan(2);
	assert_int_equal(plans[0].vlan_parent, eth->index);
	assert_false(plans[0].has_vlans);
	assert_true(plans[1].has_vlans);
	assert_int_equal(plans[1].vlan_parent, 0);

	vlan->lower_elsewhere = true;
	assert_plan(2);
	assert_int_equal(plans[0].vlan_parent, 0);
	assert_false(plans[1].has_vlans);

	vlan->lower_elsewhere = false;
	eth->flags = 0; /* not connected: nobody takes its frames */
	assert_plan(1);
	assert_int_equal(plans[0].vlan_parent, 0);
}

static void a_link_that_only_carries_macvlans_is_left_out(void **state)
{
	static const char *const kinds[] = { "macvlan", "ipvlan", "macvtap" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct net_link *eth, *upper;

		set_up(state);
		eth = add_link("eth0", "veth");
		upper = add_link("net1", kinds[i]);
		upper->lower = eth->index;
		add_address(eth, "fe80::1/64");
		assert_plan(1);
		assert_string_equal(plans[0].name, "net1");

		upper->lower_elsewhere = true; /* another namespace's link of that number */
		assert_plan(2);
		upper->lower_elsewhere = false;

		/* With an address it is wanted itself, and takes all that comes in. */
		add_address(eth, "10.0.0.1/24");
		assert_int_equal(plan(), -1);
		assert_int_equal(err.code, ERR_UNIMPLEMENTED);
		assert_non_null(strstr(err.text, "network interface 'net1': kind '"));
		assert_non_null(strstr(err.text, "is not supported on 'eth0'"));
	}
}

/* In the model macvtap what we put on a link would otherwise hide it from the next look. */
static void our_own_macvtap_makes_no_carrier_of_a_link(void **state)
{
	struct net_link *eth = add_link("eth0", "veth");

	(void)state;
	add_link("tap2_kata", "macvtap")->lower = eth->index;
	assert_plan(1);
	assert_string_equal(plans[0].name, "eth0");
}

static void hardware_is_handed_over_where_there_is_a_port_for_it(void **state)
{
	(void)state;
	add_link("eth9", "");
	add_link("eth8", ""); /* none of PCI */
	assert_plan(2);
	assert_int_equal(plans[0].kind, ENDPOINT_GENERIC);
	assert_string_equal(plans[0].pci, "");

	config.hypervisor.cold_plug_vfio = (char[]){ "root-port" };
	assert_plan(2);
	assert_int_equal(plans[0].kind, ENDPOINT_PHYSICAL);
	assert_int_equal(plans[0].model, ENDPOINT_DIRECT);
	assert_string_equal(plans[0].pci, "0000:00:05.0");
	assert_string_equal(endpoint_kind_name(plans[0].kind), "physical");
	assert_int_equal(plans[1].kind, ENDPOINT_GENERIC);

	config.runtime.internetworking_model = (char[]){ "macvtap" };
	assert_plan(2);
	assert_int_equal(plans[0].model, ENDPOINT_DIRECT);
	assert_int_equal(plans[1].model, ENDPOINT_ON_MACVTAP);
}

static void a_dummy_with_a_socket_is_vhost_user(void **state)
{
	const struct net_link *link = add_link("vhu0", "dummy");

	(void)state;
	add_address(link, "10.0.0.8/24");
	assert_plan(1);
	assert_int_equal(plans[0].kind, ENDPOINT_GENERIC);
	add_address(link, "10.0.0.9/24");
	assert_plan(1);
	assert_int_equal(plans[0].kind, ENDPOINT_VHOST_USER);
	assert_int_equal(plans[0].model, ENDPOINT_DIRECT);
	assert_string_equal(plans[0].socket, "/tmp/vhostuser_10.0.0.9/vhu.sock");
	assert_string_equal(endpoint_kind_name(plans[0].kind), "vhost-user");

	ns.n_addresses = 0;
	add_address(link, "fd00::9/64");
	assert_plan(1);
	assert_string_equal(plans[0].socket, "/tmp/vhostuser_fd00::9/vhu.sock");

	ns.n_addresses = 0;
	add_address(add_link("eth0", "veth"), "10.0.0.9/24"); /* another's, and no dummy */
	assert_plan(2);
	assert_int_equal(plans[0].kind, ENDPOINT_GENERIC);
	assert_int_equal(plans[1].kind, ENDPOINT_VETH);
}

static void there_are_as_many_as_slots(void **state)
{
	char name[IF_NAMESIZE];

	(void)state;
	for (int i = 0; i < ENDPOINTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "eth%d", 100 + i);
		add_link(name, "veth");
	}
	assert_plan(ENDPOINTS_MAX);
	add_link("toomany", "veth");
	assert_int_equal(plan(), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	assert_string_equal(err.text, "network interface 'toomany': over 30 in one pod");
}

static void models_have_names(void **state)
{
	(void)state;
	assert_string_equal(endpoint_model_name(ENDPOINT_TCFILTER), "tcfilter");
	assert_string_equal(endpoint_model_name(ENDPOINT_ON_MACVTAP), "macvtap");
	assert_string_equal(endpoint_model_name(ENDPOINT_DIRECT), "direct");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_has_its_way),
		TEST(a_plan_has_what_the_link_has),
		TEST(what_has_no_ethernet_frames_is_refused_by_kind_and_name),
		TEST(what_has_no_mac_is_refused),
		TEST(what_is_down_counts_by_its_address),
		TEST(what_the_kernel_puts_everywhere_is_left_out),
		TEST(members_of_a_bridge_of_ours_are_left_out),
		TEST(what_we_made_is_left_out_and_a_users_link_of_that_name_is_not),
		TEST(the_model_none_connects_nothing),
		TEST(a_vlan_and_the_link_below_know_each_other),
		TEST(a_link_that_only_carries_macvlans_is_left_out),
		TEST(our_own_macvtap_makes_no_carrier_of_a_link),
		TEST(hardware_is_handed_over_where_there_is_a_port_for_it),
		TEST(a_dummy_with_a_socket_is_vhost_user),
		TEST(there_are_as_many_as_slots),
		TEST(models_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
