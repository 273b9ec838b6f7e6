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
#include "lib/base/defs.h"
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
	config.runtime.internetworking_model = model;
	config.hypervisor.cold_plug_vfio = no_port;
	ctx = (struct endpoint_context){ .net = net, .config = &config, .netns_path = "", .n_queues = 1 };
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
	OK(endpoint_disconnect(&ctx, &ep, e));
	assert_nothing_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_cross_a_veth_both_ways, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
