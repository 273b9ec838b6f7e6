/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/vmm/tsc.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define TWO_SECONDS 2000000000ull

static void two_marks_give_the_rate(void **state)
{
	const struct tsc_mark from = { 1000, 5000 };
	const struct tsc_mark to = { 1000 + 2445404000ull * 2, 5000 + TWO_SECONDS };

	(void)state;
	assert_int_equal(tsc_rate(&from, &to), 2445404);
}

static void marks_that_tell_nothing_give_none(void **state)
{
	const struct tsc_mark from = { 1000, 5000 };
	const struct tsc_mark others[] = {
		{ 100000, 5000 + 1000000 },   /* too soon */
		{ 10, 5000 + TWO_SECONDS },   /* backwards */
		{ 1001, 5000 + TWO_SECONDS }, /* no such counter */
		{ UINT64_MAX, 5000 + TWO_SECONDS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_int_equal(tsc_rate(&from, &others[i]), 0);
}

static void what_is_kept_is_checked_when_it_is_read(void **state)
{
	static const struct {
		const char *text;
		uint32_t khz;
	} all[] = { { "2445404\n", 2445404 }, { "", 0 },   { "99\n", 0 }, { "-5\n", 0 },
		    { "20000001\n", 0 },      { "x\n", 0 } };
	char dir[] = "/tmp/test-tsc-XXXXXX";
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(tsc_known(dir), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		scoped_free char *path = xasprintf("%s/tsc_khz", dir);

		assert_int_equal(file_replace(path, all[i].text, strlen(all[i].text), 0600, &err),
				 0);
		assert_int_equal(tsc_known(dir), all[i].khz);
	}
	assert_int_equal(dir_remove(dir, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_marks_give_the_rate),
		cmocka_unit_test(marks_that_tell_nothing_give_none),
		cmocka_unit_test(what_is_kept_is_checked_when_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
