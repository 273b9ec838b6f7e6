/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_network.c - changes in a real namespace become what is asked of monitor and agent
 *
 * The namespace, its links and the taps are real; the monitor and the agent only write down what
 * they are asked for, and answer from the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/integration/network/wire.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "engine/agent/agent.h"
#include "engine/config/config.h"
#include "engine/resource/network/network.h"
#include "engine/vmm/vmm.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define TURN_MS 2000

static struct {
	struct event_base *base;
	struct network *network;
	struct config config;
	struct str said; /* one line an operation */
	const char *refuse; /* the operation with this beginning fails; NULL: none */
	bool deaf; /* nothing is answered */
	struct err warned;
	struct err synced;
	bool done;
	int fds[32]; /* the monitor's own, by the number in the device's name; 0: none */
} t;

/* --- monitor and agent --- */

struct answer {
	vmm_done *vmm;
	agent_answered *agent;
	void *arg;
	bool refuse;
};

static void give(evutil_socket_t fd, short what, void *arg)
{
	struct answer a = *(struct answer *)arg;
	struct err err = ERR_INIT;

	(void)fd, (void)what;
	free(arg);
	if (a.refuse)
		err_set(&err, ERR_INTERNAL, "refused by the test");
	if (a.vmm)
		a.vmm(a.arg, a.refuse ? &err : NULL);
	else
		a.agent(a.arg, NULL, a.refuse ? &err : NULL);
}

static void answer(struct answer a, const char *line)
{
	static const struct timeval now = { 0 };
	struct answer *kept;

	str_addf(&t.said, "%s\n", line);
	if (t.deaf)
		return;
	kept = xnew(struct answer);
	*kept = a;
	kept->refuse = t.refuse && str_starts(line, t.refuse);
	event_base_once(t.base, -1, EV_TIMEOUT, give, kept, &now);
}

static void add_nic(struct vmm *vmm, const struct vm_nic *nic, uint32_t timeout_ms, vmm_done *done,
		    void *arg)
{
	scoped_free char *line = xasprintf("plug %s slot %u queues %zu", nic->id, nic->slot, nic->n_fds);

	(void)vmm, (void)timeout_ms;
	t.fds[atoi(nic->id + strlen("network-"))] = fcntl(nic->fds[0], F_DUPFD_CLOEXEC, 3);
	answer((struct answer){ .vmm = done, .arg = arg }, line);
}

static void remove_nic(struct vmm *vmm, const char *id, uint32_t timeout_ms, vmm_done *done,
		       void *arg)
{
	scoped_free char *line = xasprintf("unplug %s", id);

	(void)vmm, (void)timeout_ms;
	close(t.fds[atoi(id + strlen("network-"))]);
	t.fds[atoi(id + strlen("network-"))] = 0;
	answer((struct answer){ .vmm = done, .arg = arg }, line);
}

static void set_carrier(struct vmm *vmm, const char *id, bool carrier, uint32_t timeout_ms,
			vmm_done *done, void *arg)
{
	scoped_free char *line = xasprintf("carrier %s %s", id, carrier ? "on" : "off");

	(void)vmm, (void)timeout_ms;
	answer((struct answer){ .vmm = done, .arg = arg }, line);
}

static const struct vmm_ops ops = { .add_nic = add_nic,
				    .remove_nic = remove_nic,
				    .set_carrier = set_carrier };
static struct vmm vmm = { .ops = &ops };

static char *describe(const char *method, const ProtobufCMessage *req)
{
	struct str out = { 0 };

	str_add(&out, method);
	if (strcmp(method, "UpdateInterface") == 0) {
		const Types__Interface *i = ((const Grpc__UpdateInterfaceRequest *)(const void *)req)->interface;

		str_addf(&out, " %s mtu %u at %s", i->name, (unsigned int)i->mtu, i->devicepath);
		for (size_t k = 0; k < i->n_ipaddresses; k++)
			if (i->ipaddresses[k]->family == TYPES__IPFAMILY__v4)
				str_addf(&out, " %s/%s", i->ipaddresses[k]->address,
					 i->ipaddresses[k]->mask);
	} else if (strcmp(method, "UpdateRoutes") == 0) {
		const Grpc__Routes *r = ((const Grpc__UpdateRoutesRequest *)(const void *)req)->routes;

		for (size_t k = 0; k < r->n_routes; k++)
			str_addf(&out, " '%s' via '%s' dev %s", r->routes[k]->dest,
				 r->routes[k]->gateway, r->routes[k]->device);
	}
	return str_take(&out);
}

