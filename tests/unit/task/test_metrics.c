/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics.c - a guest's statistics in containerd's two formats
 *
 * The result is compared whole: every member that is not 0, by its name.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "task/metrics.h"

/* --- a message as text: "cpu.usage.total=5\n" --- */

#define ITEM_LEN sizeof(uint64_t) /* of every list that there is */
static_assert(sizeof(void *) == ITEM_LEN, "lists of pointers and of numbers alike");

static void render(struct str *out, const char *prefix, const ProtobufCMessage *m);

static void render_value(struct str *out, const char *name, const ProtobufCFieldDescriptor *f,
			 const void *at)
{
	if (f->type == PROTOBUF_C_TYPE_UINT64) {
		if (*(const uint64_t *)at || f->label == PROTOBUF_C_LABEL_REPEATED)
			str_addf(out, "%s=%llu\n", name, (unsigned long long)*(const uint64_t *)at);
	} else if (f->type == PROTOBUF_C_TYPE_STRING) {
		if (**(const char *const *)at)
			str_addf(out, "%s=%s\n", name, *(const char *const *)at);
	} else {
		assert_int_equal(f->type, PROTOBUF_C_TYPE_MESSAGE);
		if (*(const void *const *)at)
			render(out, name, *(const ProtobufCMessage *const *)at);
	}
}

static void render(struct str *out, const char *prefix, const ProtobufCMessage *m)
{
	for (unsigned int i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const char *at = (const char *)m + f->offset;
		scoped_free char *name = xasprintf("%s%s%s", prefix, *prefix ? "." : "", f->name);
		size_t n;

		if (f->label != PROTOBUF_C_LABEL_REPEATED) {
			render_value(out, name, f, at);
			continue;
		}
		n = *(const size_t *)(const void *)((const char *)m + f->quantifier_offset);
		for (size_t k = 0; k < n; k++) {
			const char *list = *(const char *const *)(const void *)at;
			scoped_free char *item = xasprintf("%s[%zu]", name, k);

			render_value(out, item, f, list + k * ITEM_LEN);
		}
	}
}

static void expect(ProtobufCMessage *metrics, const char *name, const char *lines)
{
	struct str out = { 0 };

	assert_string_equal(metrics->descriptor->name, name);
	render(&out, "", metrics);
	assert_string_equal(str_get(&out), lines);
	str_done(&out);
	protobuf_c_message_free_unpacked(metrics, NULL);
}

#define V1 "io.containerd.cgroups.v1.Metrics"
#define V2 "io.containerd.cgroups.v2.Metrics"

/* --- what a guest says; nothing in it is owned --- */

struct guest {
	Grpc__StatsContainerResponse resp;
	Grpc__CgroupStats group;
	Grpc__CpuStats cpu;
	Grpc__CpuUsage usage;
	Grpc__ThrottlingData throttling;
	Grpc__PidsStats pids;
	Grpc__MemoryStats memory;
	Grpc__MemoryData memory_usage, swap, kernel;
	Grpc__MemoryStats__StatsEntry stat[8], *stats[8];
	Grpc__BlkioStats blkio;
	Grpc__BlkioStatsEntry io[4], *io_list[4];
	Grpc__HugetlbStats huge;
	Grpc__CgroupStats__HugetlbStatsEntry huge_entry, *huge_list[1];
	Grpc__NetworkStats net, *nets[1];
	uint64_t percpu[2];
};

static void guest_init(struct guest *g)
{
	memset(g, 0, sizeof(*g));
	grpc__stats_container_response__init(&g->resp);
	grpc__cgroup_stats__init(&g->group);
	grpc__cpu_stats__init(&g->cpu);
	grpc__cpu_usage__init(&g->usage);
	grpc__throttling_data__init(&g->throttling);
	grpc__pids_stats__init(&g->pids);
	grpc__memory_stats__init(&g->memory);
	grpc__memory_data__init(&g->memory_usage);
	grpc__memory_data__init(&g->swap);
	grpc__memory_data__init(&g->kernel);
	grpc__blkio_stats__init(&g->blkio);
	grpc__hugetlb_stats__init(&g->huge);
	grpc__cgroup_stats__hugetlb_stats_entry__init(&g->huge_entry);
	grpc__network_stats__init(&g->net);
	g->resp.cgroup_stats = &g->group;
}

static void add_stat(struct guest *g, const char *key, uint64_t value)
{
	size_t n = g->memory.n_stats++;

	assert_true(n < ARRAY_LEN(g->stat));
	grpc__memory_stats__stats_entry__init(&g->stat[n]);
	g->stat[n].key = unconst(key);
	g->stat[n].value = value;
	g->stats[n] = &g->stat[n];
	g->memory.stats = g->stats;
	g->group.memory_stats = &g->memory;
}

