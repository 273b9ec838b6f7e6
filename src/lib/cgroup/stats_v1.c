/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats_v1.c - statistics of the v1 controllers
 *
 * A file that is not there leaves zero behind: kernels differ in what they were built
 * with, and the message cannot say "unknown". swap_usage is memory and swap together, as
 * v1 counts it.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/stats.h"

#define NS_PER_TICK 10000000ull /* USER_HZ is 100 on every architecture we run on */

static int v1_dir(const struct cgroup *cg, enum cg_controller c)
{
	bool v2;
	int fd = cg_dir(cg, c, &v2);

	return v2 ? -1 : fd;
}

static void read_percpu(Grpc__CpuUsage *usage, char *text)
{
	for (char *save, *word = strtok_r(text, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		unsigned long long value;

		if (parse_u64(word, UINT64_MAX, &value))
			cg_stats_add_percpu(usage, value);
	}
}

static void read_cpu(const struct cgroup *cg, Grpc__CpuStats *cpu)
{
	int acct = v1_dir(cg, CG_CPUACCT);
	scoped_free char *split = cg_stats_text(acct, "cpuacct.stat");
	scoped_free char *percpu = cg_stats_text(acct, "cpuacct.usage_percpu");
	scoped_free char *stat = cg_stats_text(v1_dir(cg, CG_CPU), "cpu.stat");
	Grpc__CpuUsage *usage = cpu->cpu_usage;

	if (acct >= 0)
		(void)cg_read_u64(acct, "cpuacct.usage", &usage->total_usage);
	if (split && cg_find_key(split, "user", &usage->usage_in_usermode))
		usage->usage_in_usermode *= NS_PER_TICK;
	if (split && cg_find_key(split, "system", &usage->usage_in_kernelmode))
		usage->usage_in_kernelmode *= NS_PER_TICK;
	if (percpu)
		read_percpu(usage, percpu);
	if (stat) {
		(void)cg_find_key(stat, "nr_periods", &cpu->throttling_data->periods);
		(void)cg_find_key(stat, "nr_throttled", &cpu->throttling_data->throttled_periods);
		(void)cg_find_key(stat, "throttled_time", &cpu->throttling_data->throttled_time);
	}
}

static void read_memory_data(int fd, const char *prefix, Grpc__MemoryData *d)
{
	const struct {
		const char *file;
		uint64_t *to;
	} parts[] = {
		{ "usage_in_bytes", &d->usage },
		{ "max_usage_in_bytes", &d->max_usage },
		{ "failcnt", &d->failcnt },
		{ "limit_in_bytes", &d->limit },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		scoped_free char *file = xasprintf("%s.%s", prefix, parts[i].file);

		(void)cg_read_u64(fd, file, parts[i].to);
	}
}

static void read_memory(const struct cgroup *cg, Grpc__MemoryStats *m)
{
	int fd = v1_dir(cg, CG_MEMORY);
	scoped_free char *stat = cg_stats_text(fd, "memory.stat");
	uint64_t hierarchical = 0;

	if (fd < 0)
		return;
	read_memory_data(fd, "memory", m->usage);
	read_memory_data(fd, "memory.memsw", m->swap_usage);
	read_memory_data(fd, "memory.kmem", m->kernel_usage);
	(void)cg_read_u64(fd, "memory.use_hierarchy", &hierarchical);
	m->use_hierarchy = hierarchical == 1;
	if (stat) {
		cg_stats_memory_stat(m, stat);
		(void)cg_find_key(stat, "cache", &m->cache);
	}
}

/* "8:0 Read 4096" or, for times and sectors, "8:0 4096"; a "Total" closes. */
static void read_blkio_file(int fd, const char *file, Grpc__BlkioStatsEntry ***list, size_t *n)
{
	scoped_free char *text = cg_stats_text(fd, file);

	if (!text)
		return;
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int major, minor;
		unsigned long long value;
		char op[16] = "";

		if (sscanf(line, "%u:%u %15[A-Za-z] %llu", &major, &minor, op, &value) == 4 ||
		    sscanf(line, "%u:%u %llu", &major, &minor, &value) == 3)
			cg_stats_add_blkio(list, n, major, minor, op, value);
	}
}

static void read_blkio(const struct cgroup *cg, Grpc__BlkioStats *b)
{
	int fd = v1_dir(cg, CG_BLKIO);
	/* bfq's own counts where it schedules, else those of the throttling layer. */
	bool bfq = fd >= 0 && cg_has_file(fd, "blkio.bfq.io_queued_recursive");

	if (fd < 0)
		return;
	read_blkio_file(fd, bfq ? "blkio.bfq.io_service_bytes_recursive" :
				  "blkio.throttle.io_service_bytes_recursive",
			&b->io_service_bytes_recursive, &b->n_io_service_bytes_recursive);
	read_blkio_file(fd, bfq ? "blkio.bfq.io_serviced_recursive" :
				  "blkio.throttle.io_serviced_recursive",
			&b->io_serviced_recursive, &b->n_io_serviced_recursive);
	read_blkio_file(fd, "blkio.bfq.io_queued_recursive", &b->io_queued_recursive,
			&b->n_io_queued_recursive);
	read_blkio_file(fd, "blkio.bfq.io_service_time_recursive", &b->io_service_time_recursive,
			&b->n_io_service_time_recursive);
	read_blkio_file(fd, "blkio.bfq.io_wait_time_recursive", &b->io_wait_time_recursive,
			&b->n_io_wait_time_recursive);
	read_blkio_file(fd, "blkio.bfq.io_merged_recursive", &b->io_merged_recursive,
			&b->n_io_merged_recursive);
	read_blkio_file(fd, "blkio.bfq.time_recursive", &b->io_time_recursive,
			&b->n_io_time_recursive);
	read_blkio_file(fd, "blkio.bfq.sectors_recursive", &b->sectors_recursive,
			&b->n_sectors_recursive);
}

static void fill_hugetlb(Grpc__HugetlbStats *s, int fd, const char *size)
{
	scoped_free char *usage = xasprintf("hugetlb.%s.usage_in_bytes", size);
	scoped_free char *max = xasprintf("hugetlb.%s.max_usage_in_bytes", size);
	scoped_free char *fail = xasprintf("hugetlb.%s.failcnt", size);

	(void)cg_read_u64(fd, usage, &s->usage);
	(void)cg_read_u64(fd, max, &s->max_usage);
	(void)cg_read_u64(fd, fail, &s->failcnt);
}

void cg_stats_v1(const struct cgroup *cg, Grpc__CgroupStats *stats)
{
	int hugetlb = v1_dir(cg, CG_HUGETLB);
	int pids = v1_dir(cg, CG_PIDS);

	read_cpu(cg, stats->cpu_stats);
	read_memory(cg, stats->memory_stats);
	read_blkio(cg, stats->blkio_stats);
	if (pids >= 0)
		cg_stats_pids(stats->pids_stats, pids);
	if (hugetlb >= 0)
		cg_stats_hugetlb(stats, hugetlb, ".limit_in_bytes", fill_hugetlb);
}
