/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/mountinfo.h"

static struct mountinfo parse(char *text)
{
	struct mountinfo m = { 0 };
	struct err err = ERR_INIT;
	char *at = text;

	assert_int_equal(mountinfo_next(&at, &m, &err), 1);
	assert_string_equal(at, "");
	return m;
}

static void a_line_without_optional_fields_is_read(void **state)
{
	char text[] = "32 31 0:29 /r /sys/fs/cgroup/cpu rw,relatime - cgroup none rw,cpu\n";
	struct mountinfo m = parse(text);

	(void)state;
	assert_int_equal(m.id, 32);
	assert_int_equal(m.parent, 31);
	assert_int_equal(m.major, 0);
	assert_int_equal(m.minor, 29);
	assert_string_equal(m.root, "/r");
	assert_string_equal(m.target, "/sys/fs/cgroup/cpu");
	assert_string_equal(m.options, "rw,relatime");
	assert_string_equal(m.propagation, "");
	assert_string_equal(m.type, "cgroup");
	assert_string_equal(m.source, "none");
	assert_string_equal(m.super_options, "rw,cpu");
}

static void optional_fields_become_one_string(void **state)
{
	char text[] = "1 2 3:4 / /x rw shared:1 master:2 propagate_from:3 - t s o";

	(void)state;
	assert_string_equal(parse(text).propagation, "shared:1 master:2 propagate_from:3");
}

static void escapes_are_decoded(void **state)
{
	char text[] = "1 2 3:4 / /a\\040b\\011c\\012d\\134e rw - t \\040 o";
	struct mountinfo m = parse(text);

	(void)state;
	assert_string_equal(m.target, "/a b\tc\nd\\e");
	assert_string_equal(m.source, " ");
}

static void an_escaped_nul_does_not_cut_the_name(void **state)
{
	char text[] = "1 2 3:4 / /a\\000b rw - t s o";

	(void)state;
	assert_string_equal(parse(text).target, "/a\\000b");
}

static void an_empty_source_is_read(void **state)
{
	char text[] = "42 23 0:50 / /mnt rw - tmpfs  rw,size=4k";
	struct mountinfo m = parse(text);

	(void)state;
	assert_string_equal(m.source, "");
	assert_string_equal(m.super_options, "rw,size=4k");
}

static void broken_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"x", "1 2 3:4 / /x rw", "1 2 3:4 / /x rw shared:1", "1 2 3:4 / /x rw - t s",
		"1 2 34 / /x rw - t s o", "99999999999 2 3:4 / /x rw - t s o", "\n", " ",
		"-1 2 3:4 / /x rw - t s o",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		scoped_free char *text = xstrdup(lines[i]);
		struct err err = ERR_INIT;
		struct mountinfo m;
		char *at = text;

		assert_int_equal(mountinfo_next(&at, &m, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void options_are_whole_words(void **state)
{
	(void)state;
	assert_true(mountinfo_has_option("rw,cpu,cpuacct", "cpu"));
	assert_true(mountinfo_has_option("rw,cpu,cpuacct", "cpuacct"));
	assert_true(mountinfo_has_option("rw", "rw"));
	assert_false(mountinfo_has_option("rw,cpuset", "cpu"));
	assert_false(mountinfo_has_option("", "cpu"));
	assert_false(mountinfo_has_option("a,,b", "c"));
}

static void the_kernels_own_list_is_read_to_its_end(void **state)
{
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	struct mountinfo m;
	bool has_proc = false;
	char *at;
	int r;

	(void)state;
	assert_int_equal(mountinfo_read(&text, &err), 0);
	at = text;
	while ((r = mountinfo_next(&at, &m, &err)) > 0)
		has_proc |= strcmp(m.target, "/proc") == 0 && strcmp(m.type, "proc") == 0;
	assert_int_equal(r, 0);
	assert_true(has_proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_without_optional_fields_is_read),
		cmocka_unit_test(optional_fields_become_one_string),
		cmocka_unit_test(escapes_are_decoded),
		cmocka_unit_test(an_escaped_nul_does_not_cut_the_name),
		cmocka_unit_test(an_empty_source_is_read),
		cmocka_unit_test(broken_lines_are_refused),
		cmocka_unit_test(options_are_whole_words),
		cmocka_unit_test(the_kernels_own_list_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
