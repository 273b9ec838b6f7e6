/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups_v1.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "task/metrics_priv.h"

typedef Io__Containerd__Cgroups__V1__BlkIOEntry BlkIOEntry;
typedef Io__Containerd__Cgroups__V1__BlkIOStat BlkIOStat;
typedef Io__Containerd__Cgroups__V1__CPUStat CPUStat;
typedef Io__Containerd__Cgroups__V1__CPUUsage CPUUsage;
typedef Io__Containerd__Cgroups__V1__HugetlbStat HugetlbStat;
typedef Io__Containerd__Cgroups__V1__MemoryEntry MemoryEntry;
typedef Io__Containerd__Cgroups__V1__MemoryStat MemoryStat;
typedef Io__Containerd__Cgroups__V1__Metrics Metrics;
typedef Io__Containerd__Cgroups__V1__NetworkStat NetworkStat;
typedef Io__Containerd__Cgroups__V1__PidsStat PidsStat;
typedef Io__Containerd__Cgroups__V1__Throttle Throttle;

/* --- cpu, pids --- */

static CPUUsage *make_usage(const Grpc__CpuUsage *from)
{
	const size_t n = metrics_list_len(from->n_percpu_usage);
	CPUUsage *usage = xnew(CPUUsage);

	io__containerd__cgroups__v1__cpuusage__init(usage);
	usage->total = from->total_usage;
	usage->kernel = from->usage_in_kernelmode;
	usage->user = from->usage_in_usermode;
	usage->per_cpu = n ? xcalloc(n, sizeof(*usage->per_cpu)) : NULL;
	while (usage->n_per_cpu < n) {
		usage->per_cpu[usage->n_per_cpu] = from->percpu_usage[usage->n_per_cpu];
		usage->n_per_cpu++;
	}
	return usage;
}

static Throttle *make_throttling(const Grpc__ThrottlingData *from)
{
	Throttle *throttling = xnew(Throttle);

	io__containerd__cgroups__v1__throttle__init(throttling);
	throttling->periods = from->periods;
	throttling->throttled_periods = from->throttled_periods;
	throttling->throttled_time = from->throttled_time;
	return throttling;
}

static CPUStat *make_cpu(const Grpc__CpuStats *from)
{
	CPUStat *cpu = xnew(CPUStat);

	io__containerd__cgroups__v1__cpustat__init(cpu);
	if (from->cpu_usage)
		cpu->usage = make_usage(from->cpu_usage);
	if (from->throttling_data)
		cpu->throttling = make_throttling(from->throttling_data);
	return cpu;
}

static PidsStat *make_pids(const Grpc__PidsStats *from)
{
	PidsStat *pids = xnew(PidsStat);

	io__containerd__cgroups__v1__pids_stat__init(pids);
	pids->current = from->current;
	pids->limit = from->limit;
	return pids;
}

/* --- memory --- */

/*
 * v2 counts a group with those below it, which is v1's "total_". It is the group's own figure as
 * well, since readers look at either: containerd's CRI at total_rss and at pg_fault.
 */
#define OWN(field, v1, v2)                   \
	{                                    \
		offsetof(MemoryStat, field), \
		{                            \
			v1, v2               \
		}                            \
	}
