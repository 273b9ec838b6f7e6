/* SPDX-License-Identifier: Apache-2.0 */
/* Plans are compared as text: one "file=value" a line, '?' behind what may be missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

#define MIB (1024ll * 1024)

static const struct cg_present on_v1 = {
	.memory_limit = UINT64_MAX, .memsw_limit = UINT64_MAX, .has_swap = true, .v2 = false
};
static const struct cg_present on_v2 = {
	.memory_limit = UINT64_MAX, .memsw_limit = UINT64_MAX, .has_swap = true, .v2 = true
};

static enum cg_version all_v1(const void *arg, enum cg_controller c)
{
	(void)arg;
	(void)c;
	return CG_V1;
}

static enum cg_version all_v2(const void *arg, enum cg_controller c)
{
	(void)arg;
	return c == CG_NET_CLS || c == CG_NET_PRIO ? CG_NONE : CG_V2;
}

static enum cg_version none(const void *arg, enum cg_controller c)
{
	(void)arg;
	(void)c;
	return CG_NONE;
}

static char *plan_text(const Grpc__LinuxResources *res, const struct cg_present *now)
{
	struct cg_plan plan = { .n = 0 };
	struct str text = { .max = 0 };
	struct err err = ERR_INIT;

	if (cg_plan_resources(res, now, now->v2 ? all_v2 : all_v1, NULL, &plan, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < plan.n; i++) {
		const struct cg_write *w = &plan.writes[i];

		str_addf(&text, "%s=%s%s", w->file, w->value, w->may_miss ? "?" : "");
		if (w->other)
			str_addf(&text, " or %s=%s", w->other, w->other_value);
		str_add(&text, "\n");
	}
	cg_plan_done(&plan);
	return str_take(&text);
}

static void expect(const Grpc__LinuxResources *res, const struct cg_present *now, const char *want)
{
	scoped_free char *got = plan_text(res, now);

	assert_string_equal(got, want);
}

static void expect_refusal(const Grpc__LinuxResources *res, const struct cg_present *now,
			   enum err_code code, const char *says)
{
	struct cg_plan plan = { .n = 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		cg_plan_resources(res, now, now->v2 ? all_v2 : all_v1, NULL, &plan, &err), -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void nothing_given_is_nothing_written(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;
	Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
	Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;
	Grpc__LinuxBlockIO io = GRPC__LINUX_BLOCK_IO__INIT;
	struct cg_plan plan = { .n = 0 };
	struct err err = ERR_INIT;

	(void)state;
	res.cpu = &cpu;
	res.memory = &memory;
	res.pids = &pids;
	res.blockio = &io;
	expect(&res, &on_v1, "");
	expect(&res, &on_v2, "");
	/* ... even where no controller is to be had. */
	assert_int_equal(cg_plan_resources(&res, &on_v1, none, NULL, &plan, &err), 0);
}

