/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/vmm/text.h"

static void control_characters_become_visible(void **state)
{
	static const char in[] = "a\tb\r\n\x1b[2J\x00\xff~";
	struct str out = { 0 };

	(void)state;
	text_escape(&out, in, sizeof(in) - 1);
	assert_string_equal(str_get(&out), "a\tb\n\\x1b[2J\\x00\\xff~");
	str_done(&out);
}

static void escaping_stops_at_the_cap_of_the_builder(void **state)
{
	struct str out = { .max = 10 };

	(void)state;
	text_escape(&out, "\x01\x01\x01\x01\x01\x01\x01", 7);
	assert_true(out.len <= 10);
	assert_true(out.cut);
	str_done(&out);
}

static void expect_last_line(const char *text, size_t max, const char *want)
{
	struct str out = { 0 };

	text_last_line(&out, text, max);
	assert_string_equal(str_get(&out), want);
	str_done(&out);
}

static void the_last_line_is_the_last_with_anything_in_it(void **state)
{
	(void)state;
	expect_last_line("one\ntwo\n \n\n", 100, "two");
	expect_last_line("only", 100, "only");
	expect_last_line("a\nlonger", 3, "lon");
	expect_last_line("\n\n", 100, "");
	expect_last_line("", 100, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_become_visible),
		cmocka_unit_test(escaping_stops_at_the_cap_of_the_builder),
		cmocka_unit_test(the_last_line_is_the_last_with_anything_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
