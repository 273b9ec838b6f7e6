/* SPDX-License-Identifier: Apache-2.0 */
/* Groups in plain directories that stand in for the hierarchies; no root, no cgroupfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

struct fixture {
	char root[64];
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->root, sizeof(f->root), "/tmp/test-cgroup-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	int r = dir_remove(f->root, &err);

	free(f);
	return r;
}

static void put(const struct fixture *f, const char *file, const char *text)
{
	scoped_free char *path = xasprintf("%s/%s", f->root, file);
	scoped_free char *dir = xstrdup(path);
	struct err err = ERR_INIT;

	*strrchr(dir, '/') = '\0';
	assert_int_equal(dir_make(dir, 0755, &err), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, &err), 0);
}

static void expect_file(const struct fixture *f, const char *file, const char *want)
{
	scoped_free char *path = xasprintf("%s/%s", f->root, file);
	scoped_free char *got = NULL;
	struct err err = ERR_INIT;

	if (file_read(path, 4096, &got, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(got, want);
}

static bool exists(const struct fixture *f, const char *file)
{
	scoped_free char *path = xasprintf("%s/%s", f->root, file);

	return access(path, F_OK) == 0;
}

static void add(const struct fixture *f, struct cg_tree *tree, const char *name, uint32_t bits,
		bool v2)
{
	scoped_free char *path = xasprintf("%s/%s", f->root, name);

	(void)mkdir(path, 0755);
	tree->at[tree->n++] = (struct cg_hierarchy){
		.v2 = v2, .controllers = bits, .mount = xstrdup(path)
	};
}

static struct cg_tree v1_tree(const struct fixture *f)
{
	struct cg_tree tree = { .mode = CGROUP_V1 };

	add(f, &tree, "cpu", (1u << CG_CPU) | (1u << CG_CPUACCT), false);
	add(f, &tree, "memory", 1u << CG_MEMORY, false);
	add(f, &tree, "pids", 1u << CG_PIDS, false);
	add(f, &tree, "blkio", 1u << CG_BLKIO, false);
	add(f, &tree, "hugetlb", 1u << CG_HUGETLB, false);
	return tree;
}

static struct cg_tree v2_tree(const struct fixture *f)
{
	struct cg_tree tree = { .mode = CGROUP_V2 };

	add(f, &tree, "all", 0, true);
	return tree;
}

static struct cgroup *must(struct cgroup *cg, const struct err *err)
{
	if (!cg)
		fail_msg("%s", err->text);
	return cg;
}

static void a_group_is_made_in_every_hierarchy_and_removed_again(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v1_tree(f);
	struct err err = ERR_INIT;
	struct cgroup *cg = must(cg_create_in(&tree, "/a/b", &err), &err);

	assert_true(exists(f, "cpu/a/b"));
	assert_true(exists(f, "hugetlb/a/b"));
	assert_int_equal(cgroup_remove(cg, 0, &err), 0);
	assert_false(exists(f, "cpu/a/b"));
	assert_true(exists(f, "cpu/a")); /* the parent may be somebody else's */
	assert_int_equal(cgroup_remove(cg, 0, &err), 0);
	cgroup_free(cg);
}

static void a_failed_create_takes_back_only_what_it_made(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v1_tree(f);
	struct err err = ERR_INIT;

	put(f, "pids/a", "a file in the way");
	(void)mkdir(f->root, 0755);
	put(f, "cpu/a/b/keep", "");
	{
		scoped_free char *keep = xasprintf("%s/cpu/a/b/keep", f->root);

		assert_int_equal(unlink(keep), 0);
	}
	assert_null(cg_create_in(&tree, "/a/b", &err));
	assert_non_null(strstr(err.text, "pids"));
	assert_true(exists(f, "cpu/a/b"));
	assert_false(exists(f, "memory/a/b"));
}

static void a_path_that_is_not_clean_is_refused(void **state)
{
	static const char *const bad[] = { "a", "/", "", "/a/../b", "/a//b", "/a/" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cg_tree tree = v2_tree(*state);
		struct err err = ERR_INIT;

		assert_null(cg_create_in(&tree, bad[i], &err));
		assert_int_equal(err.code, ERR_INVALID);
		tree = v2_tree(*state);
		assert_null(cg_open_in(&tree, bad[i], &err));
	}
}

