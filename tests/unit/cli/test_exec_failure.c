/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/create.h"
#include "lib/base/defs.h"

static int code_of(const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, ERR_INTERNAL, "%s", text);
	return exec_failure_code(&err);
}

static void a_program_that_is_not_there_is_127(void **state)
{
	(void)state;
	assert_int_equal(
		code_of("create container: launch init: exec 'x': executable file not found in $PATH"),
		127);
	assert_int_equal(code_of("Start: exec '/bin/x': No such file or directory"), 127);
	assert_int_equal(code_of("exec: \"x\": executable file not found in $PATH"), 127);
}

static void one_that_may_not_be_run_is_126(void **state)
{
	(void)state;
	assert_int_equal(code_of("launch init: exec '/etc/passwd': permission denied"), 126);
	assert_int_equal(code_of("launch init: exec '/etc/passwd': Permission denied"), 126);
}

static void a_file_of_ours_that_is_missing_is_neither(void **state)
{
	(void)state;
	assert_int_equal(
		code_of("start supervisor: execute '/usr/libexec/kata-proxy': No such file or directory"),
		0);
	assert_int_equal(code_of("open '/usr/libexec/x': Permission denied"), 0);
	assert_int_equal(code_of("open bundle '/exec': No such file or directory"), 0);
	assert_int_equal(code_of(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_that_is_not_there_is_127),
		cmocka_unit_test(one_that_may_not_be_run_is_126),
		cmocka_unit_test(a_file_of_ours_that_is_missing_is_neither),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
