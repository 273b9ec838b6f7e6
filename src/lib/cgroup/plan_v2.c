/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_v2.c - resources, whose model is v1, as files of v2
 *
 * Spec: runtime-spec config-linux.md; kernel cgroup-v2.rst
 *
 * What v2 has no notion of is refused by name, with one exception: a kernel memory limit
 * is dropped, since the memory limit covers kernel memory and the specification advises
 * against setting it.
 */
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

static int refuse(struct err *err, const char *what)
{
	return err_set(err, ERR_UNIMPLEMENTED, "set %s: cgroup v2 has no such limit", what);
}

static void plan_cpu_max(const Grpc__LinuxCPU *cpu, struct cg_plan *plan)
{
	unsigned long long period = cpu->period;

	/* One word sets the quota and leaves the period; there is no way to set it alone. */
	if (cpu->quota > 0 && period)
		cg_plan_add(plan, CG_CPU, "cpu.max", "%lld %llu", (long long)cpu->quota, period);
	else if (cpu->quota > 0)
		cg_plan_add(plan, CG_CPU, "cpu.max", "%lld", (long long)cpu->quota);
	else if (period)
		cg_plan_add(plan, CG_CPU, "cpu.max", "max %llu", period);
	else if (cpu->quota < 0)
		cg_plan_add(plan, CG_CPU, "cpu.max", "max");
}

static int plan_cpu(const Grpc__LinuxCPU *cpu, struct cg_plan *plan, struct err *err)
{
	if (cpu->realtimeruntime || cpu->realtimeperiod)
		return refuse(err, "realtime runtime and period");
	/* A group that is idle has no weight: writing one fails. */
	if (cpu->idle)
		cg_plan_add(plan, CG_CPU, "cpu.idle", "%lld", (long long)cpu->idle);
	if (cpu->shares && cpu->idle != 1)
		cg_plan_add(plan, CG_CPU, "cpu.weight", "%llu",
			    (unsigned long long)cg_weight_of_shares(cpu->shares));
	plan_cpu_max(cpu, plan);
	return 0;
}

static struct cg_write *add_amount(struct cg_plan *plan, enum cg_controller c, const char *file,
				   int64_t value)
{
	if (value < 0)
		return cg_plan_add(plan, c, file, "max");
	return cg_plan_add(plan, c, file, "%lld", (long long)value);
}

/* OCI's swap is memory and swap together; v2 counts swap alone. */
static int plan_swap(const Grpc__LinuxMemory *m, const struct cg_present *now,
		     struct cg_plan *plan, struct err *err)
{
	uint64_t memory = m->limit > 0 ? (uint64_t)m->limit :
			  m->limit < 0 ? UINT64_MAX : now->memory_limit;
	int64_t swap = m->swap;

	if (swap == 0 && m->limit == -1)
		swap = -1;
	if (swap == 0)
		return 0;
	if (swap > 0 && memory == UINT64_MAX)
		return err_set(err, ERR_INVALID,
			       "set memory and swap limit to %lld: there is no memory limit",
			       (long long)swap);
	if (swap > 0 && (uint64_t)swap < memory)
		return err_set(err, ERR_INVALID,
			       "set memory and swap limit to %lld: less than the memory limit %llu",
			       (long long)swap, (unsigned long long)memory);
	if (swap > 0)
		swap -= (int64_t)memory;
	add_amount(plan, CG_MEMORY, "memory.swap.max", swap)->may_miss = !now->has_swap;
	return 0;
}

static int plan_memory(const Grpc__LinuxMemory *m, const struct cg_present *now,
		       struct cg_plan *plan, struct err *err)
{
	if (m->swappiness && m->swappiness != UINT64_MAX)
		return refuse(err, "swappiness");
	if (m->disableoomkiller)
		return refuse(err, "disabling of the OOM killer");
	if (m->kerneltcp)
		return refuse(err, "kernel TCP memory");
	if (plan_swap(m, now, plan, err) < 0)
		return -1;
	if (m->limit)
		add_amount(plan, CG_MEMORY, "memory.max", m->limit);
	if (m->reservation)
		add_amount(plan, CG_MEMORY, "memory.low", m->reservation);
	return 0;
}

static void add_io_weight(struct cg_plan *plan, const char *device, uint32_t weight)
{
	struct cg_write *w = cg_plan_add(plan, CG_BLKIO, "io.bfq.weight", "%s%u", device, weight);

	w->other = "io.weight";
	w->other_value = xasprintf("%s%llu", device,
				   (unsigned long long)cg_weight_of_blkio(weight));
}

static void plan_throttle(const char *key, Grpc__LinuxThrottleDevice *const *devs, size_t n,
			  struct cg_plan *plan)
{
	for (size_t i = 0; i < n; i++) {
		const Grpc__LinuxThrottleDevice *d = devs[i];
		long long major = d->major, minor = d->minor;

		if (d->rate)
			cg_plan_add(plan, CG_BLKIO, "io.max", "%lld:%lld %s=%llu", major, minor, key,
				    (unsigned long long)d->rate);
		else /* v1's word for "no limit" */
			cg_plan_add(plan, CG_BLKIO, "io.max", "%lld:%lld %s=max", major, minor, key);
	}
}

static int plan_io(const Grpc__LinuxBlockIO *b, struct cg_plan *plan, struct err *err)
{
	if (b->leafweight)
		return refuse(err, "block I/O leaf weight");
	if (b->weight)
		add_io_weight(plan, "", b->weight);
	for (size_t i = 0; i < b->n_weightdevice; i++) {
		const Grpc__LinuxWeightDevice *d = b->weightdevice[i];
		scoped_free char *device =
			xasprintf("%lld:%lld ", (long long)d->major, (long long)d->minor);

		if (d->leafweight)
			return refuse(err, "block I/O leaf weight");
		if (d->weight)
			add_io_weight(plan, device, d->weight);
	}
	plan_throttle("rbps", b->throttlereadbpsdevice, b->n_throttlereadbpsdevice, plan);
	plan_throttle("wbps", b->throttlewritebpsdevice, b->n_throttlewritebpsdevice, plan);
	plan_throttle("riops", b->throttlereadiopsdevice, b->n_throttlereadiopsdevice, plan);
	plan_throttle("wiops", b->throttlewriteiopsdevice, b->n_throttlewriteiopsdevice, plan);
	return 0;
}

int cg_plan_v2(enum cg_controller c, const Grpc__LinuxResources *res,
	       const struct cg_present *now, struct cg_plan *plan, struct err *err)
{
	switch (c) {
	case CG_CPU:
		return plan_cpu(res->cpu, plan, err);
	case CG_CPUSET:
		cg_plan_cpuset(res->cpu, plan);
		break;
	case CG_MEMORY:
		return plan_memory(res->memory, now, plan, err);
	case CG_BLKIO:
		return plan_io(res->blockio, plan, err);
	case CG_PIDS:
		cg_plan_pids(res->pids, plan);
		break;
	case CG_HUGETLB:
		cg_plan_hugetlb(res, "max", plan);
		break;
	case CG_CPUACCT:
	case CG_DEVICES:
	case CG_FREEZER:
	case CG_NET_CLS:
	case CG_NET_PRIO:
	case CG_RDMA:
	case CG_MISC:
	case CG_CONTROLLERS:
		break;
	}
	return 0;
}
