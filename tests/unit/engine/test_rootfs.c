/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/resource/rootfs.h"
#include "lib/base/defs.h"

static char index_off[] = "index=off", work[] = "workdir=/s/7/work", upper[] = "upperdir=/s/7/fs",
	    lower[] = "lowerdir=/s/6/fs:/s/10/fs", elsewhere[] = "lowerdir=/s/6/fs:/t/10/fs",
	    relative[] = "lowerdir=6/fs:/s/10/fs";

static void what_layers_have_in_common_is_left_out(void **state)
{
	char *const params[] = { index_off, work, upper, lower, NULL };
	scoped_free char *common = rootfs_common_dir(params);
	scoped_free char *data = rootfs_overlay_data(params, common);

	(void)state;
	assert_string_equal(common, "/s");
	assert_string_equal(data, "index=off,workdir=7/work,upperdir=7/fs,lowerdir=6/fs:10/fs");
}

static void layers_with_nothing_in_common_stay_as_they_are(void **state)
{
	char *const apart[] = { upper, elsewhere, NULL };
	char *const not_absolute[] = { upper, relative, NULL };
	char *const none[] = { index_off, NULL };
	scoped_free char *a = rootfs_common_dir(apart);
	scoped_free char *b = rootfs_common_dir(not_absolute);
	scoped_free char *c = rootfs_common_dir(none);
	scoped_free char *data = rootfs_overlay_data(apart, a);

	(void)state;
	assert_string_equal(a, "");
	assert_string_equal(b, "");
	assert_string_equal(c, "");
	assert_string_equal(data, "upperdir=/s/7/fs,lowerdir=/s/6/fs:/t/10/fs");
}

/* A directory whose name begins like another's is not that one. */
static void only_whole_names_are_in_common(void **state)
{
	char a[] = "lowerdir=/snap/12/fs:/snap/123/fs";
	char *const params[] = { a, NULL };
	scoped_free char *common = rootfs_common_dir(params);

	(void)state;
	assert_string_equal(common, "/snap");
}

static void too_many_mounts_are_refused(void **state)
{
	const struct rootfs_mount m[ROOTFS_MOUNTS_MAX + 1] = { { .type = "bind", .source = "/x" } };
	struct err err = ERR_INIT;

	(void)state;
	assert_null(rootfs_new("/t", m, ARRAY_LEN(m), &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text, "17 mounts, at most 16"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_layers_have_in_common_is_left_out),
		cmocka_unit_test(layers_with_nothing_in_common_stay_as_they_are),
		cmocka_unit_test(only_whole_names_are_in_common),
		cmocka_unit_test(too_many_mounts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
