/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one who passes DNS messages on has to know of them, and of addresses
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/dns/address.h"
#include "lib/dns/message.h"

static const uint8_t query[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1 };

static void a_query_has_a_header_and_asks(void **state)
{
	uint8_t other[sizeof(query)];

	(void)state;
	assert_true(dns_is_query(query, sizeof(query)));
	assert_true(dns_is_query(query, DNS_HEADER_LEN));
	assert_false(dns_is_query(query, DNS_HEADER_LEN - 1));
	assert_false(dns_is_query(query, 0));
	memcpy(other, query, sizeof(query));
	other[2] |= 0x80;
	assert_false(dns_is_query(other, sizeof(other)));
}

static void an_answer_is_one_to_the_query_with_its_id(void **state)
{
	uint8_t answer[sizeof(query)];

	(void)state;
	memcpy(answer, query, sizeof(query));
	assert_false(dns_is_answer(answer, sizeof(answer), query)); /* it still asks */
	answer[2] |= 0x80;
	assert_true(dns_is_answer(answer, sizeof(answer), query));
	assert_false(dns_is_answer(answer, DNS_HEADER_LEN - 1, query));
	answer[1]++;
	assert_false(dns_is_answer(answer, sizeof(answer), query));
}

static void a_failed_query_is_an_answer_that_repeats_the_question(void **state)
{
	uint8_t failed[sizeof(query)];

	(void)state;
	memcpy(failed, query, sizeof(query));
	failed[2] |= 0x06; /* what a query has no business to say */
	dns_fail(failed, sizeof(failed));
	assert_true(dns_is_answer(failed, sizeof(failed), query));
	assert_int_equal(failed[2], 0x81);
	assert_int_equal(failed[3], 0x82);
	assert_memory_equal(failed + 4, query + 4, sizeof(query) - 4);
}

static void a_frame_is_found_when_it_is_whole(void **state)
{
	const uint8_t stream[] = { 0, 3, 'a', 'b', 'c', 0, 0, 1, 0 };
	const uint8_t *message = NULL;
	size_t len = 9;

	(void)state;
	for (size_t n = 0; n < 5; n++)
		assert_int_equal(dns_frame_find(stream, n, &message, &len), 0);
	assert_null(message);
	assert_int_equal(dns_frame_find(stream, sizeof(stream), &message, &len), 5);
	assert_ptr_equal(message, stream + 2);
	assert_int_equal(len, 3);
	assert_int_equal(dns_frame_find(stream + 5, 4, &message, &len), 2); /* of no length */
	assert_int_equal(len, 0);
}

static void the_length_in_front_is_big_endian(void **state)
{
	uint8_t buf[DNS_LENGTH_LEN];

	(void)state;
	dns_length_write(buf, 0xfffe);
	assert_int_equal(buf[0], 0xff);
	assert_int_equal(buf[1], 0xfe);
	dns_length_write(buf, 258);
	assert_int_equal(buf[0], 1);
	assert_int_equal(buf[1], 2);
}

static void loopback_addresses_are_taken_and_no_others(void **state)
{
	static const char *const good[] = { "127.0.0.11", "127.0.0.1", "127.255.255.254", "::1",
					    "0:0:0:0:0:0:0:1" };
	static const char *const bad[] = {
		"",          "10.0.0.1",     "128.0.0.1", "127.0.0.1 ", "127.1",
		"localhost", "::",           "::2",       "fe80::1",    "::ffff:127.0.0.1",
		"0.0.0.0",   "127.0.0.1:53", "::1%lo",    "127.0.0.011"
	};
	struct dns_address got, other;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(dns_loopback_parse(good[i], &got));
		assert_int_equal(got.any.sa_family == AF_INET ? got.v4.sin_port : got.v6.sin6_port,
				 htons(53));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (dns_loopback_parse(bad[i], &got))
			fail_msg("'%s' was taken", bad[i]);
	assert_true(dns_loopback_parse("::1", &got));
	assert_true(dns_loopback_parse("0::1", &other));
	assert_true(dns_address_equal(&got, &other));
	assert_true(dns_loopback_parse("127.0.0.1", &other));
	assert_false(dns_address_equal(&got, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_has_a_header_and_asks),
		cmocka_unit_test(an_answer_is_one_to_the_query_with_its_id),
		cmocka_unit_test(a_failed_query_is_an_answer_that_repeats_the_question),
		cmocka_unit_test(a_frame_is_found_when_it_is_whole),
		cmocka_unit_test(the_length_in_front_is_big_endian),
		cmocka_unit_test(loopback_addresses_are_taken_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
