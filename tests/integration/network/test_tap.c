/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taps, macvtaps and traffic control by themselves, on this machine's kernel
 *
 * Needs root; in a network namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/net/tap.h"
#include "lib/net/tc.h"
#include "tests/integration/network/wire.h"

static struct net *net;

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	wire_isolate();
	net = net_open(&err);
	if (!net)
		fail_msg("%s", err.text);
	run("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	net_close(net);
	return 0;
}

static int index_of(const char *name)
{
	struct err err = ERR_INIT;
	int index = net_link_index(net, name, &err);

	if (index < 0)
		fail_msg("%s", err.text);
	return index;
}

static void a_pattern_gets_the_first_free_number(void **state)
{
	struct tap a, b;

	(void)state;
	OK(tap_make("tap%d_kata", 1, &a, e));
	OK(tap_make("tap%d_kata", 1, &b, e));
	assert_string_equal(a.name, "tap0_kata");
	assert_string_equal(b.name, "tap1_kata");
	assert_int_equal(a.index, index_of("tap0_kata"));
	tap_close(&a);
	OK(tap_make("tap%d_kata", 1, &a, e));
	assert_string_equal(a.name, "tap0_kata");
	tap_close(&a);
	tap_close(&a); /* may be called again */
	tap_close(&b);
}

static void a_tap_lives_as_long_as_one_of_its_descriptors(void **state)
{
	struct tap tap;

	(void)state;
	OK(tap_make("t0", 4, &tap, e));
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(count_lines("ip -o link", " t0:"), 1);
		assert_true(fcntl(tap.fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(tap.fds[i], F_GETFL) & O_NONBLOCK);
		close_fd(&tap.fds[i]);
	}
	assert_int_equal(count_lines("ip -o link", " t0:"), 0);
}

