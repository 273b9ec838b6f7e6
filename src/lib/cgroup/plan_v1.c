/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_v1.c - resources as files of the v1 controllers
 */
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

static void plan_cpu(const Grpc__LinuxCPU *cpu, struct cg_plan *plan)
{
	if (cpu->shares)
		cg_plan_add(plan, CG_CPU, "cpu.shares", "%llu", (unsigned long long)cpu->shares);
	/* Old quota and new period together may be more than the parent allows. */
	if (cpu->period && cpu->quota)
		cg_plan_add(plan, CG_CPU, "cpu.cfs_quota_us", "-1");
	if (cpu->period)
		cg_plan_add(plan, CG_CPU, "cpu.cfs_period_us", "%llu",
			    (unsigned long long)cpu->period);
	if (cpu->quota)
		cg_plan_add(plan, CG_CPU, "cpu.cfs_quota_us", "%lld", (long long)cpu->quota);
	if (cpu->realtimeperiod)
		cg_plan_add(plan, CG_CPU, "cpu.rt_period_us", "%llu",
			    (unsigned long long)cpu->realtimeperiod);
	if (cpu->realtimeruntime)
		cg_plan_add(plan, CG_CPU, "cpu.rt_runtime_us", "%lld",
			    (long long)cpu->realtimeruntime);
	if (cpu->idle)
		cg_plan_add(plan, CG_CPU, "cpu.idle", "%lld", (long long)cpu->idle);
}

static void add_memsw(int64_t value, const struct cg_present *now, struct cg_plan *plan)
{
	struct cg_write *w = cg_plan_add(plan, CG_MEMORY, "memory.memsw.limit_in_bytes", "%lld",
					 (long long)value);

	w->may_miss = !now->has_swap; /* accounting of swap is off, and there is none */
}

/* The kernel keeps limit <= memsw at every moment, so the order depends on the present. */
static void plan_memory_limits(const Grpc__LinuxMemory *m, const struct cg_present *now,
			       struct cg_plan *plan)
{
	int64_t swap = m->limit == -1 && !m->swap ? -1 : m->swap;
	bool raises = swap == -1 || (swap > 0 && (uint64_t)swap > now->memsw_limit);

	if (raises)
		add_memsw(swap, now, plan);
	if (m->limit)
		cg_plan_add(plan, CG_MEMORY, "memory.limit_in_bytes", "%lld", (long long)m->limit);
	if (swap && !raises)
		add_memsw(swap, now, plan);
}

static void plan_memory(const Grpc__LinuxMemory *m, const struct cg_present *now,
			struct cg_plan *plan)
{
	plan_memory_limits(m, now, plan);
	if (m->reservation)
		cg_plan_add(plan, CG_MEMORY, "memory.soft_limit_in_bytes", "%lld",
			    (long long)m->reservation);
	/* Gone from kernels since 5.16; the memory limit has always covered it too. */
	if (m->kernel)
		cg_plan_add(plan, CG_MEMORY, "memory.kmem.limit_in_bytes", "%lld",
			    (long long)m->kernel)->may_miss = true;
	if (m->kerneltcp)
		cg_plan_add(plan, CG_MEMORY, "memory.kmem.tcp.limit_in_bytes", "%lld",
			    (long long)m->kerneltcp);
	if (m->swappiness && m->swappiness != UINT64_MAX)
		cg_plan_add(plan, CG_MEMORY, "memory.swappiness", "%llu",
			    (unsigned long long)m->swappiness);
	if (m->disableoomkiller)
		cg_plan_add(plan, CG_MEMORY, "memory.oom_control", "1");
}

static void plan_throttle(const char *file, Grpc__LinuxThrottleDevice *const *devs, size_t n,
			  struct cg_plan *plan)
{
	for (size_t i = 0; i < n; i++)
		cg_plan_add(plan, CG_BLKIO, file, "%lld:%lld %llu", (long long)devs[i]->major,
			    (long long)devs[i]->minor, (unsigned long long)devs[i]->rate);
}

static void plan_weight_device(const Grpc__LinuxWeightDevice *dev, struct cg_plan *plan)
{
	struct cg_write *w;

	if (dev->weight) {
		w = cg_plan_add(plan, CG_BLKIO, "blkio.weight_device", "%lld:%lld %u",
				(long long)dev->major, (long long)dev->minor, dev->weight);
		w->other = "blkio.bfq.weight_device";
		w->other_value = xstrdup(w->value);
	}
	if (dev->leafweight)
		cg_plan_add(plan, CG_BLKIO, "blkio.leaf_weight_device", "%lld:%lld %u",
			    (long long)dev->major, (long long)dev->minor, dev->leafweight);
}

static void plan_blkio(const Grpc__LinuxBlockIO *b, struct cg_plan *plan)
{
	if (b->weight) {
		struct cg_write *w = cg_plan_add(plan, CG_BLKIO, "blkio.weight", "%u", b->weight);

		w->other = "blkio.bfq.weight";
		w->other_value = xstrdup(w->value);
	}
	if (b->leafweight)
		cg_plan_add(plan, CG_BLKIO, "blkio.leaf_weight", "%u", b->leafweight);
	for (size_t i = 0; i < b->n_weightdevice; i++)
		plan_weight_device(b->weightdevice[i], plan);
	plan_throttle("blkio.throttle.read_bps_device", b->throttlereadbpsdevice,
		      b->n_throttlereadbpsdevice, plan);
	plan_throttle("blkio.throttle.write_bps_device", b->throttlewritebpsdevice,
		      b->n_throttlewritebpsdevice, plan);
	plan_throttle("blkio.throttle.read_iops_device", b->throttlereadiopsdevice,
		      b->n_throttlereadiopsdevice, plan);
	plan_throttle("blkio.throttle.write_iops_device", b->throttlewriteiopsdevice,
		      b->n_throttlewriteiopsdevice, plan);
}

int cg_plan_v1(enum cg_controller c, const Grpc__LinuxResources *res,
	       const struct cg_present *now, struct cg_plan *plan, struct err *err)
{
	(void)err; /* v1 has a file for everything the specification knows */
	switch (c) {
	case CG_CPU:
		plan_cpu(res->cpu, plan);
		break;
	case CG_CPUSET:
		cg_plan_cpuset(res->cpu, plan);
		break;
	case CG_MEMORY:
		plan_memory(res->memory, now, plan);
		break;
	case CG_BLKIO:
		plan_blkio(res->blockio, plan);
		break;
	case CG_PIDS:
		cg_plan_pids(res->pids, plan);
		break;
	case CG_HUGETLB:
		cg_plan_hugetlb(res, "limit_in_bytes", plan);
		break;
	case CG_NET_CLS:
		cg_plan_add(plan, CG_NET_CLS, "net_cls.classid", "%u", res->network->classid);
		break;
	case CG_NET_PRIO:
		for (size_t i = 0; i < res->network->n_priorities; i++)
			cg_plan_add(plan, CG_NET_PRIO, "net_prio.ifpriomap", "%s %u",
				    res->network->priorities[i]->name,
				    res->network->priorities[i]->priority);
		break;
	case CG_CPUACCT:
	case CG_DEVICES:
	case CG_FREEZER:
	case CG_RDMA:
	case CG_MISC:
	case CG_CONTROLLERS:
		break;
	}
	return 0;
}