void agent_call(struct agent *agent, const ProtobufCServiceDescriptor *service, const char *method,
		const ProtobufCMessage *req, uint32_t timeout_ms, agent_answered *done, void *arg)
{
	scoped_free char *line = describe(method, req);

	(void)agent, (void)service, (void)timeout_ms;
	answer((struct answer){ .agent = done, .arg = arg }, line);
}

void agent_forget(struct agent *agent, const void *arg)
{
	(void)agent, (void)arg;
}

/* --- turns --- */

static void turn_until(bool (*reached)(const char *text), const char *text)
{
	const uint64_t end = clock_mono_ns() + TURN_MS * NS_PER_MS;
	const struct timeval tick = { .tv_usec = 20000 };

	while (!reached(text) && clock_mono_ns() < end) {
		event_base_loopexit(t.base, &tick);
		event_base_loop(t.base, EVLOOP_ONCE);
	}
	if (!reached(text))
		fail_msg("'%s' did not come; what came:\n%s", text, str_get(&t.said));
}

static bool was_said(const char *text)
{
	return strstr(str_get(&t.said), text) != NULL;
}

static bool is_done(const char *text)
{
	(void)text;
	return t.done;
}

static bool was_warned(const char *text)
{
	return strstr(t.warned.text, text) != NULL;
}

static void forget_said(void)
{
	str_done(&t.said);
}

static void on_synced(void *arg, const struct err *err)
{
	(void)arg;
	t.done = true;
	t.synced = err ? *err : ERR_INIT;
}

static void on_warned(void *arg, const struct err *err)
{
	(void)arg;
	t.warned = *err;
}

static void sync_now(void)
{
	t.done = false;
	network_sync(t.network, on_synced, NULL);
	turn_until(is_done, "the end of a sync");
}

