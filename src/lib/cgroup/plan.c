/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - from OCI resources to a list of control files and values
 *
 * Pure: which version serves a controller is asked of the caller. 0, "" and absent mean
 * "leave it as it is" throughout, since the messages cannot tell them apart.
 */
#include <stdarg.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

static uint64_t clamp(uint64_t value, uint64_t min, uint64_t max)
{
	return value < min ? min : value > max ? max : value;
}

uint64_t cg_weight_of_shares(uint64_t shares)
{
	uint64_t s = clamp(shares, 2, 262144);

	return 1 + (s - 2) * 9999 / 262142;
}

uint64_t cg_weight_of_blkio(uint64_t weight)
{
	uint64_t w = clamp(weight, 10, 1000);

	return 1 + (w - 10) * 9999 / 990;
}

struct cg_write *cg_plan_add(struct cg_plan *plan, enum cg_controller c, const char *file,
			     const char *fmt, ...)
{
	struct cg_write *w;
	va_list ap;

	plan->writes = xrealloc(plan->writes, plan->n + 1, sizeof(*plan->writes));
	w = &plan->writes[plan->n++];
	*w = (struct cg_write){ .controller = c, .file = xstrdup(file) };
	va_start(ap, fmt);
	w->value = xvasprintf(fmt, ap);
	va_end(ap);
	return w;
}

void cg_plan_done(struct cg_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->writes[i].file);
		free(plan->writes[i].value);
		free(plan->writes[i].other_value);
	}
	free(plan->writes);
	*plan = (struct cg_plan){ .n = 0 };
}

static bool has_text(const char *s)
{
	return s && s[0];
}

void cg_plan_cpuset(const Grpc__LinuxCPU *cpu, struct cg_plan *plan)
{
	if (has_text(cpu->cpus))
		cg_plan_add(plan, CG_CPUSET, "cpuset.cpus", "%s", cpu->cpus);
	if (has_text(cpu->mems))
		cg_plan_add(plan, CG_CPUSET, "cpuset.mems", "%s", cpu->mems);
}

void cg_plan_pids(const Grpc__LinuxPids *pids, struct cg_plan *plan)
{
	if (pids->limit < 0)
		cg_plan_add(plan, CG_PIDS, "pids.max", "max");
	else
		cg_plan_add(plan, CG_PIDS, "pids.max", "%lld", (long long)pids->limit);
}

void cg_plan_hugetlb(const Grpc__LinuxResources *res, const char *suffix, struct cg_plan *plan)
{
	for (size_t i = 0; i < res->n_hugepagelimits; i++) {
		const Grpc__LinuxHugepageLimit *h = res->hugepagelimits[i];
		scoped_free char *file = xasprintf("hugetlb.%s.%s", h->pagesize, suffix);
		scoped_free char *rsvd = xasprintf("hugetlb.%s.rsvd.%s", h->pagesize, suffix);

		cg_plan_add(plan, CG_HUGETLB, file, "%llu", (unsigned long long)h->limit);
		/* Since 5.7: without it an mmap() beyond the limit succeeds and SIGBUS comes later. */
		cg_plan_add(plan, CG_HUGETLB, rsvd, "%llu", (unsigned long long)h->limit)->may_miss = true;
	}
}

static bool wants_cpu(const Grpc__LinuxCPU *cpu)
{
	return cpu->shares || cpu->quota || cpu->period || cpu->realtimeruntime ||
	       cpu->realtimeperiod || cpu->idle;
}

static bool wants_memory(const Grpc__LinuxMemory *m)
{
	return m->limit || m->reservation || m->swap || m->kernel || m->kerneltcp ||
	       m->swappiness || m->disableoomkiller;
}

static bool wants_blkio(const Grpc__LinuxBlockIO *b)
{
	return b->weight || b->leafweight || b->n_weightdevice || b->n_throttlereadbpsdevice ||
	       b->n_throttlewritebpsdevice || b->n_throttlereadiopsdevice ||
	       b->n_throttlewriteiopsdevice;
}

static bool wants(enum cg_controller c, const Grpc__LinuxResources *res)
{
	switch (c) {
	case CG_CPU:
		return res->cpu && wants_cpu(res->cpu);
	case CG_CPUSET:
		return res->cpu && (has_text(res->cpu->cpus) || has_text(res->cpu->mems));
	case CG_MEMORY:
		return res->memory && wants_memory(res->memory);
	case CG_BLKIO:
		return res->blockio && wants_blkio(res->blockio);
	case CG_PIDS:
		return res->pids && res->pids->limit;
	case CG_HUGETLB:
		return res->n_hugepagelimits > 0;
	case CG_NET_CLS:
		return res->network && res->network->classid;
	case CG_NET_PRIO:
		return res->network && res->network->n_priorities;
	case CG_CPUACCT:
	case CG_DEVICES:
	case CG_FREEZER:
	case CG_RDMA:
	case CG_MISC:
	case CG_CONTROLLERS:
		break;
	}
	return false;
}