static void what_cannot_be_made_is_said_with_its_name(void **state)
{
	struct tap tap = { .n_fds = 0 }, other;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(tap_make("eth0", 1, &tap, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_string_equal(err.text, "make tap 'eth0': File exists");
	/* The kernel would let us into a tap that is there. */
	run("ip tuntap add dev t0 mode tap");
	assert_int_equal(tap_make("t0", 1, &tap, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(tap_make("a-name-that-is-too-long", 1, &tap, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(tap_make("", 1, &tap, &err), -1);
	assert_int_equal(tap_make("t1", 0, &tap, &err), -1);
	assert_int_equal(tap_make("t1", TAP_QUEUES_MAX + 1, &tap, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(tap.n_fds, 0);
	OK(tap_make("t1", TAP_QUEUES_MAX, &other, e));
	tap_close(&other);
}

static void only_a_tap_that_is_free_can_be_opened(void **state)
{
	struct tap tap, again;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(tap_open("t0", 1, &tap, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	run("ip tuntap add dev u0 mode tun && ip tuntap add dev t0 mode tap");
	assert_int_equal(tap_open("u0", 1, &tap, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_non_null(strstr(err.text, "'u0'"));
	assert_int_equal(tap_open("eth0", 1, &tap, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	OK(tap_open("t0", 1, &tap, e));
	assert_int_equal(tap.index, index_of("t0"));
	assert_int_equal(tap_open("t0", 1, &again, &err), -1);
	assert_int_equal(err.sys, EBUSY);
	tap_close(&tap);

	/* With several queues the kernel would add one more. */
	OK(tap_make("t2", 2, &tap, e));
	assert_int_equal(tap_open("t2", 1, &again, &err), -1);
	assert_int_equal(err.sys, EBUSY);
	tap_close(&tap);
}

/* No /sys of this namespace, no /dev/tapN, and nothing is mounted when it is over. */
static void a_macvtap_needs_neither_sys_nor_dev(void **state)
{
	int mounts = count_lines("cat /proc/self/mountinfo", " ");
	struct tap tap;
	struct stat st;

	(void)state;
	OK(tap_make_macvtap(net, index_of("eth0"), "mt0", 3, &tap, e));
	assert_int_equal(tap.n_fds, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(fstat(tap.fds[i], &st), 0);
		assert_true(S_ISCHR(st.st_mode));
		assert_true(fcntl(tap.fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(tap.fds[i], F_GETFL) & O_NONBLOCK);
	}
	assert_int_equal(count_lines("cat /proc/self/mountinfo", " "), mounts);
	assert_int_equal(count_lines("ip -o link show dev mt0", ",UP"), 1);
	tap_close(&tap);
	assert_int_equal(count_lines("ip -o link", "mt0@"), 1); /* it stays */
	OK(net_link_delete(net, tap.index, e));
}

static void a_macvtap_has_the_mac_and_the_mtu_of_its_link(void **state)
{
	struct net_state now;
	struct tap tap;

	(void)state;
	run("ip link set eth0 mtu 9000");
	OK(tap_make_macvtap(net, index_of("eth0"), "mt0", 1, &tap, e));
	OK(net_read(net, &now, e));
	assert_int_equal(net_find_name(&now, "mt0")->mtu, 9000);
	assert_memory_equal(net_find_name(&now, "mt0")->mac, net_find_name(&now, "eth0")->mac,
			    ETH_ALEN);
	net_state_done(&now);
	tap_close(&tap);
}

static void a_macvtap_that_cannot_be_leaves_nothing(void **state)
{
	struct tap tap;
	struct err err = ERR_INIT;

	(void)state;
	run("ip link add br0 type bridge && ip link set eth0 master br0");
	assert_int_equal(tap_make_macvtap(net, index_of("eth0"), "mt0", 1, &tap, &err), -1);
	assert_non_null(strstr(err.text, "link 'eth0': make macvtap 'mt0' on it"));
	assert_int_equal(tap_make_macvtap(net, index_of("peer0"), "mt0", 99, &tap, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(count_lines("ip -o link", "mt0"), 0);
}

/* --- traffic control --- */

static void an_ingress_qdisc_is_replaced_with_its_filters(void **state)
{
	int eth0 = index_of("eth0");

	(void)state;
	OK(tc_ingress_add(net, eth0, e));
	OK(tc_redirect(net, eth0, index_of("peer0"), e));
	assert_int_equal(count_lines("tc filter show dev eth0 ingress", "Redirect"), 1);
	OK(tc_ingress_add(net, eth0, e));
	assert_int_equal(count_lines("tc qdisc show dev eth0", "ingress ffff:"), 1);
	assert_int_equal(count_lines("tc filter show dev eth0 ingress", "Redirect"), 0);
	OK(tc_ingress_delete(net, eth0, e));
	OK(tc_ingress_delete(net, eth0, e));
	OK(tc_ingress_delete(net, 4711, e));
	assert_int_equal(count_lines("tc qdisc show dev eth0", "ingress"), 0);
}

static void vlans_may_be_let_pass_before_and_after_and_twice(void **state)
{
	int eth0 = index_of("eth0");

	(void)state;
	OK(tc_pass_vlans(net, eth0, e)); /* nobody takes them */
	OK(tc_ingress_add(net, eth0, e));
	OK(tc_pass_vlans(net, eth0, e));
	OK(tc_redirect(net, eth0, index_of("peer0"), e));
	OK(tc_pass_vlans(net, eth0, e));
	assert_int_equal(count_lines("tc filter show dev eth0 ingress",
				     "protocol 802.1Q pref 1 u32 chain 0 fh 800::800"),
			 1);
	assert_int_equal(count_lines("tc filter show dev eth0 ingress",
				     "protocol 802.1ad pref 2 u32 chain 0 fh 801::800"),
			 1);
}

static void answers_of_name_servers_are_shared_before_all_is_redirected(void **state)
{
	int eth0 = index_of("eth0"), peer0 = index_of("peer0");

	(void)state;
	OK(tc_ingress_add(net, eth0, e));
	OK(tc_share_answers(net, eth0, peer0, e));
	OK(tc_redirect(net, eth0, peer0, e));
	assert_int_equal(count_lines("tc filter show dev eth0 ingress", "match 0035f000/fffff000 at 20"), 2);
	assert_int_equal(count_lines("tc filter show dev eth0 ingress", "match 00110000/00ff0000 at 8"), 1);
	assert_int_equal(count_lines("tc filter show dev eth0 ingress", "Egress Mirror to device peer0) pipe"), 2);
	assert_int_equal(count_lines("tc filter show dev eth0 ingress", "protocol arp pref 4 u32 chain 0 fh 801::800"), 1);
	assert_int_equal(count_lines("tc filter show dev eth0 ingress", "Egress Redirect to device peer0) stolen"), 1);
}

static void an_error_of_tc_names_the_link_and_says_what_the_kernel_said(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(tc_redirect(net, index_of("eth0"), index_of("peer0"), &err), -1);
	assert_non_null(strstr(err.text, "link 'eth0': redirect to 'peer0': "));
	assert_non_null(strstr(err.text, "Qdisc"));
	assert_int_equal(tc_ingress_add(net, 4711, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void a_limit_can_be_changed_and_taken_off(void **state)
{
	int eth0 = index_of("eth0");

	(void)state;
	OK(tc_limit_egress(net, eth0, 8000000, e));
	assert_int_equal(count_lines("tc class show dev eth0", "rate 8Mbit ceil 8Mbit"), 1);
	OK(tc_limit_egress(net, eth0, 100000000, e));
	assert_int_equal(count_lines("tc class show dev eth0", "rate 100Mbit ceil 100Mbit"), 1);
	assert_int_equal(count_lines("tc class show dev eth0", "htb"), 1);
	OK(tc_limit_egress(net, eth0, 1, e)); /* the smallest there is: a byte in a second */
	OK(tc_limit_egress(net, eth0, 0, e));
	OK(tc_limit_egress(net, eth0, 0, e));
	assert_int_equal(count_lines("tc qdisc show dev eth0", "htb"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pattern_gets_the_first_free_number),
		TEST(a_tap_lives_as_long_as_one_of_its_descriptors),
		TEST(what_cannot_be_made_is_said_with_its_name),
		TEST(only_a_tap_that_is_free_can_be_opened),
		TEST(a_macvtap_needs_neither_sys_nor_dev),
		TEST(a_macvtap_has_the_mac_and_the_mtu_of_its_link),
		TEST(a_macvtap_that_cannot_be_leaves_nothing),
		TEST(an_ingress_qdisc_is_replaced_with_its_filters),
		TEST(vlans_may_be_let_pass_before_and_after_and_twice),
		TEST(answers_of_name_servers_are_shared_before_all_is_redirected),
		TEST(an_error_of_tc_names_the_link_and_says_what_the_kernel_said),
		TEST(a_limit_can_be_changed_and_taken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