static void a_group_is_found_when_it_is_in_one_hierarchy_only(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v1_tree(f);
	struct err err = ERR_INIT;
	struct cgroup *cg;

	put(f, "memory/a/memory.limit_in_bytes", "4096\n");
	cg = must(cg_open_in(&tree, "/a", &err), &err);
	assert_true(cg_dir(cg, CG_MEMORY, NULL) >= 0);
	assert_int_equal(cg_dir(cg, CG_CPU, NULL), -1);
	cgroup_free(cg);
}

static void a_group_that_is_nowhere_is_not_found(void **state)
{
	struct cg_tree tree = v1_tree(*state);
	struct err err = ERR_INIT;

	assert_null(cg_open_in(&tree, "/a", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void a_cpuset_starts_with_its_parents_cpus(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = { .mode = CGROUP_V1 };
	struct err err = ERR_INIT;
	struct cgroup *cg;

	add(f, &tree, "cpuset", 1u << CG_CPUSET, false);
	put(f, "cpuset/cpuset.cpus", "0-3\n");
	put(f, "cpuset/cpuset.mems", "0\n");
	put(f, "cpuset/a/cpuset.cpus", "\n");
	put(f, "cpuset/a/cpuset.mems", "");
	put(f, "cpuset/a/b/cpuset.cpus", "2\n");
	put(f, "cpuset/a/b/cpuset.mems", "\n");
	cg = must(cg_create_in(&tree, "/a/b", &err), &err);
	expect_file(f, "cpuset/a/cpuset.cpus", "0-3");
	expect_file(f, "cpuset/a/cpuset.mems", "0");
	expect_file(f, "cpuset/a/b/cpuset.cpus", "2\n"); /* was set: stays */
	expect_file(f, "cpuset/a/b/cpuset.mems", "0");
	cgroup_free(cg);
}

static void v2_hands_controllers_on_at_every_level(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v2_tree(f);
	struct err err = ERR_INIT;
	struct cgroup *cg;

	put(f, "all/cgroup.controllers", "memory\n");
	put(f, "all/cgroup.subtree_control", "");
	put(f, "all/a/cgroup.controllers", "memory\n");
	put(f, "all/a/cgroup.subtree_control", "");
	put(f, "all/a/b/cgroup.controllers", "memory\n");
	cg = must(cg_create_in(&tree, "/a/b", &err), &err);
	expect_file(f, "all/cgroup.subtree_control", "+memory");
	expect_file(f, "all/a/cgroup.subtree_control", "+memory");
	assert_true(cg_dir(cg, CG_MEMORY, NULL) >= 0);
	assert_int_equal(cg_dir(cg, CG_PIDS, NULL), -1);
	cgroup_free(cg);
}

static void limits_are_written_and_a_missing_file_is_named(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v2_tree(f);
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
	struct err err = ERR_INIT;
	struct cgroup *cg;

	put(f, "all/a/cgroup.controllers", "memory\n");
	put(f, "all/a/memory.max", "");
	cg = must(cg_open_in(&tree, "/a", &err), &err);
	res.memory = &memory;
	memory.limit = 4096;
	assert_int_equal(cgroup_apply(cg, &res, &err), 0);
	expect_file(f, "all/a/memory.max", "4096");
	memory.reservation = 1;
	assert_int_equal(cgroup_apply(cg, &res, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_non_null(strstr(err.text, "memory.low"));
	cgroup_free(cg);
}

static uint64_t memory_stat(const Grpc__MemoryStats *m, const char *key)
{
	for (size_t i = 0; i < m->n_stats; i++)
		if (strcmp(m->stats[i]->key, key) == 0)
			return m->stats[i]->value;
	fail_msg("no '%s'", key);
	return 0;
}

static void v1_statistics_are_read(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v1_tree(f);
	struct err err = ERR_INIT;
	struct cgroup *cg;
	Grpc__CgroupStats *s;

	put(f, "cpu/a/cgroup.procs", "");
	put(f, "cpu/a/cpuacct.usage", "123456789\n");
	put(f, "cpu/a/cpuacct.usage_percpu", "100000000 23456789 \n");
	put(f, "cpu/a/cpuacct.stat", "user 7\nsystem 5\n");
	put(f, "cpu/a/cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 1000\n");
	put(f, "memory/a/memory.usage_in_bytes", "4096\n");
	put(f, "memory/a/memory.max_usage_in_bytes", "8192\n");
	put(f, "memory/a/memory.failcnt", "1\n");
	put(f, "memory/a/memory.limit_in_bytes", "9223372036854771712\n");
	put(f, "memory/a/memory.stat", "cache 10\nrss 20\ntotal_rss 30\n");
	put(f, "pids/a/pids.current", "4\n");
	put(f, "pids/a/pids.max", "max\n");
	put(f, "blkio/a/blkio.throttle.io_service_bytes_recursive",
	    "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096\n");
	put(f, "blkio/a/blkio.throttle.io_serviced_recursive", "8:0 Read 1\nTotal 1\n");
	put(f, "hugetlb/a/hugetlb.2MB.limit_in_bytes", "1\n");
	put(f, "hugetlb/a/hugetlb.2MB.rsvd.limit_in_bytes", "1\n");
	put(f, "hugetlb/a/hugetlb.2MB.usage_in_bytes", "2097152\n");

	cg = must(cg_open_in(&tree, "/a", &err), &err);
	s = cgroup_stats(cg, &err);
	assert_non_null(s);
	assert_int_equal(s->cpu_stats->cpu_usage->total_usage, 123456789);
	assert_int_equal(s->cpu_stats->cpu_usage->n_percpu_usage, 2);
	assert_int_equal(s->cpu_stats->cpu_usage->percpu_usage[1], 23456789);
	assert_int_equal(s->cpu_stats->cpu_usage->usage_in_usermode, 70000000);
	assert_int_equal(s->cpu_stats->cpu_usage->usage_in_kernelmode, 50000000);
	assert_int_equal(s->cpu_stats->throttling_data->periods, 3);
	assert_int_equal(s->cpu_stats->throttling_data->throttled_periods, 2);
	assert_int_equal(s->cpu_stats->throttling_data->throttled_time, 1000);
	assert_int_equal(s->memory_stats->usage->usage, 4096);
	assert_int_equal(s->memory_stats->usage->max_usage, 8192);
	assert_int_equal(s->memory_stats->usage->failcnt, 1);
	assert_true(s->memory_stats->usage->limit == 9223372036854771712ull);
	assert_int_equal(s->memory_stats->cache, 10);
	assert_int_equal(memory_stat(s->memory_stats, "total_rss"), 30);
	assert_int_equal(s->pids_stats->current, 4);
	assert_int_equal(s->pids_stats->limit, 0);
	assert_int_equal(s->blkio_stats->n_io_service_bytes_recursive, 3);
	assert_string_equal(s->blkio_stats->io_service_bytes_recursive[0]->op, "Read");
	assert_int_equal(s->blkio_stats->io_service_bytes_recursive[0]->major, 8);
	assert_int_equal(s->blkio_stats->io_service_bytes_recursive[0]->value, 4096);
	assert_int_equal(s->blkio_stats->n_io_serviced_recursive, 1);
	assert_int_equal(s->n_hugetlb_stats, 1);
	assert_string_equal(s->hugetlb_stats[0]->key, "2MB");
	assert_int_equal(s->hugetlb_stats[0]->value->usage, 2097152);
	protobuf_c_message_free_unpacked(&s->base, NULL);
	cgroup_free(cg);
}

static void v2_statistics_are_read(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v2_tree(f);
	struct err err = ERR_INIT;
	struct cgroup *cg;
	Grpc__CgroupStats *s;

	put(f, "all/a/cgroup.procs", "");
	put(f, "all/a/cgroup.controllers", "cpu memory io pids hugetlb\n");
	put(f, "all/a/cpu.stat",
	    "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 3\nnr_throttled 2\n"
	    "throttled_usec 4\n");
	put(f, "all/a/memory.current", "4096\n");
	put(f, "all/a/memory.peak", "8192\n");
	put(f, "all/a/memory.max", "max\n");
	put(f, "all/a/memory.swap.current", "1\n");
	put(f, "all/a/memory.stat", "anon 5\nfile 6\nkernel 7\n");
	put(f, "all/a/memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n");
	put(f, "all/a/pids.current", "4\n");
	put(f, "all/a/pids.max", "100\n");
	put(f, "all/a/io.stat", "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n8:16 \n");
	put(f, "all/a/hugetlb.2MB.max", "max\n");
	put(f, "all/a/hugetlb.2MB.current", "2097152\n");
	put(f, "all/a/hugetlb.2MB.events", "max 3\n");

	cg = must(cg_open_in(&tree, "/a", &err), &err);
	s = cgroup_stats(cg, &err);
	assert_non_null(s);
	assert_int_equal(s->cpu_stats->cpu_usage->total_usage, 30000);
	assert_int_equal(s->cpu_stats->cpu_usage->usage_in_usermode, 20000);
	assert_int_equal(s->cpu_stats->cpu_usage->usage_in_kernelmode, 10000);
	assert_int_equal(s->cpu_stats->throttling_data->throttled_time, 4000);
	assert_int_equal(s->memory_stats->usage->usage, 4096);
	assert_int_equal(s->memory_stats->usage->max_usage, 8192);
	assert_true(s->memory_stats->usage->limit == UINT64_MAX);
	assert_int_equal(s->memory_stats->usage->failcnt, 9);
	assert_int_equal(s->memory_stats->swap_usage->usage, 1);
	assert_int_equal(s->memory_stats->cache, 6);
	assert_int_equal(s->memory_stats->kernel_usage->usage, 7);
	assert_int_equal(s->pids_stats->limit, 100);
	assert_int_equal(s->blkio_stats->n_io_service_bytes_recursive, 3);
	assert_string_equal(s->blkio_stats->io_serviced_recursive[0]->op, "Read");
	assert_int_equal(s->blkio_stats->io_serviced_recursive[0]->value, 1);
	assert_int_equal(s->n_hugetlb_stats, 1);
	assert_int_equal(s->hugetlb_stats[0]->value->failcnt, 3);
	protobuf_c_message_free_unpacked(&s->base, NULL);
	cgroup_free(cg);
}

static void statistics_of_a_group_that_is_gone_are_an_error(void **state)
{
	struct cg_tree tree = v2_tree(*state);
	struct err err = ERR_INIT;
	struct cgroup *cg = must(cg_create_in(&tree, "/a", &err), &err);

	assert_null(cgroup_stats(cg, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	cgroup_free(cg);
}

static void pids_are_listed_once_over_all_hierarchies_and_levels(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v1_tree(f);
	scoped_free pid_t *pids = NULL;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	size_t n;

	put(f, "cpu/a/cgroup.procs", "30\n10\n");
	put(f, "memory/a/cgroup.procs", "10\n30\n");
	put(f, "memory/a/below/it/cgroup.procs", "20\n0\nx\n");
	cg = must(cg_open_in(&tree, "/a", &err), &err);
	assert_int_equal(cgroup_pids(cg, &pids, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(pids[0], 10);
	assert_int_equal(pids[1], 20);
	assert_int_equal(pids[2], 30);
	cgroup_free(cg);
}

static void a_tree_that_is_too_deep_is_an_error_and_no_crash(void **state)
{
	const struct fixture *f = *state;
	struct cg_tree tree = v2_tree(f);
	struct str path = { .max = 0 };
	scoped_free pid_t *pids = NULL;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	size_t n;

	str_add(&path, "all/a");
	for (int i = 0; i < CG_DEPTH_MAX + 5; i++)
		str_add(&path, "/d");
	str_add(&path, "/cgroup.procs");
	put(f, str_get(&path), "1\n");
	str_done(&path);
	cg = must(cg_open_in(&tree, "/a", &err), &err);
	assert_int_equal(cgroup_pids(cg, &pids, &n, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	cgroup_free(cg);
}

static void keys_are_found_as_whole_words(void **state)
{
	uint64_t value = 5;

	(void)state;
	assert_true(cg_find_key("oom 1\noom_kill 2\n", "oom_kill", &value));
	assert_int_equal(value, 2);
	assert_true(cg_find_key("a 1\nb max", "b", &value));
	assert_true(value == UINT64_MAX);
	value = 5;
	assert_false(cg_find_key("oom_kill 2\n", "oom", &value));
	assert_false(cg_find_key("", "oom", &value));
	assert_false(cg_find_key("oom x\n", "oom", &value));
	assert_false(cg_find_key("oom\n", "oom", &value));
	assert_int_equal(value, 5);
}

#define with_dir(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_dir(a_group_is_made_in_every_hierarchy_and_removed_again),
		with_dir(a_failed_create_takes_back_only_what_it_made),
		with_dir(a_path_that_is_not_clean_is_refused),
		with_dir(a_group_is_found_when_it_is_in_one_hierarchy_only),
		with_dir(a_group_that_is_nowhere_is_not_found),
		with_dir(a_cpuset_starts_with_its_parents_cpus),
		with_dir(v2_hands_controllers_on_at_every_level),
		with_dir(limits_are_written_and_a_missing_file_is_named),
		with_dir(v1_statistics_are_read),
		with_dir(v2_statistics_are_read),
		with_dir(statistics_of_a_group_that_is_gone_are_an_error),
		with_dir(pids_are_listed_once_over_all_hierarchies_and_levels),
		with_dir(a_tree_that_is_too_deep_is_an_error_and_no_crash),
		cmocka_unit_test(keys_are_found_as_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
