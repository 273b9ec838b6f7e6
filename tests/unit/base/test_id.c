/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/id.h"

static void names_that_are_safe_in_paths_are_ids(void **state)
{
	static const char *const good[] = { "a", "c1", "web.front_end-2", "0123456789abcdef" };
	char longest[ID_MAX + 1];
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(id_check(good[i], &err), 0);
	memset(longest, 'x', ID_MAX);
	longest[ID_MAX] = '\0';
	assert_int_equal(id_check(longest, &err), 0);
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = { "",    ".",        "..",    "../x", "a/b",     "/a",
					   "-a",  "_a",       "a b",   "a,b",  "a=b",     "a\n",
					   "a:b", "\xc3\xa4", "a\x7f", "a%s",  ".draft-1" };
	char longer[ID_MAX + 2];
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err = ERR_INIT;
		assert_int_equal(id_check(bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(id_check(longer, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_safe_in_paths_are_ids),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
