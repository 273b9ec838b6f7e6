/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.c - carry a plan out in a group's directories
 */
#include <errno.h>
#include <sys/sysinfo.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/cgroup/priv.h"

#define ENOTSUPP_KERNEL 524 /* what kernels >= 5.16 answer to memory.kmem.limit_in_bytes */

static enum cg_version version_of(const void *arg, enum cg_controller c)
{
	const struct cgroup *cg = arg;
	bool v2;

	if (cg_dir(cg, c, &v2) < 0)
		return CG_NONE;
	return v2 ? CG_V2 : CG_V1;
}

static bool machine_has_swap(void)
{
	struct sysinfo info;

	return sysinfo(&info) < 0 || info.totalswap > 0;
}

static struct cg_present look(const struct cgroup *cg)
{
	struct cg_present now = {
		.memory_limit = UINT64_MAX,
		.memsw_limit = UINT64_MAX,
		.has_swap = machine_has_swap(),
		.v2 = cg->tree.mode == CGROUP_V2,
	};
	bool v2;
	int fd = cg_dir(cg, CG_MEMORY, &v2);

	if (fd < 0)
		return now;
	(void)cg_read_u64(fd, v2 ? "memory.max" : "memory.limit_in_bytes", &now.memory_limit);
	if (!v2)
		(void)cg_read_u64(fd, "memory.memsw.limit_in_bytes", &now.memsw_limit);
	return now;
}

static int write_one(const struct cgroup *cg, const struct cg_write *w, struct err *err)
{
	int fd = w->controller == CG_CONTROLLERS ? cg_dir_v2(cg) : cg_dir(cg, w->controller, NULL);
	struct err why = ERR_INIT;

	if (file_poke_at(fd, w->file, w->value, &why) == 0)
		return 0;
	if (w->other && why.sys == ENOENT && cg_has_file(fd, w->other))
		return file_poke_at(fd, w->other, w->other_value, err);
	if (w->may_miss && (why.sys == ENOENT || why.sys == ENOTSUPP_KERNEL))
		return 0;
	if (why.sys == ENOENT)
		return err_set(err, ERR_UNIMPLEMENTED, "set '%s': this kernel has no such limit",
			       w->file);
	*err = why;
	return -1;
}

int cgroup_apply(struct cgroup *cg, const Grpc__LinuxResources *res, struct err *err)
{
	struct cg_present now = look(cg);
	struct cg_plan plan;
	int r = 0;

	if (cg_plan_resources(res, &now, version_of, cg, &plan, err) < 0)
		return err_wrap(err, "limit cgroup '%s'", cg->path);
	for (size_t i = 0; i < plan.n && r == 0; i++)
		r = write_one(cg, &plan.writes[i], err);
	cg_plan_done(&plan);
	return r < 0 ? err_wrap(err, "limit cgroup '%s'", cg->path) : 0;
}