static void a_missing_controller_is_named(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;
	struct cg_plan plan = { .n = 0 };
	struct err err = ERR_INIT;

	(void)state;
	pids.limit = 10;
	res.pids = &pids;
	assert_int_equal(cg_plan_resources(&res, &on_v1, none, NULL, &plan, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_non_null(strstr(err.text, "'pids'"));
}

static void shares_become_weights(void **state)
{
	(void)state;
	assert_int_equal(cg_weight_of_shares(2), 1);
	assert_int_equal(cg_weight_of_shares(1024), 39);
	assert_int_equal(cg_weight_of_shares(262144), 10000);
	assert_int_equal(cg_weight_of_shares(1), 1);
	assert_int_equal(cg_weight_of_shares(UINT64_MAX), 10000);
	assert_int_equal(cg_weight_of_blkio(10), 1);
	assert_int_equal(cg_weight_of_blkio(1000), 10000);
	assert_int_equal(cg_weight_of_blkio(500), 4950);
}

static void cpu_limits(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;
	char cpus[] = "0-1,3", mems[] = "0";

	(void)state;
	res.cpu = &cpu;
	cpu.shares = 1024;
	cpu.quota = 50000;
	cpu.period = 100000;
	cpu.cpus = cpus;
	cpu.mems = mems;
	expect(&res, &on_v1,
	       "cpu.shares=1024\ncpu.cfs_quota_us=-1\ncpu.cfs_period_us=100000\n"
	       "cpu.cfs_quota_us=50000\ncpuset.cpus=0-1,3\ncpuset.mems=0\n");
	expect(&res, &on_v2,
	       "cpu.weight=39\ncpu.max=50000 100000\ncpuset.cpus=0-1,3\ncpuset.mems=0\n");
}

static void a_cpu_quota_alone_leaves_the_period(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;

	(void)state;
	res.cpu = &cpu;
	cpu.quota = 5000;
	expect(&res, &on_v2, "cpu.max=5000\n");
	cpu.quota = -1;
	expect(&res, &on_v1, "cpu.cfs_quota_us=-1\n");
	expect(&res, &on_v2, "cpu.max=max\n");
	cpu.period = 20000;
	expect(&res, &on_v2, "cpu.max=max 20000\n");
}

static void realtime_and_idle(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;

	(void)state;
	res.cpu = &cpu;
	cpu.idle = 1;
	cpu.shares = 2;
	expect(&res, &on_v2, "cpu.idle=1\n"); /* an idle group has no weight */
	cpu.realtimeruntime = 950000;
	cpu.realtimeperiod = 1000000;
	expect(&res, &on_v1,
	       "cpu.shares=2\ncpu.rt_period_us=1000000\ncpu.rt_runtime_us=950000\ncpu.idle=1\n");
	expect_refusal(&res, &on_v2, ERR_UNIMPLEMENTED, "realtime");
}

static void memory_and_swap(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;
	struct cg_present low = on_v1;

	(void)state;
	res.memory = &m;
	m.limit = 100 * MIB;
	m.swap = 150 * MIB;
	m.reservation = 50 * MIB;
	expect(&res, &on_v1,
	       "memory.limit_in_bytes=104857600\nmemory.memsw.limit_in_bytes=157286400\n"
	       "memory.soft_limit_in_bytes=52428800\n");
	expect(&res, &on_v2,
	       "memory.swap.max=52428800\nmemory.max=104857600\nmemory.low=52428800\n");

	/* Raised over what memsw is now: memsw goes first, or the kernel refuses. */
	low.memsw_limit = 64 * MIB;
	m.reservation = 0;
	expect(&res, &low,
	       "memory.memsw.limit_in_bytes=157286400\nmemory.limit_in_bytes=104857600\n");
}

static void no_memory_limit_means_no_swap_limit_either(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;

	(void)state;
	res.memory = &m;
	m.limit = -1;
	expect(&res, &on_v1, "memory.memsw.limit_in_bytes=-1\nmemory.limit_in_bytes=-1\n");
	expect(&res, &on_v2, "memory.swap.max=max\nmemory.max=max\n");
	m.swap = 100 * MIB;
	expect_refusal(&res, &on_v2, ERR_INVALID, "no memory limit");
}

static void an_update_of_swap_alone_counts_from_the_present_limit(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;
	struct cg_present now = on_v2;

	(void)state;
	res.memory = &m;
	m.swap = 150 * MIB;
	now.memory_limit = 100 * MIB;
	expect(&res, &now, "memory.swap.max=52428800\n");
	now.memory_limit = 200 * MIB;
	expect_refusal(&res, &now, ERR_INVALID, "less than the memory limit");
}

static void swap_limits_may_miss_only_where_there_is_no_swap(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;
	struct cg_present v1 = on_v1, v2 = on_v2;

	(void)state;
	v1.has_swap = v2.has_swap = false;
	res.memory = &m;
	m.limit = 1 * MIB;
	m.swap = 2 * MIB;
	expect(&res, &v1, "memory.limit_in_bytes=1048576\nmemory.memsw.limit_in_bytes=2097152?\n");
	expect(&res, &v2, "memory.swap.max=1048576?\nmemory.max=1048576\n");
}

static void what_v2_cannot_do_is_refused_by_name(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;
	Grpc__LinuxNetwork net = GRPC__LINUX_NETWORK__INIT;

	(void)state;
	res.memory = &m;
	m.swappiness = 10;
	expect(&res, &on_v1, "memory.swappiness=10\n");
	expect_refusal(&res, &on_v2, ERR_UNIMPLEMENTED, "swappiness");
	m.swappiness = 0;
	m.disableoomkiller = true;
	expect(&res, &on_v1, "memory.oom_control=1\n");
	expect_refusal(&res, &on_v2, ERR_UNIMPLEMENTED, "OOM");
	m.disableoomkiller = false;
	net.classid = 5;
	res.network = &net;
	expect(&res, &on_v1, "net_cls.classid=5\n");
	expect_refusal(&res, &on_v2, ERR_UNIMPLEMENTED, "'net_cls'");
}

static void impossible_amounts_are_refused(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;

	(void)state;
	res.memory = &m;
	m.limit = -2;
	expect_refusal(&res, &on_v1, ERR_INVALID, "less than -1");
	m.limit = 10 * MIB;
	m.swap = 5 * MIB;
	expect_refusal(&res, &on_v1, ERR_INVALID, "less than the memory limit");
	m.limit = m.swap = 0;
	m.swappiness = 101;
	expect_refusal(&res, &on_v1, ERR_INVALID, "swappiness");
}

static void pids_limit(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;

	(void)state;
	res.pids = &pids;
	pids.limit = 100;
	expect(&res, &on_v1, "pids.max=100\n");
	expect(&res, &on_v2, "pids.max=100\n");
	pids.limit = -1;
	expect(&res, &on_v1, "pids.max=max\n");
	expect(&res, &on_v2, "pids.max=max\n");
}

static void block_io(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxBlockIO io = GRPC__LINUX_BLOCK_IO__INIT;
	Grpc__LinuxWeightDevice weight = GRPC__LINUX_WEIGHT_DEVICE__INIT;
	Grpc__LinuxThrottleDevice rate = GRPC__LINUX_THROTTLE_DEVICE__INIT;
	Grpc__LinuxThrottleDevice none_rate = GRPC__LINUX_THROTTLE_DEVICE__INIT;
	Grpc__LinuxWeightDevice *weights[] = { &weight };
	Grpc__LinuxThrottleDevice *rates[] = { &rate };
	Grpc__LinuxThrottleDevice *no_rates[] = { &none_rate };

	(void)state;
	res.blockio = &io;
	io.weight = 500;
	weight.major = 8;
	weight.minor = 16;
	weight.weight = 100;
	io.weightdevice = weights;
	io.n_weightdevice = 1;
	rate.major = 8;
	rate.rate = 1000;
	none_rate.major = 9;
	io.throttlereadbpsdevice = rates;
	io.n_throttlereadbpsdevice = 1;
	io.throttlewriteiopsdevice = no_rates;
	io.n_throttlewriteiopsdevice = 1;
	expect(&res, &on_v1,
	       "blkio.weight=500 or blkio.bfq.weight=500\n"
	       "blkio.weight_device=8:16 100 or blkio.bfq.weight_device=8:16 100\n"
	       "blkio.throttle.read_bps_device=8:0 1000\n"
	       "blkio.throttle.write_iops_device=9:0 0\n");
	expect(&res, &on_v2,
	       "io.bfq.weight=500 or io.weight=4950\n"
	       "io.bfq.weight=8:16 100 or io.weight=8:16 910\n"
	       "io.max=8:0 rbps=1000\n"
	       "io.max=9:0 wiops=max\n");
	io.leafweight = 3;
	expect_refusal(&res, &on_v2, ERR_UNIMPLEMENTED, "leaf weight");
}

static void huge_pages(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxHugepageLimit h = GRPC__LINUX_HUGEPAGE_LIMIT__INIT;
	Grpc__LinuxHugepageLimit *list[] = { &h };
	char good[] = "2MB", bad[] = "2MB/../../x", no_unit[] = "2";

	(void)state;
	res.hugepagelimits = list;
	res.n_hugepagelimits = 1;
	h.limit = 4096;
	h.pagesize = good;
	expect(&res, &on_v1,
	       "hugetlb.2MB.limit_in_bytes=4096\nhugetlb.2MB.rsvd.limit_in_bytes=4096?\n");
	expect(&res, &on_v2, "hugetlb.2MB.max=4096\nhugetlb.2MB.rsvd.max=4096?\n");
	h.pagesize = bad;
	expect_refusal(&res, &on_v1, ERR_INVALID, "no such size");
	h.pagesize = no_unit;
	expect_refusal(&res, &on_v1, ERR_INVALID, "no such size");
}

static void unified_files_are_written_line_by_line(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxResources__UnifiedEntry e = GRPC__LINUX_RESOURCES__UNIFIED_ENTRY__INIT;
	Grpc__LinuxResources__UnifiedEntry *list[] = { &e };
	char key[] = "io.max", value[] = "8:0 rbps=1\n8:16 rbps=2\n";
	char climbing[] = "../x.y", plain[] = "memory";

	(void)state;
	res.unified = list;
	res.n_unified = 1;
	e.key = key;
	e.value = value;
	expect(&res, &on_v2, "io.max=8:0 rbps=1\nio.max=8:16 rbps=2\n");
	expect_refusal(&res, &on_v1, ERR_UNIMPLEMENTED, "io.max");
	e.key = climbing;
	expect_refusal(&res, &on_v2, ERR_INVALID, "not the name");
	e.key = plain;
	expect_refusal(&res, &on_v2, ERR_INVALID, "not the name");
}

static void lists_of_cpus_are_digits_commas_and_dashes(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;
	char bad[] = "0\n1";

	(void)state;
	res.cpu = &cpu;
	cpu.cpus = bad;
	expect_refusal(&res, &on_v2, ERR_INVALID, "cpus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_is_nothing_written),
		cmocka_unit_test(a_missing_controller_is_named),
		cmocka_unit_test(shares_become_weights),
		cmocka_unit_test(cpu_limits),
		cmocka_unit_test(a_cpu_quota_alone_leaves_the_period),
		cmocka_unit_test(realtime_and_idle),
		cmocka_unit_test(memory_and_swap),
		cmocka_unit_test(no_memory_limit_means_no_swap_limit_either),
		cmocka_unit_test(an_update_of_swap_alone_counts_from_the_present_limit),
		cmocka_unit_test(swap_limits_may_miss_only_where_there_is_no_swap),
		cmocka_unit_test(what_v2_cannot_do_is_refused_by_name),
		cmocka_unit_test(impossible_amounts_are_refused),
		cmocka_unit_test(pids_limit),
		cmocka_unit_test(block_io),
		cmocka_unit_test(huge_pages),
		cmocka_unit_test(unified_files_are_written_line_by_line),
		cmocka_unit_test(lists_of_cpus_are_digits_commas_and_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
