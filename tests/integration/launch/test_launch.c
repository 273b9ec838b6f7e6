/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launch.c - containers really launched on this machine; needs root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "box.h"

static struct box box;
static struct outcome out; /* large, and one at a time */

static void run(const struct recipe *r)
{
	box_run(&box, r, &out);
}

static void run_ok(const struct recipe *r)
{
	run(r);
	if (!out.is_started || out.status != 0)
		fail_msg("err '%s' status %d out '%s' errors '%s'", out.err.text, out.status, out.out,
			 out.errors);
}

#define SH(line) "[\"/bin/sh\",\"-c\",\"" line "\"]"

static void true_runs_and_ends_with_0(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"/bin/true\"]" });
}

static void output_and_exit_code_come_back(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = SH("echo out; echo err >&2; exit 7") });
	assert_true(out.is_started);
	assert_int_equal(out.status, 7);
	assert_string_equal(out.out, "out\n");
	assert_string_equal(out.errors, "err\n");
}

static int set_up(void **state)
{
	(void)state;
	box_make(&box);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	box_remove(&box);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_runs_and_ends_with_0),
		cmocka_unit_test(output_and_exit_code_come_back),
	};

	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
