/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, MACs and names as text */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/net/net.h"

static void addresses_of_both_families_go_out_as_they_came_in(void **state)
{
	static const char *const good[] = { "10.0.0.1",        "0.0.0.0",
					    "255.255.255.255", "::",
					    "fe80::1",         "2001:db8::ff00:42:8329",
					    "::ffff:10.0.0.1" };
	char text[NET_IP_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err err = ERR_INIT;
		struct net_ip ip;

		assert_int_equal(net_ip_parse(good[i], &ip, &err), 0);
		net_ip_format(&ip, text);
		assert_string_equal(text, good[i]);
	}
	net_ip_format(&(struct net_ip){ .family = AF_UNSPEC }, text);
	assert_string_equal(text, "");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = { "",          " ",         "10.0.0",     "10.0.0.256",
					   " 10.0.0.1", "10.0.0.1 ", "10.0.0.1/8", "fe80::1%eth0",
					   "::g",       "010.0.0.1", "host" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		struct net_ip ip = { .family = 77 };

		assert_int_equal(net_ip_parse(bad[i], &ip, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(ip.family, 77);
	}
}

static void a_prefix_is_of_its_family(void **state)
{
	static const struct {
		const char *text;
		unsigned int prefix;
	} good[] = { { "10.0.0.0/8", 8 }, { "10.0.0.1", 32 },    { "0.0.0.0/0", 0 },
		     { "::/0", 0 },       { "fe80::/128", 128 }, { "fe80::1", 128 } };
	static const char *const bad[] = { "10.0.0.0/",
					   "10.0.0.0/33",
					   "10.0.0.0/-1",
					   "10.0.0.0/ 8",
					   "10.0.0.0/8/",
					   "::/129",
					   "/8",
					   "10.0.0.0/255.0.0.0",
					   "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err err = ERR_INIT;
		unsigned int prefix = 77;
		struct net_ip ip;

		assert_int_equal(net_ip_parse_prefix(good[i].text, &ip, &prefix, &err), 0);
		assert_int_equal(prefix, good[i].prefix);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		unsigned int prefix = 77;
		struct net_ip ip;

		assert_int_equal(net_ip_parse_prefix(bad[i], &ip, &prefix, &err), -1);
		assert_int_equal(prefix, 77);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void addresses_are_equal_within_their_family_only(void **state)
{
	struct net_ip a, b, mapped, none = { .family = AF_UNSPEC };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_ip_parse("10.0.0.1", &a, &err), 0);
	assert_int_equal(net_ip_parse("10.0.0.2", &b, &err), 0);
	assert_int_equal(net_ip_parse("::ffff:10.0.0.1", &mapped, &err), 0);
	assert_true(net_ip_equal(&a, &a));
	assert_false(net_ip_equal(&a, &b));
	assert_false(net_ip_equal(&a, &mapped));
	assert_true(net_ip_equal(&none, &none));
	assert_false(net_ip_equal(&none, &a));
}

static void a_mac_is_six_pairs_and_nothing_else(void **state)
{
	static const char *const bad[] = { "",
					   "02:42:ac:11:00",
					   "02:42:ac:11:00:2",
					   "02:42:ac:11:00:02:",
					   "02-42-ac-11-00-02",
					   "0g:42:ac:11:00:02",
					   "02:42:ac:11:00:02 ",
					   " 2:42:ac:11:00:02",
					   "0242ac1100020000a" };
	uint8_t mac[ETH_ALEN];
	char text[NET_MAC_TEXT];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_mac_parse("02:42:AC:11:00:0f", mac, &err), 0);
	net_mac_format(mac, text);
	assert_string_equal(text, "02:42:ac:11:00:0f");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err failed = ERR_INIT;

		assert_int_equal(net_mac_parse(bad[i], mac, &failed), -1);
		assert_int_equal(failed.code, ERR_INVALID);
	}
}

static void a_name_is_what_the_kernel_takes(void **state)
{
	static const char *const good[] = { "eth0", "a", "123456789012345", "veth1@x", "..." };
	static const char *const bad[] = {
		"", "1234567890123456", "a/b", "a b", "a\tb", "a\nb", ".", "..", "eth0:1", "a\x7f"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(net_name_check(good[i], &err), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(net_name_check(bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_both_families_go_out_as_they_came_in),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_prefix_is_of_its_family),
		cmocka_unit_test(addresses_are_equal_within_their_family_only),
		cmocka_unit_test(a_mac_is_six_pairs_and_nothing_else),
		cmocka_unit_test(a_name_is_what_the_kernel_takes),
	};

	return cmocka_run_group_tests_name("net text", tests, NULL, NULL);
}