static void fill_memory(struct guest *g)
{
	g->memory.usage = &g->memory_usage;
	g->memory_usage.usage = 100;
	g->memory_usage.max_usage = 150;
	g->memory_usage.failcnt = 3;
	g->memory_usage.limit = 1000;
	g->memory.swap_usage = &g->swap;
	g->swap.usage = 7;
	g->swap.max_usage = 9;
	g->swap.failcnt = 1;
	g->swap.limit = 500;
	g->memory.kernel_usage = &g->kernel;
	g->kernel.usage = 11;
	g->group.memory_stats = &g->memory;
}

static void set_io(struct guest *g, size_t i, uint64_t minor, const char *op, uint64_t value)
{
	grpc__blkio_stats_entry__init(&g->io[i]);
	g->io[i].major = 253;
	g->io[i].minor = minor;
	g->io[i].op = unconst(op);
	g->io[i].value = value;
	g->io_list[i] = &g->io[i];
}

static void fill_io(struct guest *g)
{
	set_io(g, 0, 0, "Read", 4096);
	set_io(g, 1, 16, "Write", 512);
	set_io(g, 2, 0, "Read", 2);
	set_io(g, 3, 0, "Discard", 5);
	g->blkio.io_service_bytes_recursive = g->io_list;
	g->blkio.n_io_service_bytes_recursive = 2;
	g->blkio.io_serviced_recursive = g->io_list + 2;
	g->blkio.n_io_serviced_recursive = 2;
	g->group.blkio_stats = &g->blkio;
}

static void fill_rest(struct guest *g)
{
	g->percpu[0] = 4000;
	g->percpu[1] = 0;
	g->usage.total_usage = 9000;
	g->usage.usage_in_kernelmode = 2000;
	g->usage.usage_in_usermode = 7000;
	g->usage.percpu_usage = g->percpu;
	g->usage.n_percpu_usage = 2;
	g->throttling.periods = 12;
	g->throttling.throttled_periods = 5;
	g->throttling.throttled_time = 6000;
	g->cpu.cpu_usage = &g->usage;
	g->cpu.throttling_data = &g->throttling;
	g->group.cpu_stats = &g->cpu;
	g->pids.current = 2;
	g->pids.limit = 64;
	g->group.pids_stats = &g->pids;
	g->huge.usage = 2097152;
	g->huge.max_usage = 4194304;
	g->huge.failcnt = 8;
	g->huge_entry.key = unconst("2MB");
	g->huge_entry.value = &g->huge;
	g->huge_list[0] = &g->huge_entry;
	g->group.hugetlb_stats = g->huge_list;
	g->group.n_hugetlb_stats = 1;
	g->net.name = unconst("eth0");
	g->net.rx_bytes = 21;
	g->net.rx_packets = 22;
	g->net.rx_errors = 23;
	g->net.rx_dropped = 24;
	g->net.tx_bytes = 25;
	g->net.tx_packets = 26;
	g->net.tx_errors = 27;
	g->net.tx_dropped = 28;
	g->nets[0] = &g->net;
	g->resp.network_stats = g->nets;
	g->resp.n_network_stats = 1;
}

/* --- tests --- */

static void everything_but_memory_is_carried_to_v1(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	fill_rest(&g);
	fill_io(&g);
	expect(metrics_v1(&g.resp), V1,
	       "hugetlb[0].usage=2097152\nhugetlb[0].max=4194304\nhugetlb[0].failcnt=8\n"
	       "hugetlb[0].pagesize=2MB\n"
	       "pids.current=2\npids.limit=64\n"
	       "cpu.usage.total=9000\ncpu.usage.kernel=2000\ncpu.usage.user=7000\n"
	       "cpu.usage.per_cpu[0]=4000\ncpu.usage.per_cpu[1]=0\n"
	       "cpu.throttling.periods=12\ncpu.throttling.throttled_periods=5\n"
	       "cpu.throttling.throttled_time=6000\n"
	       "blkio.io_service_bytes_recursive[0].op=Read\n"
	       "blkio.io_service_bytes_recursive[0].major=253\n"
	       "blkio.io_service_bytes_recursive[0].value=4096\n"
	       "blkio.io_service_bytes_recursive[1].op=Write\n"
	       "blkio.io_service_bytes_recursive[1].major=253\n"
	       "blkio.io_service_bytes_recursive[1].minor=16\n"
	       "blkio.io_service_bytes_recursive[1].value=512\n"
	       "blkio.io_serviced_recursive[0].op=Read\n"
	       "blkio.io_serviced_recursive[0].major=253\n"
	       "blkio.io_serviced_recursive[0].value=2\n"
	       "blkio.io_serviced_recursive[1].op=Discard\n"
	       "blkio.io_serviced_recursive[1].major=253\n"
	       "blkio.io_serviced_recursive[1].value=5\n"
	       "network[0].name=eth0\n"
	       "network[0].rx_bytes=21\nnetwork[0].rx_packets=22\nnetwork[0].rx_errors=23\n"
	       "network[0].rx_dropped=24\n"
	       "network[0].tx_bytes=25\nnetwork[0].tx_packets=26\nnetwork[0].tx_errors=27\n"
	       "network[0].tx_dropped=28\n");
}

