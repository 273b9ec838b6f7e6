/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats_v2.c - statistics of the v2 group
 *
 * As in stats_v1.c, with v2's own notions: swap_usage is swap alone, failcnt counts how
 * often memory.max was about to be passed, no limit is UINT64_MAX, and there are no counts
 * per CPU.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/stats.h"

#define NS_PER_US 1000ull

static void find_us(const char *text, const char *key, uint64_t *ret_ns)
{
	uint64_t us;

	if (cg_find_key(text, key, &us))
		*ret_ns = us * NS_PER_US;
}

static void read_cpu(int fd, Grpc__CpuStats *cpu)
{
	scoped_free char *stat = cg_stats_text(fd, "cpu.stat");

	if (!stat)
		return;
	find_us(stat, "usage_usec", &cpu->cpu_usage->total_usage);
	find_us(stat, "user_usec", &cpu->cpu_usage->usage_in_usermode);
	find_us(stat, "system_usec", &cpu->cpu_usage->usage_in_kernelmode);
	(void)cg_find_key(stat, "nr_periods", &cpu->throttling_data->periods);
	(void)cg_find_key(stat, "nr_throttled", &cpu->throttling_data->throttled_periods);
	find_us(stat, "throttled_usec", &cpu->throttling_data->throttled_time);
}

static void read_memory(int fd, Grpc__MemoryStats *m)
{
	scoped_free char *stat = cg_stats_text(fd, "memory.stat");
	scoped_free char *events = cg_stats_text(fd, "memory.events");
	scoped_free char *swap_events = cg_stats_text(fd, "memory.swap.events");

	m->use_hierarchy = true;
	(void)cg_read_u64(fd, "memory.current", &m->usage->usage);
	(void)cg_read_u64(fd, "memory.peak", &m->usage->max_usage); /* since 5.19 */
	(void)cg_read_u64(fd, "memory.max", &m->usage->limit);
	(void)cg_read_u64(fd, "memory.swap.current", &m->swap_usage->usage);
	(void)cg_read_u64(fd, "memory.swap.max", &m->swap_usage->limit);
	if (events)
		(void)cg_find_key(events, "max", &m->usage->failcnt);
	if (swap_events)
		(void)cg_find_key(swap_events, "max", &m->swap_usage->failcnt);
	if (stat) {
		cg_stats_memory_stat(m, stat);
		(void)cg_find_key(stat, "file", &m->cache);
		(void)cg_find_key(stat, "kernel", &m->kernel_usage->usage); /* since 5.18 */
	}
}

/* One "key=value" of a line of io.stat. */
static void read_io_word(Grpc__BlkioStats *b, unsigned int major, unsigned int minor, char *word)
{
	static const struct {
		const char *key, *op;
		bool bytes;
	} known[] = {
		{ "rbytes", "Read", true },   { "wbytes", "Write", true },
		{ "dbytes", "Discard", true }, { "rios", "Read", false },
		{ "wios", "Write", false },   { "dios", "Discard", false },
	};
	char *equals = strchr(word, '=');
	unsigned long long value;

	if (!equals || !parse_u64(equals + 1, UINT64_MAX, &value))
		return;
	*equals = '\0';
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(word, known[i].key) != 0)
			continue;
		if (known[i].bytes)
			cg_stats_add_blkio(&b->io_service_bytes_recursive,
					   &b->n_io_service_bytes_recursive, major, minor,
					   known[i].op, value);
		else
			cg_stats_add_blkio(&b->io_serviced_recursive, &b->n_io_serviced_recursive,
					   major, minor, known[i].op, value);
	}
}

static void read_io(int fd, Grpc__BlkioStats *b)
{
	scoped_free char *text = cg_stats_text(fd, "io.stat");

	if (!text)
		return;
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int major, minor;
		char *words;

		if (sscanf(line, "%u:%u", &major, &minor) != 2)
			continue;
		(void)strtok_r(line, " ", &words);
		for (char *word; (word = strtok_r(NULL, " ", &words)) != NULL;)
			read_io_word(b, major, minor, word);
	}
}

static void fill_hugetlb(Grpc__HugetlbStats *s, int fd, const char *size)
{
	scoped_free char *usage = xasprintf("hugetlb.%s.current", size);
	scoped_free char *events_file = xasprintf("hugetlb.%s.events", size);
	scoped_free char *events = cg_stats_text(fd, events_file);

	(void)cg_read_u64(fd, usage, &s->usage);
	if (events)
		(void)cg_find_key(events, "max", &s->failcnt);
}

/* Is the controller served by v2 for this group (it may be v1's on a hybrid host)? */
static bool has(const struct cgroup *cg, enum cg_controller c)
{
	bool v2;

	return cg_dir(cg, c, &v2) >= 0 && v2;
}

void cg_stats_v2(const struct cgroup *cg, Grpc__CgroupStats *stats)
{
	int fd = cg_dir_v2(cg);

	if (fd < 0)
		return;
	if (has(cg, CG_CPU) || cg->tree.mode == CGROUP_V2) /* usage is counted without it */
		read_cpu(fd, stats->cpu_stats);
	if (has(cg, CG_MEMORY))
		read_memory(fd, stats->memory_stats);
	if (has(cg, CG_BLKIO))
		read_io(fd, stats->blkio_stats);
	if (has(cg, CG_PIDS))
		cg_stats_pids(stats->pids_stats, fd);
	if (has(cg, CG_HUGETLB))
		cg_stats_hugetlb(stats, fd, ".max", fill_hugetlb);
}
