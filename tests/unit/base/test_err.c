/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/err.h"

static void an_error_holds_code_and_text(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, ERR_STATE, "start '%s'", "c1"), -1);
	assert_int_equal(err.code, ERR_STATE);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "start 'c1'");
}

static void an_errno_gives_code_and_reason(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_sys(&err, ENOENT, "open '%s'", "/x"), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "open '/x': No such file or directory");
}

static void context_goes_in_front_and_the_code_stays(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_sys(&err, EACCES, "open '/x'");
	assert_int_equal(err_wrap(&err, "create container '%s'", "c1"), -1);
	assert_string_equal(err.text, "create container 'c1': open '/x': Permission denied");
	assert_int_equal(err.code, ERR_DENIED);
	assert_int_equal(err.sys, EACCES);
}

static void a_long_text_keeps_its_head_and_says_that_it_was_cut(void **state)
{
	char text[1000];
	struct err err = ERR_INIT;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INVALID, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_string_equal(err.text + ERR_TEXT_MAX - 5, "x...");
	err_sys(&err, ENOENT, "%s", text);
	assert_string_equal(err.text + ERR_TEXT_MAX - 5, "x...");
	err_set(&err, ERR_INVALID, "short");
	err_wrap(&err, "%s", text);
	assert_string_equal(err.text + ERR_TEXT_MAX - 5, "x...");
}

static void a_reason_that_does_not_fit_is_cut(void **state)
{
	char text[ERR_TEXT_MAX - 10];
	struct err err = ERR_INIT;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_sys(&err, ENOENT, "%s", text);
	assert_string_equal(err.text + sizeof(text) - 1, ": No su...");
}

static void a_text_of_just_the_size_is_not_cut(void **state)
{
	char text[ERR_TEXT_MAX];
	struct err err = ERR_INIT;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INVALID, "%s", text);
	assert_string_equal(err.text, text);
}

static void the_codes_are_those_of_the_wire(void **state)
{
	(void)state;
	assert_int_equal(ERR_NOT_FOUND, 5);
	assert_int_equal(ERR_STATE, 9);
	assert_int_equal(ERR_UNIMPLEMENTED, 12);
	assert_int_equal(ERR_UNAVAILABLE, 14);
	assert_int_equal(err_code_of(EEXIST), ERR_EXISTS);
	assert_int_equal(err_code_of(ECONNREFUSED), ERR_UNAVAILABLE);
	assert_int_equal(err_code_of(EPROTO), ERR_INTERNAL);
}

static void of_several_failures_the_first_is_kept(void **state)
{
	struct err kept = ERR_INIT, err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_DENIED, "first");
	err_keep_first(&kept, &err);
	err_set(&err, ERR_INVALID, "second");
	err_keep_first(&kept, &err);
	assert_int_equal(kept.code, ERR_DENIED);
	assert_string_equal(kept.text, "first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_holds_code_and_text),
		cmocka_unit_test(an_errno_gives_code_and_reason),
		cmocka_unit_test(context_goes_in_front_and_the_code_stays),
		cmocka_unit_test(a_long_text_keeps_its_head_and_says_that_it_was_cut),
		cmocka_unit_test(a_reason_that_does_not_fit_is_cut),
		cmocka_unit_test(a_text_of_just_the_size_is_not_cut),
		cmocka_unit_test(of_several_failures_the_first_is_kept),
		cmocka_unit_test(the_codes_are_those_of_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
