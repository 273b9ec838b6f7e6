/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints on this machine's kernel: what the VM's side writes is seen on the other end of the
 * pod's link, and the other way round; and afterwards nothing is left
 *
 * Needs root; in a network namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "engine/resource/network/endpoint.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "tests/integration/network/wire.h"

static struct net *net;
static struct config config;
static struct endpoint_context ctx;

static bool no_pci(void *arg, const char *link, char ret[static 16])
{
	(void)arg, (void)link, (void)ret;
	return false;
}

static bool no_socket(void *arg, const char *path)
{
	(void)arg, (void)path;
	return false;
}

static int set_up(void **state)
{
	static char model[] = "tcfilter", no_port[] = "no-port";
	struct err err = ERR_INIT;

	(void)state;
	wire_isolate();
	net = net_open(&err);
	if (!net)
		fail_msg("%s", err.text);
	config = (struct config){ .runtime.internetworking_model = model };
	config.hypervisor.cold_plug_vfio = no_port;
	ctx = (struct endpoint_context){
		.net = net, .config = &config, .netns_path = "", .n_queues = 1
	};
	run("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	net_close(net);
	net = NULL;
	return 0;
}

/* The plan of one link of this namespace. */
static struct endpoint_plan plan_of(const char *name)
{
	const struct network_facts facts = { .pci_address = no_pci, .is_socket = no_socket };
	struct endpoint_plan *plans, found = { .link = 0 };
	struct net_state state;
	size_t n;

	OK(net_read(net, &state, e));
	OK(network_plan(&config, &state, &facts, &plans, &n, e));
	for (size_t i = 0; i < n; i++)
		if (strcmp(plans[i].name, name) == 0)
			found = plans[i];
	free(plans);
	net_state_done(&state);
	assert_true(found.link > 0);
	return found;
}

static struct endpoint connect_link(const char *name)
{
	struct endpoint_plan plan = plan_of(name);
	struct endpoint ep;

	OK(endpoint_connect(&ctx, &plan, &ep, e));
	return ep;
}

static void assert_flows(const struct endpoint *ep, const char *peer)
{
	scoped_fd int fd = wire_open(peer);

	wire_send(fd, "from outside", 100, -1);
	assert_true(tap_receive(ep->tap.fds[0], "from outside", WIRE_WAIT_MS, NULL));
	tap_send(ep->tap.fds[0], "from the guest", 100);
	assert_true(wire_receive(fd, "from the guest", WIRE_WAIT_MS));
}

static void disconnect(struct endpoint *ep)
{
	OK(endpoint_disconnect(&ctx, ep, e));
}

static void assert_nothing_left(void)
{
	assert_int_equal(count_lines("ip -o link", "_kata"), 0);
	assert_int_equal(count_lines("tc qdisc", "ingress"), 0);
	assert_int_equal(count_lines("tc qdisc", "htb"), 0);
}

static void frames_cross_a_veth_both_ways(void **state)
{
	struct endpoint ep = connect_link("eth0");

	(void)state;
	assert_int_equal(ep.tap.n_fds, 1);
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	assert_nothing_left();
}

static void each_queue_is_a_descriptor(void **state)
{
	scoped_fd int peer = wire_open("peer0");
	struct endpoint ep;

	(void)state;
	ctx.n_queues = 3;
	ep = connect_link("eth0");
	assert_int_equal(ep.tap.n_fds, 3);
	for (size_t i = 0; i < 3; i++) {
		tap_send(ep.tap.fds[i], "by one queue", 100);
		assert_true(wire_receive(peer, "by one queue", WIRE_WAIT_MS));
	}
	disconnect(&ep);
	assert_nothing_left();
}

/* Of a frame as large as the link's MTU nothing is lost, and the tap's MTU is the link's. */
static void large_frames_pass(void **state)
{
	struct endpoint ep;
	scoped_fd int peer = -1;

	(void)state;
	run("ip link set eth0 mtu 65520 && ip link set peer0 mtu 65520");
	peer = wire_open("peer0");
	ep = connect_link("eth0");
	assert_int_equal(count_lines("ip -o link", "mtu 65520"), 3);
	wire_send(peer, "large", 65534, -1);
	assert_true(tap_receive(ep.tap.fds[0], "large", WIRE_WAIT_MS, NULL));
	tap_send(ep.tap.fds[0], "large", 65534);
	assert_true(wire_receive(peer, "large", WIRE_WAIT_MS));
	disconnect(&ep);
}

static void the_mtu_follows_the_link(void **state)
{
	struct endpoint ep = connect_link("eth0");

	(void)state;
	OK(endpoint_set_mtu(&ctx, &ep, 9000, e));
	assert_int_equal(count_lines("ip -o link", "mtu 9000"), 1);
	OK(endpoint_set_mtu(&ctx, &ep, NET_MTU_MAX, e));
	assert_int_equal(count_lines("ip -o link", "mtu 65521"), 1);
	disconnect(&ep);
}

/* Without VLAN links a tag is the guest's business. */
static void a_tagged_frame_reaches_the_guest_with_its_tag(void **state)
{
	struct endpoint ep = connect_link("eth0");
	scoped_fd int peer = wire_open("peer0");
	int vlan = -1;

	(void)state;
	wire_send(peer, "tagged", 100, 7);
	assert_true(tap_receive(ep.tap.fds[0], "tagged", WIRE_WAIT_MS, &vlan));
	assert_int_equal(vlan, 7);
	disconnect(&ep);
}

/* Below VLAN links what has a tag goes on to them, and comes to no guest here. */
static void a_tagged_frame_passes_where_there_are_vlans(void **state)
{
	struct endpoint_plan plan = plan_of("eth0");
	scoped_fd int peer = wire_open("peer0"), host = wire_open("eth0");
	struct endpoint ep;

	(void)state;
	plan.has_vlans = true;
	OK(endpoint_connect(&ctx, &plan, &ep, e));
	wire_send(peer, "tagged", 100, 7);
	assert_true(wire_receive(host, "tagged", WIRE_WAIT_MS));
	assert_false(tap_receive(ep.tap.fds[0], "tagged", WIRE_NONE_MS, NULL));
	wire_send(peer, "plain", 100, -1);
	assert_true(tap_receive(ep.tap.fds[0], "plain", WIRE_WAIT_MS, NULL));
	assert_false(wire_receive(host, "plain", WIRE_NONE_MS));
	disconnect(&ep);
}

/* It need not be connected by way of a redirection, or yet. */
static void the_link_below_a_vlan_may_have_no_qdisc(void **state)
{
	struct endpoint_plan plan = plan_of("eth0");
	struct endpoint ep;

	(void)state;
	plan.vlan_parent = plan_of("peer0").link;
	OK(endpoint_connect(&ctx, &plan, &ep, e));
	disconnect(&ep);
	assert_nothing_left();
}

static void need_vlans(void)
{
	if (system("ip link add link eth0 name eth0.7 type vlan id 7 2>/dev/null") != 0) {
		print_message("SKIP: this kernel has no VLAN links\n");
		skip();
	}
	run("ip link set eth0.7 up");
}

/* The VLAN's frames come to the VLAN's tap alone, in whichever order they were connected. */
static void check_vlan(const char *first, const char *second)
{
	struct endpoint a, b, *eth, *vlan;
	scoped_fd int peer = wire_open("peer0");

	need_vlans();
	a = connect_link(first);
	b = connect_link(second);
	eth = strcmp(first, "eth0") == 0 ? &a : &b;
	vlan = eth == &a ? &b : &a;
	wire_send(peer, "tagged", 100, 7);
	assert_true(tap_receive(vlan->tap.fds[0], "tagged", WIRE_WAIT_MS, NULL));
	assert_false(tap_receive(eth->tap.fds[0], "tagged", WIRE_NONE_MS, NULL));
	wire_send(peer, "plain", 100, -1);
	assert_true(tap_receive(eth->tap.fds[0], "plain", WIRE_WAIT_MS, NULL));
	assert_false(tap_receive(vlan->tap.fds[0], "plain", WIRE_NONE_MS, NULL));
	disconnect(&a);
	disconnect(&b);
	assert_nothing_left();
}

static void a_vlan_and_its_link_are_apart(void **state)
{
	(void)state;
	check_vlan("eth0", "eth0.7");
}

static void a_vlan_may_come_before_its_link(void **state)
{
	(void)state;
	check_vlan("eth0.7", "eth0");
}

/* With the link connected before there was any VLAN. */
static void a_vlan_may_be_added_later(void **state)
{
	scoped_fd int peer = wire_open("peer0");
	struct endpoint_plan plan = plan_of("eth0");
	struct endpoint eth, vlan;

	(void)state;
	need_vlans();
	OK(endpoint_connect(&ctx, &plan, &eth, e)); /* a plan that knows of none */
	vlan = connect_link("eth0.7");
	wire_send(peer, "tagged", 100, 7);
	assert_true(tap_receive(vlan.tap.fds[0], "tagged", WIRE_WAIT_MS, NULL));
	disconnect(&vlan);
	disconnect(&eth);
}

static void frames_cross_a_macvlan(void **state)
{
	struct endpoint ep;

	(void)state;
	run("ip link add link eth0 name mv0 type macvlan mode bridge && ip link set mv0 up");
	ep = connect_link("mv0");
	assert_int_equal(ep.model, ENDPOINT_TCFILTER);
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	assert_nothing_left();
}

static void frames_cross_by_a_macvtap(void **state)
{
	struct endpoint ep;

	(void)state;
	config.runtime.internetworking_model = (char[]){ "macvtap" };
	ctx.n_queues = 2;
	run("ip addr add 10.9.9.9/24 dev eth0");
	ep = connect_link("eth0");
	assert_int_equal(ep.tap.n_fds, 2);
	assert_int_equal(count_lines("ip -d -o link", "macvtap mode passthru"), 1);
	assert_int_equal(count_lines("ip -o addr show dev eth0", "10.9.9.9"), 1);
	disconnect(&ep);
	assert_nothing_left();

	ctx.n_queues = 1;
	ep = connect_link("eth0");
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	assert_nothing_left();
}

static void what_is_made_has_no_address_of_its_own(void **state)
{
	struct endpoint ep = connect_link("eth0");

	(void)state;
	assert_int_equal(count_lines("ip -o -6 addr", "_kata"), 0);
	disconnect(&ep);
	config.runtime.internetworking_model = (char[]){ "macvtap" };
	ep = connect_link("eth0");
	assert_int_equal(count_lines("ip -o -6 addr", "_kata"), 0);
	disconnect(&ep);
}

/* --- links that are opened themselves --- */

/* The kernel lets a link send up to a second after its carrier came. */
static bool comes_to(struct endpoint *ep, int wire)
{
	for (int i = 0; i < 50; i++) {
		wire_send(wire, "from outside", 100, -1);
		if (tap_receive(ep->tap.fds[0], "from outside", WIRE_NONE_MS, NULL))
			return true;
	}
	return false;
}

static void a_persistent_tap_is_opened_and_stays(void **state)
{
	scoped_fd int wire = -1;
	struct endpoint ep;

	(void)state;
	run("ip tuntap add dev t0 mode tap && ip link set t0 up");
	wire = wire_open("t0");
	ep = connect_link("t0");
	assert_int_equal(ep.plan.kind, ENDPOINT_TAP);
	assert_int_equal(ep.model, ENDPOINT_DIRECT);
	tap_send(ep.tap.fds[0], "from the guest", 100);
	assert_true(wire_receive(wire, "from the guest", WIRE_WAIT_MS));
	assert_true(comes_to(&ep, wire));
	disconnect(&ep);
	assert_int_equal(count_lines("ip -o link", "t0:"), 1);
	assert_nothing_left();
}

static void a_tap_of_one_queue_has_one_however_many_are_wanted(void **state)
{
	struct endpoint ep;

	(void)state;
	ctx.n_queues = 4;
	run("ip tuntap add dev t0 mode tap && ip link set t0 up");
	run("ip tuntap add dev t4 mode tap multi_queue && ip link set t4 up");
	ep = connect_link("t0");
	assert_int_equal(ep.tap.n_fds, 1);
	disconnect(&ep);
	ep = connect_link("t4");
	assert_int_equal(ep.tap.n_fds, 4);
	disconnect(&ep);
}

/* As slirp4netns has it. */
static void a_tap_in_use_is_redirected(void **state)
{
	struct err err = ERR_INIT;
	struct tap user = { .n_fds = 0 };
	struct endpoint ep;

	(void)state;
	if (tap_make("t0", 1, &user, &err) < 0)
		fail_msg("%s", err.text);
	run("ip link set t0 up");
	ep = connect_link("t0");
	assert_int_equal(ep.plan.model, ENDPOINT_DIRECT);
	assert_int_equal(ep.model, ENDPOINT_TCFILTER);
	tap_send(ep.tap.fds[0], "to the user", 100);
	assert_true(tap_receive(user.fds[0], "to the user", WIRE_WAIT_MS, NULL));
	tap_send(user.fds[0], "to the guest", 100);
	assert_true(tap_receive(ep.tap.fds[0], "to the guest", WIRE_WAIT_MS, NULL));
	disconnect(&ep);
	assert_nothing_left();
	tap_close(&user);
}

static void a_macvtap_of_somebody_is_opened_and_stays(void **state)
{
	struct endpoint ep;

	(void)state;
	run("ip link add link eth0 name mt0 type macvtap mode bridge && ip link set mt0 up");
	ep = connect_link("mt0");
	assert_int_equal(ep.model, ENDPOINT_DIRECT);
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	assert_int_equal(count_lines("ip -o link", "mt0@"), 1);
}

/* --- limits --- */

static void count_limits(const char *where, int expected)
{
	scoped_free char *command = xasprintf("tc -o class show dev %s", where);

	assert_int_equal(count_lines(command, "rate 8Mbit ceil 8Mbit"), expected);
}

static void both_directions_are_limited(void **state)
{
	struct endpoint ep;

	(void)state;
	config.hypervisor.rx_rate_limiter_max_rate = 8000000;
	config.hypervisor.tx_rate_limiter_max_rate = 8000000;
	ep = connect_link("eth0");
	count_limits("eth0", 1);
	count_limits(ep.tap.name, 1);
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	assert_nothing_left();
	count_limits("eth0", 0);
}

static void a_macvtap_is_limited_by_an_ifb(void **state)
{
	struct endpoint ep;

	(void)state;
	config.runtime.internetworking_model = (char[]){ "macvtap" };
	config.hypervisor.rx_rate_limiter_max_rate = 8000000;
	config.hypervisor.tx_rate_limiter_max_rate = 8000000;
	ep = connect_link("eth0");
	count_limits(ep.tap.name, 1);
	assert_int_equal(count_lines("ip -o -d link", "ifb"), 1);
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	assert_nothing_left();
	assert_int_equal(count_lines("ip -o -d link", "ifb"), 0);
}

static void a_tap_is_limited_by_an_ifb(void **state)
{
	scoped_fd int wire = -1;
	struct endpoint ep;

	(void)state;
	config.hypervisor.rx_rate_limiter_max_rate = 8000000;
	config.hypervisor.tx_rate_limiter_max_rate = 8000000;
	run("ip tuntap add dev t0 mode tap && ip link set t0 up");
	wire = wire_open("t0");
	ep = connect_link("t0");
	count_limits("t0", 1);
	tap_send(ep.tap.fds[0], "from the guest", 100);
	assert_true(wire_receive(wire, "from the guest", WIRE_WAIT_MS));
	assert_true(comes_to(&ep, wire));
	disconnect(&ep);
	assert_nothing_left();
}

/* 1 Mbit/s: 64 frames of 1500 bytes take 0.77 s, less the burst of 16 KiB. */
static void a_limit_is_one(void **state)
{
	struct endpoint ep;
	scoped_fd int peer = wire_open("peer0");
	uint64_t began;

	(void)state;
	config.hypervisor.tx_rate_limiter_max_rate = 1000000;
	ep = connect_link("eth0");
	began = clock_mono_ns();
	for (int i = 0; i < 63; i++)
		tap_send(ep.tap.fds[0], "one of many", 1514);
	tap_send(ep.tap.fds[0], "the last", 1514);
	assert_true(wire_receive(peer, "the last", 3000));
	assert_in_range((clock_mono_ns() - began) / NS_PER_MS, 500, 1500);
	disconnect(&ep);
}

static void a_limit_over_4_gibibytes_is_exact(void **state)
{
	struct endpoint ep;

	(void)state;
	config.hypervisor.tx_rate_limiter_max_rate = 100000000000;
	ep = connect_link("eth0");
	assert_int_equal(count_lines("tc -o class show dev eth0", "rate 100Gbit ceil 100Gbit"), 1);
	disconnect(&ep);
}

static void a_strangers_qdisc_stays(void **state)
{
	struct endpoint ep;

	(void)state;
	run("tc qdisc add dev eth0 root handle 9: tbf rate 1mbit burst 10k latency 10ms");
	ep = connect_link("eth0");
	assert_int_equal(count_lines("tc qdisc show dev eth0", "tbf 9:"), 1);
	disconnect(&ep);
	assert_int_equal(count_lines("tc qdisc show dev eth0", "tbf 9:"), 1);
}

/* --- trouble --- */

/* A supervisor that died, with another model and other limits, has left all it had. */
static void what_a_dead_one_left_is_taken_over(void **state)
{
	struct endpoint dead, ep;

	(void)state;
	config.hypervisor.rx_rate_limiter_max_rate = 8000000;
	config.hypervisor.tx_rate_limiter_max_rate = 8000000;
	dead = connect_link("eth0");
	config.hypervisor.rx_rate_limiter_max_rate = 0;
	config.hypervisor.tx_rate_limiter_max_rate = 0;
	ep = connect_link("eth0");
	assert_int_equal(count_lines("tc qdisc", "htb"), 0);
	assert_flows(&ep, "peer0");
	endpoint_close_fds(&dead);

	config.runtime.internetworking_model = (char[]){ "macvtap" };
	dead = ep;
	ep = connect_link("eth0");
	endpoint_close_fds(&dead);
	assert_int_equal(count_lines("tc qdisc", "ingress"), 0);
	assert_flows(&ep, "peer0");
	config.runtime.internetworking_model = (char[]){ "tcfilter" };
	dead = ep;
	ep = connect_link("eth0");
	endpoint_close_fds(&dead);
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	assert_nothing_left();
}

static void a_failure_leaves_nothing(void **state)
{
	struct endpoint_plan plan = plan_of("eth0");
	struct endpoint ep;
	struct err err = ERR_INIT;

	(void)state;
	plan.link = 4711;
	assert_int_equal(endpoint_connect(&ctx, &plan, &ep, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_nothing_left();
	plan = plan_of("eth0");
	plan.vlan_parent = 4711; /* fails last */
	assert_int_equal(endpoint_connect(&ctx, &plan, &ep, &err), -1);
	assert_nothing_left();
}

static void a_strangers_link_of_our_name_is_not_lost(void **state)
{
	struct endpoint_plan plan = plan_of("eth0");
	struct endpoint ep;
	struct err err = ERR_INIT;

	(void)state;
	run("ip link add tap%d_kata type veth peer name stranger", plan.link);
	assert_int_equal(endpoint_connect(&ctx, &plan, &ep, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(count_lines("ip -o link", "_kata@stranger"), 1);
}

/* The pod's link goes, as when docker disconnects a network. */
static void a_link_that_is_gone_can_be_disconnected(void **state)
{
	struct endpoint ep = connect_link("eth0");

	(void)state;
	run("ip link delete eth0");
	disconnect(&ep);
	assert_nothing_left();
}

static void a_tap_that_is_gone_can_be_disconnected(void **state)
{
	struct endpoint ep = connect_link("eth0");

	(void)state;
	run("ip link delete %s", ep.tap.name);
	disconnect(&ep);
	assert_nothing_left();
}

static void a_link_that_is_down_stays_down(void **state)
{
	struct endpoint ep;

	(void)state;
	run("ip addr add 10.9.9.9/24 dev eth0 && ip link set eth0 down");
	ep = connect_link("eth0");
	assert_int_equal(count_lines("ip -o link show dev eth0", "state DOWN"), 1);
	run("ip link set eth0 up");
	assert_flows(&ep, "peer0");
	disconnect(&ep);
	run("ip link set eth0 down");
	config.runtime.internetworking_model = (char[]){ "macvtap" };
	ep = connect_link("eth0");
	run("ip link set eth0 up");
	assert_flows(&ep, "peer0");
	disconnect(&ep);
}

static void no_vhost_is_no_failure(void **state)
{
	struct endpoint ep;

	(void)state;
	ctx.use_vhost = true;
	ctx.n_queues = 2;
	ep = connect_link("eth0");
	assert_int_equal(ep.n_vhost_fds, access("/dev/vhost-net", R_OK | W_OK) == 0 ? 2 : 0);
	disconnect(&ep);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_cross_a_veth_both_ways),
		TEST(each_queue_is_a_descriptor),
		TEST(large_frames_pass),
		TEST(the_mtu_follows_the_link),
		TEST(a_tagged_frame_reaches_the_guest_with_its_tag),
		TEST(a_tagged_frame_passes_where_there_are_vlans),
		TEST(the_link_below_a_vlan_may_have_no_qdisc),
		TEST(a_vlan_and_its_link_are_apart),
		TEST(a_vlan_may_come_before_its_link),
		TEST(a_vlan_may_be_added_later),
		TEST(frames_cross_a_macvlan),
		TEST(frames_cross_by_a_macvtap),
		TEST(what_is_made_has_no_address_of_its_own),
		TEST(a_persistent_tap_is_opened_and_stays),
		TEST(a_tap_of_one_queue_has_one_however_many_are_wanted),
		TEST(a_tap_in_use_is_redirected),
		TEST(a_macvtap_of_somebody_is_opened_and_stays),
		TEST(both_directions_are_limited),
		TEST(a_macvtap_is_limited_by_an_ifb),
		TEST(a_tap_is_limited_by_an_ifb),
		TEST(a_limit_is_one),
		TEST(a_limit_over_4_gibibytes_is_exact),
		TEST(a_strangers_qdisc_stays),
		TEST(what_a_dead_one_left_is_taken_over),
		TEST(a_failure_leaves_nothing),
		TEST(a_strangers_link_of_our_name_is_not_lost),
		TEST(a_link_that_is_gone_can_be_disconnected),
		TEST(a_tap_that_is_gone_can_be_disconnected),
		TEST(a_link_that_is_down_stays_down),
		TEST(no_vhost_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