/* User and system time are not to be mixed up. */
static void everything_but_memory_is_carried_to_v2(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	fill_rest(&g);
	fill_io(&g);
	expect(metrics_v2(&g.resp), V2,
	       "pids.current=2\npids.limit=64\n"
	       "cpu.usage_usec=9\ncpu.user_usec=7\ncpu.system_usec=2\n"
	       "cpu.nr_periods=12\ncpu.nr_throttled=5\ncpu.throttled_usec=6\n"
	       "io.usage[0].major=253\nio.usage[0].rbytes=4096\nio.usage[0].rios=2\n"
	       "io.usage[1].major=253\nio.usage[1].minor=16\nio.usage[1].wbytes=512\n"
	       "hugetlb[0].current=2097152\nhugetlb[0].pagesize=2MB\n");
}

static void memory_of_a_v2_guest_in_v1(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	fill_memory(&g);
	add_stat(&g, "anon", 31);
	add_stat(&g, "file", 32);
	add_stat(&g, "file_dirty", 33);
	add_stat(&g, "inactive_file", 34);
	add_stat(&g, "pgfault", 35);
	add_stat(&g, "slab", 36); /* which v1 has not */
	expect(metrics_v1(&g.resp), V1,
	       "memory.cache=32\nmemory.rss=31\nmemory.dirty=33\nmemory.pg_fault=35\n"
	       "memory.inactive_file=34\n"
	       "memory.total_cache=32\nmemory.total_rss=31\nmemory.total_dirty=33\n"
	       "memory.total_pg_fault=35\nmemory.total_inactive_file=34\n"
	       "memory.usage.limit=1000\nmemory.usage.usage=100\nmemory.usage.max=150\n"
	       "memory.usage.failcnt=3\n"
	       "memory.swap.limit=1500\nmemory.swap.usage=107\nmemory.swap.failcnt=1\n"
	       "memory.kernel.usage=11\n");
}

static void memory_of_a_v1_guest_in_v1(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	fill_memory(&g);
	g.memory.cache = 30;
	add_stat(&g, "hierarchical_memory_limit", 1000);
	add_stat(&g, "hierarchical_memsw_limit", 1500);
	add_stat(&g, "rss", 31);
	add_stat(&g, "total_rss", 32);
	add_stat(&g, "pgpgin", 33);
	add_stat(&g, "total_pgmajfault", 34);
	expect(metrics_v1(&g.resp), V1,
	       "memory.cache=30\nmemory.rss=31\nmemory.pg_pg_in=33\n"
	       "memory.hierarchical_memory_limit=1000\nmemory.hierarchical_swap_limit=1500\n"
	       "memory.total_rss=32\nmemory.total_pg_maj_fault=34\n"
	       "memory.usage.limit=1000\nmemory.usage.usage=100\nmemory.usage.max=150\n"
	       "memory.usage.failcnt=3\n"
	       "memory.swap.limit=500\nmemory.swap.usage=7\nmemory.swap.max=9\n"
	       "memory.swap.failcnt=1\n"
	       "memory.kernel.usage=11\n");
}

static void memory_of_a_v2_guest_in_v2(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	fill_memory(&g);
	add_stat(&g, "anon", 31);
	add_stat(&g, "inactive_file", 32);
	add_stat(&g, "thp_collapse_alloc", 33);
	add_stat(&g, "workingset_refault_anon", 34);
	add_stat(&g, "workingset_refault_file", 1);
	add_stat(&g, "workingset_activate_file", 36);
	expect(metrics_v2(&g.resp), V2,
	       "memory.anon=31\nmemory.inactive_file=32\nmemory.workingset_refault=35\n"
	       "memory.workingset_activate=36\nmemory.thp_collapse_alloc=33\n"
	       "memory.usage=100\nmemory.usage_limit=1000\n"
	       "memory.swap_usage=7\nmemory.swap_limit=500\n"
	       "memory.max_usage=150\nmemory.swap_max_usage=9\n"
	       "memory_events.max=3\n");
}