static int set_up(void **state)
{
	static char model[] = "tcfilter";

	(void)state;
	wire_isolate();
	memset(&t, 0, sizeof(t));
	t.config.runtime.internetworking_model = model;
	t.config.hypervisor.disable_vhost_net = true;
	t.config.hypervisor.cold_plug_vfio = t.config.hypervisor.hot_plug_vfio = unconst("no-port");
	t.base = event_base_new();
	run("ip link add eth0 type veth peer name peer0 && ip link set peer0 up && ip link set eth0 up &&"
	    " ip link set eth0 mtu 1400 && ip addr add 10.1.0.2/24 dev eth0 &&"
	    " ip route add default via 10.1.0.1");
	/* The other ends are in another namespace with a real pod; here they must not count. */
	run("ip netns add outside && ip link set peer0 netns outside && ip -n outside link set peer0 up");
	t.network = network_new(t.base, &t.config, NULL, "", on_warned, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	network_free(t.network);
	for (size_t i = 0; i < ARRAY_LEN(t.fds); i++)
		if (t.fds[i] > 0)
			close(t.fds[i]);
	event_base_free(t.base);
	str_done(&t.said);
	run("ip netns del outside");
	return 0;
}

/* Connected, plugged and configured as a start does it, and followed from then on. */
static void start(void)
{
	OK(network_connect(t.network, 1, e));
	assert_int_equal(network_n_devices(t.network), 1);
	network_attach_vmm(t.network, &vmm);
	sync_now();
	assert_int_equal(t.synced.code, ERR_OK);
	assert_string_equal(str_get(&t.said), "plug network-0 slot 1 queues 1\n");
	forget_said();
	network_attach_agent(t.network, (void *)&t);
	sync_now();
	assert_int_equal(t.synced.code, ERR_OK);
	assert_string_equal(str_get(&t.said),
			    "UpdateInterface eth0 mtu 1400 at 02/01 10.1.0.2/24\n"
			    "UpdateRoutes '' via '10.1.0.1' dev eth0\n");
	forget_said();
	network_follow(t.network);
}

static void what_is_there_is_plugged_and_told_once(void **state)
{
	(void)state;
	start();
	sync_now();
	assert_string_equal(str_get(&t.said), "");
}

static void an_address_that_is_added_is_told(void **state)
{
	(void)state;
	start();
	run("ip addr add 10.1.0.3/24 dev eth0");
	turn_until(was_said, "UpdateInterface eth0 mtu 1400 at 02/01 10.1.0.2/24 10.1.0.3/24\n");
}

static void a_new_mtu_is_told_and_the_tap_follows(void **state)
{
	(void)state;
	start();
	run("ip link set eth0 mtu 1300");
	turn_until(was_said, "UpdateInterface eth0 mtu 1300 at 02/01 10.1.0.2/24\n");
	assert_int_equal(count_lines("ip -o link", "_kata: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1300"), 1);
}

static void a_link_that_goes_down_takes_the_carrier_with_it(void **state)
{
	(void)state;
	start();
	run("ip link set eth0 down");
	turn_until(was_said, "carrier network-0 off\n");
	forget_said();
	run("ip link set eth0 up");
	turn_until(was_said, "carrier network-0 on\n");
}

static void a_link_that_comes_is_plugged_and_one_that_goes_is_unplugged(void **state)
{
	(void)state;
	start();
	run("ip link add eth1 type veth peer name peer1 && ip link set peer1 netns outside &&"
	    " ip addr add 10.2.0.2/24 dev eth1 && ip link set eth1 up");
	turn_until(was_said, "plug network-1 slot 2 queues 1\n");
	turn_until(was_said, "UpdateInterface eth1 mtu 1500 at 02/02 10.2.0.2/24\n");
	forget_said();
	run("ip link del eth1");
	turn_until(was_said, "unplug network-1\n");
	/* Its slot is free again. */
	run("ip link add eth2 type veth peer name peer2 && ip addr add 10.3.0.2/24 dev eth2 &&"
	    " ip link set peer2 netns outside && ip link set eth2 up");
	turn_until(was_said, "plug network-2 slot 2 queues 1\n");
}

static void a_tap_that_was_deleted_is_replaced_and_the_guest_told_anew(void **state)
{
	(void)state;
	start();
	run("ip link del $(ip -o link | sed -n 's/^[0-9]*: \\(tap[0-9]*_kata\\).*/\\1/p')");
	turn_until(was_said, "unplug network-0\n");
	turn_until(was_said, "plug network-1 slot 1 queues 1\n");
	turn_until(was_said, "UpdateInterface eth0 mtu 1400 at 02/01 10.1.0.2/24\n");
	turn_until(was_said, "UpdateRoutes '' via '10.1.0.1' dev eth0\n");
}

static void what_failed_is_said_and_tried_again_on_the_next_change(void **state)
{
	(void)state;
	start();
	t.refuse = "UpdateInterface";
	run("ip addr add 10.1.0.4/24 dev eth0");
	turn_until(was_warned, "network interface 'eth0': refused by the test");
	t.refuse = NULL;
	forget_said();
	run("ip addr add 10.1.0.5/24 dev eth0");
	turn_until(was_said, "10.1.0.4/24 10.1.0.5/24\n");
}

static void a_device_that_is_refused_is_tried_once_a_change(void **state)
{
	(void)state;
	t.refuse = "plug";
	OK(network_connect(t.network, 1, e));
	network_attach_vmm(t.network, &vmm);
	sync_now();
	assert_int_equal(t.synced.code, ERR_INTERNAL);
	assert_string_equal(t.synced.text, "network interface 'eth0': refused by the test");
	assert_string_equal(str_get(&t.said), "plug network-0 slot 1 queues 1\n");
	t.refuse = NULL;
	forget_said();
	close(take_fd(&t.fds[0])); /* the monitor keeps nothing of what it refused */
	sync_now();
	assert_int_equal(t.synced.code, ERR_OK);
	assert_string_equal(str_get(&t.said), "plug network-0 slot 1 queues 1\n");
}

static void a_machine_that_goes_in_the_middle_leaves_nothing(void **state)
{
	(void)state;
	start();
	t.deaf = true;
	run("ip addr add 10.1.0.6/24 dev eth0");
	turn_until(was_said, "10.1.0.6/24");
	network_detach(t.network);
	close(take_fd(&t.fds[0])); /* it had its own copies, and has ended */
	network_free(take_ptr(&t.network));
	assert_int_equal(count_lines("ip -o link", "_kata"), 0);
	assert_int_equal(count_lines("tc qdisc", "ingress"), 0);
}

static void on_answered(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	(void)arg, (void)reply;
	t.done = true;
	t.synced = err ? *err : ERR_INIT;
}

static void ask(enum network_verb verb, const char *name)
{
	Types__Interface i = TYPES__INTERFACE__INIT;

	i.name = i.device = unconst(name);
	i.mtu = 1200;
	t.done = false;
	network_request(t.network, verb, &i.base, on_answered, NULL);
	turn_until(is_done, "the answer to a request");
}

static void an_interface_is_taken_away_and_brought_back_by_hand(void **state)
{
	(void)state;
	start();
	ask(NETWORK_REMOVE_INTERFACE, "eth0");
	assert_int_equal(t.synced.code, ERR_OK);
	assert_true(was_said("unplug network-0\n"));
	forget_said();
	/* A change does not bring it back. */
	run("ip addr add 10.1.0.7/24 dev eth0");
	sync_now();
	assert_false(was_said("plug"));
	ask(NETWORK_ADD_INTERFACE, "eth0");
	assert_int_equal(t.synced.code, ERR_OK);
	assert_true(was_said("plug network-1 slot 1 queues 1\n"));
	/* In the request's own words, last. */
	assert_true(str_ends(str_get(&t.said), "UpdateInterface eth0 mtu 1200 at 02/01\n"));
	ask(NETWORK_ADD_INTERFACE, "eth7");
	assert_int_equal(t.synced.code, ERR_NOT_FOUND);
}

static void a_link_that_cannot_be_connected_is_said_once_and_hinders_no_other(void **state)
{
	(void)state;
	start();
	run("ip tuntap add tun7 mode tun && ip link set tun7 up");
	turn_until(was_warned, "network interface 'tun7': kind 'tun' is not supported");
	t.warned = ERR_INIT;
	run("ip addr add 10.1.0.8/24 dev eth0");
	turn_until(was_said, "10.1.0.8/24");
	assert_string_equal(t.warned.text, "");
}

static void a_link_that_cannot_be_connected_stops_a_start(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	run("ip tuntap add tun7 mode tun && ip link set tun7 up");
	assert_int_equal(network_connect(t.network, 1, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_non_null(strstr(err.text, "network interface 'tun7': kind 'tun' is not supported"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_plugged_and_told_once),
		TEST(an_address_that_is_added_is_told),
		TEST(a_new_mtu_is_told_and_the_tap_follows),
		TEST(a_link_that_goes_down_takes_the_carrier_with_it),
		TEST(a_link_that_comes_is_plugged_and_one_that_goes_is_unplugged),
		TEST(a_tap_that_was_deleted_is_replaced_and_the_guest_told_anew),
		TEST(what_failed_is_said_and_tried_again_on_the_next_change),
		TEST(a_device_that_is_refused_is_tried_once_a_change),
		TEST(a_machine_that_goes_in_the_middle_leaves_nothing),
		TEST(an_interface_is_taken_away_and_brought_back_by_hand),
		TEST(a_link_that_cannot_be_connected_is_said_once_and_hinders_no_other),
		TEST(a_link_that_cannot_be_connected_stops_a_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
