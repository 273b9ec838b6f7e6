/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/ttrpc/frame.h"

static void a_header_is_read_as_big_endian(void **state)
{
	static const uint8_t buf[] = { 1, 2, 3, 4, 0x81, 0x82, 0x83, 0x84, 2, 3 };
	struct ttrpc_header h;

	(void)state;
	ttrpc_header_read(buf, &h);
	assert_int_equal(h.data_len, 0x01020304);
	assert_int_equal(h.stream, 0x81828384);
	assert_int_equal(h.type, 2);
	assert_int_equal(h.flags, 3);
}

static void a_header_survives_a_write_and_a_read(void **state)
{
	const struct ttrpc_header h = {
		.data_len = 0xfedcba98, .stream = 77, .type = TTRPC_DATA, .flags = 0xff
	};
	struct ttrpc_header again;
	uint8_t buf[TTRPC_HEADER_LEN];

	(void)state;
	ttrpc_header_write(buf, &h);
	ttrpc_header_read(buf, &again);
	assert_memory_equal(&h, &again, sizeof(h));
}

static void four_mebibytes_are_allowed_and_no_more(void **state)
{
	struct ttrpc_header h = { .data_len = 4194304 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ttrpc_header_check(&h, &err), 0);
	assert_int_equal(err.code, ERR_OK);
	h.data_len++;
	assert_int_equal(ttrpc_header_check(&h, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_read_as_big_endian),
		cmocka_unit_test(a_header_survives_a_write_and_a_read),
		cmocka_unit_test(four_mebibytes_are_allowed_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