static void memory_of_a_v1_guest_in_v2(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	fill_memory(&g);
	g.swap.usage = 110; /* with the memory */
	g.swap.limit = UINT64_MAX;
	add_stat(&g, "hierarchical_memory_limit", 1000);
	add_stat(&g, "rss", 30);
	add_stat(&g, "total_rss", 31);
	add_stat(&g, "inactive_anon", 32);
	add_stat(&g, "total_inactive_anon", 33);
	expect(metrics_v2(&g.resp), V2,
	       "memory.anon=31\nmemory.inactive_anon=33\n"
	       "memory.usage=100\nmemory.usage_limit=1000\n"
	       "memory.swap_usage=10\nmemory.swap_limit=18446744073709551615\n"
	       "memory.max_usage=150\n"
	       "memory_events.max=3\n");
}

static void no_limit_stays_no_limit(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	g.memory.usage = &g.memory_usage;
	g.memory.swap_usage = &g.swap;
	g.group.memory_stats = &g.memory;
	g.memory_usage.limit = g.swap.limit = UINT64_MAX;
	expect(metrics_v1(&g.resp), V1,
	       "memory.usage.limit=18446744073709551615\nmemory.swap.limit=18446744073709551615\n");
}

static void a_guest_that_says_nothing_is_told_as_nothing(void **state)
{
	struct guest g;

	(void)state;
	guest_init(&g);
	expect(metrics_v1(&g.resp), V1, "");
	expect(metrics_v2(&g.resp), V2, "");
	g.resp.cgroup_stats = NULL;
	expect(metrics_v1(&g.resp), V1, "");
	expect(metrics_v2(&g.resp), V2, "");
}

static void a_guests_words_are_bounded_and_printable(void **state)
{
	static char evil[200];
	struct guest g;
	ProtobufCMessage *metrics;
	struct str out = { 0 };

	(void)state;
	memset(evil, 'x', sizeof(evil) - 1);
	memcpy(evil, "\n\033\377", 3);
	guest_init(&g);
	g.huge_entry.key = evil;
	g.huge_list[0] = &g.huge_entry;
	g.group.hugetlb_stats = g.huge_list;
	g.group.n_hugetlb_stats = 1;
	metrics = metrics_v2(&g.resp);
	render(&out, "", metrics);
	assert_int_equal(strncmp(str_get(&out), "hugetlb[0].pagesize=???xxx", 26), 0);
	assert_int_equal(strlen(str_get(&out)),
			 strlen("hugetlb[0].pagesize=") + METRICS_TEXT_MAX + 1);
	str_done(&out);
	protobuf_c_message_free_unpacked(metrics, NULL);
}

static void lists_are_bounded(void **state)
{
	static Grpc__BlkioStatsEntry entries[2 * METRICS_LIST_MAX];
	static Grpc__BlkioStatsEntry *list[2 * METRICS_LIST_MAX];
	static char read[] = "Read";
	ProtobufCMessage *metrics;
	struct guest g;
	struct str out = { 0 };

	(void)state;
	guest_init(&g);
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		grpc__blkio_stats_entry__init(&entries[i]);
		entries[i].op = read;
		entries[i].minor = i;
		entries[i].value = 1;
		list[i] = &entries[i];
	}
	g.blkio.io_serviced_recursive = list;
	g.blkio.n_io_serviced_recursive = ARRAY_LEN(list);
	g.group.blkio_stats = &g.blkio;
	metrics = metrics_v1(&g.resp);
	render(&out, "", metrics);
	assert_non_null(strstr(str_get(&out), "[4095].minor=4095\n"));
	assert_null(strstr(str_get(&out), "[4096]"));
	protobuf_c_message_free_unpacked(metrics, NULL);
	str_done(&out);
	metrics = metrics_v2(&g.resp);
	render(&out, "", metrics);
	assert_non_null(strstr(str_get(&out), "[255].rios=1\n"));
	assert_null(strstr(str_get(&out), "[256]"));
	protobuf_c_message_free_unpacked(metrics, NULL);
	str_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_but_memory_is_carried_to_v1),
		cmocka_unit_test(everything_but_memory_is_carried_to_v2),
		cmocka_unit_test(memory_of_a_v2_guest_in_v1),
		cmocka_unit_test(memory_of_a_v1_guest_in_v1),
		cmocka_unit_test(memory_of_a_v2_guest_in_v2),
		cmocka_unit_test(memory_of_a_v1_guest_in_v2),
		cmocka_unit_test(no_limit_stays_no_limit),
		cmocka_unit_test(a_guest_that_says_nothing_is_told_as_nothing),
		cmocka_unit_test(a_guests_words_are_bounded_and_printable),
		cmocka_unit_test(lists_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