/* Names and numbers of the peer that become part of a file's name or of a line in it. */
static int check(const Grpc__LinuxResources *res, struct err *err)
{
	static const char cpu_list[] = "0123456789,-";

	if (res->cpu && has_text(res->cpu->cpus) &&
	    res->cpu->cpus[strspn(res->cpu->cpus, cpu_list)])
		return err_set(err, ERR_INVALID, "set cpus '%.60s': not a list of cpus", res->cpu->cpus);
	if (res->cpu && has_text(res->cpu->mems) &&
	    res->cpu->mems[strspn(res->cpu->mems, cpu_list)])
		return err_set(err, ERR_INVALID, "set mems '%.60s': not a list of nodes", res->cpu->mems);
	for (size_t i = 0; i < res->n_hugepagelimits; i++) {
		const char *size = res->hugepagelimits[i]->pagesize;
		size_t digits = strspn(size, "0123456789");

		if (!digits || digits > 8 || !size[digits] || !strchr("KMG", size[digits]) ||
		    strcmp(size + digits + 1, "B") != 0)
			return err_set(err, ERR_INVALID, "limit huge pages of size '%.20s': no such size",
				       size);
	}
	return 0;
}

static int check_amount(const char *what, int64_t value, struct err *err)
{
	if (value < -1)
		return err_set(err, ERR_INVALID, "set %s to %lld: less than -1", what, (long long)value);
	return 0;
}

static int check_amounts(const Grpc__LinuxResources *res, struct err *err)
{
	const Grpc__LinuxMemory *m = res->memory;

	if (m && (check_amount("memory limit", m->limit, err) < 0 ||
		  check_amount("memory reservation", m->reservation, err) < 0 ||
		  check_amount("memory and swap limit", m->swap, err) < 0 ||
		  check_amount("kernel memory limit", m->kernel, err) < 0 ||
		  check_amount("kernel TCP memory limit", m->kerneltcp, err) < 0))
		return -1;
	if (m && m->swappiness > 100 && m->swappiness != UINT64_MAX)
		return err_set(err, ERR_INVALID, "set swappiness to %llu: more than 100",
			       (unsigned long long)m->swappiness);
	if (m && m->limit > 0 && m->swap > 0 && m->swap < m->limit)
		return err_set(err, ERR_INVALID,
			       "set memory and swap limit to %lld: less than the memory limit %lld",
			       (long long)m->swap, (long long)m->limit);
	return 0;
}

/* A key is the name of one control file in the group's own directory. */
static int plan_unified(const Grpc__LinuxResources *res, const struct cg_present *now,
			struct cg_plan *plan, struct err *err)
{
	for (size_t i = 0; i < res->n_unified; i++) {
		const char *key = res->unified[i]->key;
		const char *value = res->unified[i]->value;

		if (!now->v2)
			return err_set(err, ERR_UNIMPLEMENTED, "set '%.60s': cgroup v2 is not in use", key);
		if (!key[0] || strchr(key, '/') || !strchr(key, '.') || key[0] == '.')
			return err_set(err, ERR_INVALID, "set '%.60s': not the name of a control file", key);
		while (*value) { /* the kernel takes one line a write */
			size_t len = strcspn(value, "\n");

			if (len)
				cg_plan_add(plan, CG_CONTROLLERS, key, "%.*s", (int)len, value);
			value += len + (value[len] == '\n');
		}
	}
	return 0;
}

static int plan_controllers(const Grpc__LinuxResources *res, const struct cg_present *now,
			    cg_version_fn *version, const void *arg, struct cg_plan *plan,
			    struct err *err)
{
	for (enum cg_controller c = 0; c < CG_CONTROLLERS; c++) {
		int r = 0;

		if (!wants(c, res))
			continue;
		switch (version(arg, c)) {
		case CG_NONE:
			return err_set(err, ERR_UNIMPLEMENTED,
				       "set limits of controller '%s': it is not available",
				       cg_controller_name(c, false));
		case CG_V1:
			r = cg_plan_v1(c, res, now, plan, err);
			break;
		case CG_V2:
			r = cg_plan_v2(c, res, now, plan, err);
			break;
		}
		if (r < 0)
			return -1;
	}
	return 0;
}

int cg_plan_resources(const Grpc__LinuxResources *res, const struct cg_present *now,
		      cg_version_fn *version, const void *arg, struct cg_plan *ret,
		      struct err *err)
{
	struct cg_plan plan = { .n = 0 };

	if (check(res, err) < 0 || check_amounts(res, err) < 0 ||
	    plan_controllers(res, now, version, arg, &plan, err) < 0 ||
	    plan_unified(res, now, &plan, err) < 0) {
		cg_plan_done(&plan);
		return -1;
	}
	*ret = plan;
	return 0;
}
