/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cgroups_v2.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "task/metrics_priv.h"

#define NS_PER_US 1000ull

typedef Io__Containerd__Cgroups__V2__CPUStat CPUStat;
typedef Io__Containerd__Cgroups__V2__HugeTlbStat HugeTlbStat;
typedef Io__Containerd__Cgroups__V2__IOEntry IOEntry;
typedef Io__Containerd__Cgroups__V2__IOStat IOStat;
typedef Io__Containerd__Cgroups__V2__MemoryEvents MemoryEvents;
typedef Io__Containerd__Cgroups__V2__MemoryStat MemoryStat;
typedef Io__Containerd__Cgroups__V2__Metrics Metrics;
typedef Io__Containerd__Cgroups__V2__PidsStat PidsStat;

/* --- cpu, pids --- */

static CPUStat *make_cpu(const Grpc__CpuStats *from)
{
	const Grpc__ThrottlingData *throttling = from->throttling_data;
	const Grpc__CpuUsage *usage = from->cpu_usage;
	CPUStat *cpu = xnew(CPUStat);

	io__containerd__cgroups__v2__cpustat__init(cpu);
	if (usage) {
		cpu->usage_usec = usage->total_usage / NS_PER_US;
		cpu->user_usec = usage->usage_in_usermode / NS_PER_US;
		cpu->system_usec = usage->usage_in_kernelmode / NS_PER_US;
	}
	if (throttling) {
		cpu->nr_periods = throttling->periods;
		cpu->nr_throttled = throttling->throttled_periods;
		cpu->throttled_usec = throttling->throttled_time / NS_PER_US;
	}
	return cpu;
}

static PidsStat *make_pids(const Grpc__PidsStats *from)
{
	PidsStat *pids = xnew(PidsStat);

	io__containerd__cgroups__v2__pids_stat__init(pids);
	pids->current = from->current;
	pids->limit = from->limit;
	return pids;
}

/* --- memory --- */

/* A figure of v2 is with the groups below, which v1 calls "total_". */
#define ROW(field, v1)                       \
	{                                    \
		offsetof(MemoryStat, field), \
		{                            \
			"total_" v1, #field  \
		}                            \
	}
#define ONLY_V2(field)                       \
	{                                    \
		offsetof(MemoryStat, field), \
		{                            \
#field               \
		}                            \
	}

static const struct metrics_row rows[] = {
	ROW(anon, "rss"),
	ROW(file, "cache"),
	ONLY_V2(kernel_stack),
	ONLY_V2(slab),
	ONLY_V2(sock),
	ROW(shmem, "shmem"),
	ROW(file_mapped, "mapped_file"),
	ROW(file_dirty, "dirty"),
	ROW(file_writeback, "writeback"),
	ROW(anon_thp, "rss_huge"),
	ROW(inactive_anon, "inactive_anon"),
	ROW(active_anon, "active_anon"),
	ROW(inactive_file, "inactive_file"),
	ROW(active_file, "active_file"),
	ROW(unevictable, "unevictable"),
	ONLY_V2(slab_reclaimable),
	ONLY_V2(slab_unreclaimable),
	ROW(pgfault, "pgfault"),
	ROW(pgmajfault, "pgmajfault"),
	ONLY_V2(workingset_refault),
	ONLY_V2(workingset_activate),
	ONLY_V2(workingset_nodereclaim),
	ONLY_V2(pgrefill),
	ONLY_V2(pgscan),
	ONLY_V2(pgsteal),
	ONLY_V2(pgactivate),
	ONLY_V2(pgdeactivate),
	ONLY_V2(pglazyfree),
	ONLY_V2(pglazyfreed),
	ONLY_V2(thp_fault_alloc),
	ONLY_V2(thp_collapse_alloc),
};

/* Since Linux 5.9 two figures stand for what was one. */
static void add_halves(uint64_t *to, const Grpc__MemoryStats *m, const char *anon, const char *file)
{
	uint64_t a = 0, f = 0;
	bool has_anon = metrics_find(m, anon, &a);
	bool has_file = metrics_find(m, file, &f);

	if (has_anon || has_file)
		*to = metrics_add(a, f);
}

/* v1 counts memory and swap together. */
static void fill_swap(MemoryStat *memory, const Grpc__MemoryStats *from)
{
	const Grpc__MemoryData *swap = from->swap_usage;

	memory->swap_usage = swap->usage;
	memory->swap_limit = swap->limit;
	memory->swap_max_usage = swap->max_usage;
	if (metrics_is_v1_guest(from) && from->usage) {
		memory->swap_usage = metrics_subtract(swap->usage, from->usage->usage);
		memory->swap_limit = metrics_subtract(swap->limit, from->usage->limit);
		memory->swap_max_usage = 0; /* the most of the sum tells nothing of a part */
	}
}

