/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/check.h"

static void names_of_containers_are_ids(void **state)
{
	static const char *const good[] = { "a", "A-b_c.d", "0123456789abcdef", "c1..x" };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(check_id("id", good[i], &err), 0);
}

static void what_could_be_a_path_or_an_option_is_no_id(void **state)
{
	static const char *const bad[] = { "",    ".",   "..",  "-a",      "_a",
					   "a/b", "a b", "a\n", "\xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(check_id("id", bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void an_id_has_a_greatest_length(void **state)
{
	char id[CHECK_ID_MAX + 2];
	struct err err = ERR_INIT;

	(void)state;
	memset(id, 'x', sizeof(id));
	id[CHECK_ID_MAX] = '\0';
	assert_int_equal(check_id("id", id, &err), 0);
	id[CHECK_ID_MAX] = 'x';
	id[CHECK_ID_MAX + 1] = '\0';
	assert_int_equal(check_id("id", id, &err), -1);
}

static void paths_do_not_climb(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(check_path("path", "/a/b..c/...", &err), 0);
	assert_int_equal(check_path("path", "a", &err), -1);
	assert_int_equal(check_path("path", "", &err), -1);
	assert_int_equal(check_path("path", "/a/..", &err), -1);
	assert_int_equal(check_path("path", "/../a", &err), -1);
	assert_int_equal(check_path("path", "/a/./b", &err), -1);
}

static void below_means_below(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(check_path_below("path", "/run/k/x", "/run/k", &err), 0);
	assert_int_equal(check_path_below("path", "/run/k", "/run/k", &err), -1);
	assert_int_equal(check_path_below("path", "/run/k/", "/run/k", &err), -1);
	assert_int_equal(check_path_below("path", "/run/kx/y", "/run/k", &err), -1);
	assert_int_equal(check_path_below("path", "/run/k/../x", "/run/k", &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_containers_are_ids),
		cmocka_unit_test(what_could_be_a_path_or_an_option_is_no_id),
		cmocka_unit_test(an_id_has_a_greatest_length),
		cmocka_unit_test(paths_do_not_climb),
		cmocka_unit_test(below_means_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
