/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "lib/base/mount_options.h"
#include "lib/base/mem.h"

static struct mount_options parse(const char *words)
{
	struct mount_options o;
	struct err err = ERR_INIT;
	char **list = NULL;
	char *copy = xstrdup(words), *save = NULL;

	for (char *at = strtok_r(copy, " ", &save); at; at = strtok_r(NULL, " ", &save))
		strv_add(&list, at);
	if (mount_options_parse(list, strv_len(list), &o, &err) < 0)
		fail_msg("%s", err.text);
	strv_free(list);
	free(copy);
	return o;
}

static void the_later_of_two_opposites_counts(void **state)
{
	struct mount_options o = parse("ro rw noexec exec nosuid");

	(void)state;
	assert_int_equal(o.set, MOUNT_ATTR_NOSUID);
	assert_int_equal(o.clear, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC);
	assert_int_equal(strv_len(o.flags), 0);
	mount_options_done(&o);
	o = parse("rw ro");
	assert_int_equal(o.set, MOUNT_ATTR_RDONLY);
	assert_int_equal(o.clear, 0);
	assert_string_equal(o.flags[0], "ro");
	mount_options_done(&o);
}

static void access_time_is_one_value(void **state)
{
	struct mount_options o = parse("noatime strictatime");

	(void)state;
	assert_int_equal(o.set, MOUNT_ATTR_STRICTATIME);
	assert_int_equal(o.clear, MOUNT_ATTR__ATIME);
	mount_options_done(&o);
	o = parse("strictatime relatime nodiratime");
	assert_int_equal(o.set, MOUNT_ATTR_NODIRATIME);
	assert_int_equal(o.clear, MOUNT_ATTR__ATIME);
	mount_options_done(&o);
}

static void recursive_attributes_are_kept_apart(void **state)
{
	struct mount_options o = parse("rbind ro rro rnosuid rdev rnoatime");

	(void)state;
	assert_true(o.is_bind && o.is_recursive);
	assert_int_equal(o.set, MOUNT_ATTR_RDONLY);
	assert_int_equal(o.rec_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME);
	assert_int_equal(o.rec_clear, MOUNT_ATTR_NODEV | MOUNT_ATTR__ATIME);
	mount_options_done(&o);
}

static void what_is_not_ours_goes_to_the_file_system(void **state)
{
	struct mount_options o =
		parse("size=64k sync defaults newinstance mode=0620 lazytime silent");

	(void)state;
	assert_int_equal(strv_len(o.flags), 2);
	assert_string_equal(o.flags[0], "sync");
	assert_string_equal(o.flags[1], "lazytime");
	assert_int_equal(strv_len(o.params), 3);
	assert_string_equal(o.params[0], "size=64k");
	assert_string_equal(o.params[1], "newinstance");
	assert_string_equal(o.params[2], "mode=0620");
	mount_options_done(&o);
}

static void propagations_keep_their_order(void **state)
{
	struct mount_options o = parse("rslave shared");
	struct mount_propagation p = { 0 };

	(void)state;
	assert_int_equal(o.n_propagation, 2);
	assert_int_equal(o.propagation[0].type, MS_SLAVE);
	assert_true(o.propagation[0].recursive);
	assert_int_equal(o.propagation[1].type, MS_SHARED);
	assert_false(o.propagation[1].recursive);
	mount_options_done(&o);
	assert_false(mount_propagation_parse("rubbish", &p));
	assert_false(mount_propagation_parse("", &p));
	assert_false(mount_propagation_parse("r", &p));
}

static void too_many_are_refused(void **state)
{
	struct mount_options o;
	struct err err = ERR_INIT;
	char *list[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = (char *)"ro";
	assert_int_equal(mount_options_parse(list, ARRAY_LEN(list), &o, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_later_of_two_opposites_counts),
		cmocka_unit_test(access_time_is_one_value),
		cmocka_unit_test(recursive_attributes_are_kept_apart),
		cmocka_unit_test(what_is_not_ours_goes_to_the_file_system),
		cmocka_unit_test(propagations_keep_their_order),
		cmocka_unit_test(too_many_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
