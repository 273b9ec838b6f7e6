/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

static bool all_visible(const char *target, uint32_t major, uint32_t minor)
{
	(void)target;
	(void)major;
	(void)minor;
	return true;
}

static bool only_v2_visible(const char *target, uint32_t major, uint32_t minor)
{
	(void)target;
	(void)major;
	return minor == 30;
}

static struct cg_tree parse(const char *lines)
{
	scoped_free char *text = xstrdup(lines);
	struct cg_tree tree = { .n = 0 };
	struct err err = ERR_INIT;

	assert_int_equal(cg_tree_parse(text, all_visible, &tree, &err), 0);
	return tree;
}

static void a_single_cgroup2_mount_is_v2(void **state)
{
	struct cg_tree tree = parse("1 0 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");

	(void)state;
	assert_int_equal(tree.mode, CGROUP_V2);
	assert_int_equal(tree.n, 1);
	assert_true(tree.at[0].v2);
	assert_string_equal(tree.at[0].mount, "/sys/fs/cgroup");
	cg_tree_done(&tree);
}

static void controllers_mounted_together_are_one_hierarchy(void **state)
{
	struct cg_tree tree = parse(
		"1 0 0:1 / / rw - ext4 /dev/vda rw\n"
		"2 1 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		"3 1 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n");

	(void)state;
	assert_int_equal(tree.mode, CGROUP_V1);
	assert_int_equal(tree.n, 2);
	assert_int_equal(tree.at[0].controllers, (1u << CG_CPU) | (1u << CG_CPUACCT));
	assert_int_equal(tree.at[1].controllers, 0);
	cg_tree_done(&tree);
}

static void both_versions_are_hybrid(void **state)
{
	struct cg_tree tree = parse(
		"2 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		"3 1 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");

	(void)state;
	assert_int_equal(tree.mode, CGROUP_HYBRID);
	cg_tree_done(&tree);
}

static void of_two_mounts_of_a_hierarchy_the_usual_place_is_taken(void **state)
{
	struct cg_tree tree = parse(
		"2 1 0:29 / /var/lib/c/rootfs/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		"3 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		"4 1 0:29 / /other rw - cgroup cgroup rw,memory\n");

	(void)state;
	assert_int_equal(tree.n, 1);
	assert_string_equal(tree.at[0].mount, "/sys/fs/cgroup/memory");
	cg_tree_done(&tree);
}

static void a_hierarchy_hidden_by_another_mount_does_not_count(void **state)
{
	char text[] = "2 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		      "3 1 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
	struct cg_tree tree;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(cg_tree_parse(text, only_v2_visible, &tree, &err), 0);
	assert_int_equal(tree.mode, CGROUP_V2);
	assert_int_equal(tree.n, 1);
	cg_tree_done(&tree);
}

static void no_cgroup_mount_is_an_error(void **state)
{
	char text[] = "1 0 0:1 / / rw - ext4 /dev/vda rw\n";
	struct cg_tree tree;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(cg_tree_parse(text, all_visible, &tree, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
}

static void more_hierarchies_than_fit_are_an_error(void **state)
{
	struct str lines = { .max = 0 };
	struct cg_tree tree;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i <= CG_TREES_MAX; i++)
		str_addf(&lines, "%d 1 0:%d / /c/%d rw - cgroup cgroup rw,name=n%d\n", i + 2, i + 2, i, i);
	assert_int_equal(cg_tree_parse(lines.data, all_visible, &tree, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	str_done(&lines);
}

static void expect_path(const char *given, const char *parent, const char *id, const char *want)
{
	struct err err = ERR_INIT;
	scoped_free char *got = cgroup_path(given, parent, id, &err);

	assert_non_null(got);
	assert_string_equal(got, want);
}

static void paths_lead_where_the_spec_says(void **state)
{
	(void)state;
	expect_path("/docker/c1", "/vc", "c1", "/docker/c1");
	expect_path("docker/c1", "/vc", "c1", "/vc/docker/c1");
	expect_path("", "/vc", "c1", "/vc/c1");
	expect_path(NULL, "/", "c1", "/c1");
	expect_path("//a/./b//", "/vc", "c1", "/a/b");
	expect_path("/a..b/...", "/vc", "c1", "/a..b/...");
}

static void paths_that_climb_or_name_the_root_are_refused(void **state)
{
	static const char *const bad[] = { "/..", "../x", "/a/../b", "a/..", "/", "//./" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_null(cgroup_path(bad[i], "/vc", "c1", &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	struct err err = ERR_INIT;
	char name[400];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_null(cgroup_path(name, "/vc", "c1", &err));
	assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_single_cgroup2_mount_is_v2),
		cmocka_unit_test(controllers_mounted_together_are_one_hierarchy),
		cmocka_unit_test(both_versions_are_hybrid),
		cmocka_unit_test(of_two_mounts_of_a_hierarchy_the_usual_place_is_taken),
		cmocka_unit_test(a_hierarchy_hidden_by_another_mount_does_not_count),
		cmocka_unit_test(no_cgroup_mount_is_an_error),
		cmocka_unit_test(more_hierarchies_than_fit_are_an_error),
		cmocka_unit_test(paths_lead_where_the_spec_says),
		cmocka_unit_test(paths_that_climb_or_name_the_root_are_refused),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