static MemoryStat *make_memory(const Grpc__MemoryStats *from)
{
	MemoryStat *memory = xnew(MemoryStat);

	io__containerd__cgroups__v2__memory_stat__init(memory);
	memory->file = from->cache;
	metrics_fill_memory(memory, rows, ARRAY_LEN(rows), from);
	add_halves(&memory->workingset_refault, from, "workingset_refault_anon",
		   "workingset_refault_file");
	add_halves(&memory->workingset_activate, from, "workingset_activate_anon",
		   "workingset_activate_file");
	if (from->usage) {
		memory->usage = from->usage->usage;
		memory->usage_limit = from->usage->limit;
		memory->max_usage = from->usage->max_usage;
	}
	if (from->swap_usage)
		fill_swap(memory, from);
	return memory;
}

static MemoryEvents *make_memory_events(const Grpc__MemoryData *from)
{
	MemoryEvents *events = xnew(MemoryEvents);

	io__containerd__cgroups__v2__memory_events__init(events);
	events->max = from->failcnt;
	return events;
}

/* --- lists --- */

static IOEntry *find_device(IOStat *io, uint64_t major, uint64_t minor)
{
	IOEntry *entry;

	for (size_t i = 0; i < io->n_usage; i++)
		if (io->usage[i]->major == major && io->usage[i]->minor == minor)
			return io->usage[i];
	if (io->n_usage == METRICS_DEVICES_MAX)
		return NULL;
	entry = xnew(IOEntry);
	io__containerd__cgroups__v2__ioentry__init(entry);
	entry->major = major;
	entry->minor = minor;
	io->usage[io->n_usage++] = entry;
	return entry;
}

static void add_io(IOStat *io, Grpc__BlkioStatsEntry *const *from, size_t n, bool bytes)
{
	for (size_t i = 0; i < metrics_list_len(n); i++) {
		IOEntry *entry = find_device(io, from[i]->major, from[i]->minor);

		if (entry && strcmp(from[i]->op, "Read") == 0)
			*(bytes ? &entry->rbytes : &entry->rios) = from[i]->value;
		else if (entry && strcmp(from[i]->op, "Write") == 0)
			*(bytes ? &entry->wbytes : &entry->wios) = from[i]->value;
	}
}

static IOStat *make_io(const Grpc__BlkioStats *from)
{
	IOStat *io = xnew(IOStat);

	io__containerd__cgroups__v2__iostat__init(io);
	io->usage = xcalloc(METRICS_DEVICES_MAX, sizeof(*io->usage));
	add_io(io, from->io_service_bytes_recursive, from->n_io_service_bytes_recursive, true);
	add_io(io, from->io_serviced_recursive, from->n_io_serviced_recursive, false);
	return io;
}

static HugeTlbStat *make_hugetlb(const Grpc__CgroupStats__HugetlbStatsEntry *from)
{
	HugeTlbStat *h = xnew(HugeTlbStat);

	io__containerd__cgroups__v2__huge_tlb_stat__init(h);
	h->pagesize = metrics_text(from->key);
	if (from->value)
		h->current = from->value->usage;
	return h;
}

static void fill_group(Metrics *metrics, const Grpc__CgroupStats *from)
{
	const size_t n = metrics_list_len(from->n_hugetlb_stats);

	if (from->cpu_stats)
		metrics->cpu = make_cpu(from->cpu_stats);
	if (from->pids_stats)
		metrics->pids = make_pids(from->pids_stats);
	if (from->memory_stats)
		metrics->memory = make_memory(from->memory_stats);
	if (from->memory_stats && from->memory_stats->usage)
		metrics->memory_events = make_memory_events(from->memory_stats->usage);
	if (from->blkio_stats)
		metrics->io = make_io(from->blkio_stats);
	metrics->hugetlb = n ? xcalloc(n, sizeof(*metrics->hugetlb)) : NULL;
	while (metrics->n_hugetlb < n) {
		metrics->hugetlb[metrics->n_hugetlb] =
			make_hugetlb(from->hugetlb_stats[metrics->n_hugetlb]);
		metrics->n_hugetlb++;
	}
}

ProtobufCMessage *metrics_v2(const Grpc__StatsContainerResponse *stats)
{
	Metrics *metrics = xnew(Metrics);

	io__containerd__cgroups__v2__metrics__init(metrics);
	if (stats->cgroup_stats)
		fill_group(metrics, stats->cgroup_stats);
	return &metrics->base;
}