#define TOTAL(field, v1, v2)                         \
	{                                            \
		offsetof(MemoryStat, total_##field), \
		{                                    \
			"total_" v1, v2              \
		}                                    \
	}
#define BOTH(field, v1, v2) OWN(field, v1, v2), TOTAL(field, v1, v2)

static const struct metrics_row rows[] = {
	BOTH(cache, "cache", "file"),
	BOTH(rss, "rss", "anon"),
	BOTH(rss_huge, "rss_huge", "anon_thp"),
	BOTH(mapped_file, "mapped_file", "file_mapped"),
	BOTH(dirty, "dirty", "file_dirty"),
	BOTH(writeback, "writeback", "file_writeback"),
	BOTH(pg_pg_in, "pgpgin", NULL), /* v2 has none */
	BOTH(pg_pg_out, "pgpgout", NULL),
	BOTH(pg_fault, "pgfault", "pgfault"),
	BOTH(pg_maj_fault, "pgmajfault", "pgmajfault"),
	BOTH(inactive_anon, "inactive_anon", "inactive_anon"),
	BOTH(active_anon, "active_anon", "active_anon"),
	BOTH(inactive_file, "inactive_file", "inactive_file"),
	BOTH(active_file, "active_file", "active_file"),
	BOTH(unevictable, "unevictable", "unevictable"),
	OWN(hierarchical_memory_limit, "hierarchical_memory_limit", NULL),
	OWN(hierarchical_swap_limit, "hierarchical_memsw_limit", NULL),
};

static MemoryEntry *make_entry(const Grpc__MemoryData *from)
{
	MemoryEntry *entry = xnew(MemoryEntry);

	io__containerd__cgroups__v1__memory_entry__init(entry);
	entry->limit = from->limit;
	entry->usage = from->usage;
	entry->max = from->max_usage;
	entry->failcnt = from->failcnt;
	return entry;
}

/* v1 counts memory and swap together. The most of the sum is not the sum of the most. */
static MemoryEntry *make_swap(const Grpc__MemoryStats *from)
{
	MemoryEntry *entry = make_entry(from->swap_usage);

	if (!metrics_is_v1_guest(from) && from->usage) {
		entry->usage = metrics_add(entry->usage, from->usage->usage);
		entry->limit = metrics_add(entry->limit, from->usage->limit);
		entry->max = 0;
	}
	return entry;
}

static MemoryStat *make_memory(const Grpc__MemoryStats *from)
{
	MemoryStat *memory = xnew(MemoryStat);

	io__containerd__cgroups__v1__memory_stat__init(memory);
	memory->cache = from->cache;
	metrics_fill_memory(memory, rows, ARRAY_LEN(rows), from);
	if (from->usage)
		memory->usage = make_entry(from->usage);
	if (from->swap_usage)
		memory->swap = make_swap(from);
	if (from->kernel_usage)
		memory->kernel = make_entry(from->kernel_usage);
	return memory;
}

/* --- lists --- */

static void make_blkio_list(Grpc__BlkioStatsEntry *const *from, size_t n_from, BlkIOEntry ***list,
			    size_t *n)
{
	const size_t len = metrics_list_len(n_from);

	*list = len ? xcalloc(len, sizeof(**list)) : NULL;
	for (*n = 0; *n < len; (*n)++) {
		BlkIOEntry *entry = xnew(BlkIOEntry);

		io__containerd__cgroups__v1__blk_ioentry__init(entry);
		entry->op = metrics_text(from[*n]->op);
		entry->major = from[*n]->major;
		entry->minor = from[*n]->minor;
		entry->value = from[*n]->value;
		(*list)[*n] = entry;
	}
}

static BlkIOStat *make_blkio(const Grpc__BlkioStats *from)
{
	BlkIOStat *blkio = xnew(BlkIOStat);

	io__containerd__cgroups__v1__blk_iostat__init(blkio);
#define LIST(name) make_blkio_list(from->name, from->n_##name, &blkio->name, &blkio->n_##name)
	LIST(io_service_bytes_recursive);
	LIST(io_serviced_recursive);
	LIST(io_queued_recursive);
	LIST(io_service_time_recursive);
	LIST(io_wait_time_recursive);
	LIST(io_merged_recursive);
	LIST(io_time_recursive);
	LIST(sectors_recursive);
#undef LIST
	return blkio;
}

static HugetlbStat *make_hugetlb(const Grpc__CgroupStats__HugetlbStatsEntry *from)
{
	HugetlbStat *h = xnew(HugetlbStat);

	io__containerd__cgroups__v1__hugetlb_stat__init(h);
	h->pagesize = metrics_text(from->key);
	if (from->value) {
		h->usage = from->value->usage;
		h->max = from->value->max_usage;
		h->failcnt = from->value->failcnt;
	}
	return h;
}

static NetworkStat *make_network(const Grpc__NetworkStats *from)
{
	NetworkStat *net = xnew(NetworkStat);

	io__containerd__cgroups__v1__network_stat__init(net);
	net->name = metrics_text(from->name);
	net->rx_bytes = from->rx_bytes;
	net->rx_packets = from->rx_packets;
	net->rx_errors = from->rx_errors;
	net->rx_dropped = from->rx_dropped;
	net->tx_bytes = from->tx_bytes;
	net->tx_packets = from->tx_packets;
	net->tx_errors = from->tx_errors;
	net->tx_dropped = from->tx_dropped;
	return net;
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
	if (from->blkio_stats)
		metrics->blkio = make_blkio(from->blkio_stats);
	metrics->hugetlb = n ? xcalloc(n, sizeof(*metrics->hugetlb)) : NULL;
	while (metrics->n_hugetlb < n) {
		metrics->hugetlb[metrics->n_hugetlb] =
			make_hugetlb(from->hugetlb_stats[metrics->n_hugetlb]);
		metrics->n_hugetlb++;
	}
}

ProtobufCMessage *metrics_v1(const Grpc__StatsContainerResponse *stats)
{
	const size_t n = metrics_list_len(stats->n_network_stats);
	Metrics *metrics = xnew(Metrics);

	io__containerd__cgroups__v1__metrics__init(metrics);
	if (stats->cgroup_stats)
		fill_group(metrics, stats->cgroup_stats);
	metrics->network = n ? xcalloc(n, sizeof(*metrics->network)) : NULL;
	while (metrics->n_network < n) {
		metrics->network[metrics->n_network] =
			make_network(stats->network_stats[metrics->n_network]);
		metrics->n_network++;
	}
	return &metrics->base;
}
