/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - which cgroup hierarchies are mounted where
 *
 * mountinfo tells all: the type says v1 or v2, the super options of a v1 mount name its
 * controllers. Where a hierarchy is mounted more than once (bind mounts into a container's
 * rootfs, for one) the mount below /sys/fs/cgroup is taken, else the first.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/mountinfo.h"
#include "lib/cgroup/priv.h"

static const struct {
	const char *v1, *v2;
} names[CG_CONTROLLERS] = {
	[CG_CPU] = { "cpu", "cpu" },
	[CG_CPUACCT] = { "cpuacct", NULL },
	[CG_CPUSET] = { "cpuset", "cpuset" },
	[CG_MEMORY] = { "memory", "memory" },
	[CG_DEVICES] = { "devices", NULL },
	[CG_FREEZER] = { "freezer", NULL },
	[CG_BLKIO] = { "blkio", "io" },
	[CG_PIDS] = { "pids", "pids" },
	[CG_HUGETLB] = { "hugetlb", "hugetlb" },
	[CG_NET_CLS] = { "net_cls", NULL },
	[CG_NET_PRIO] = { "net_prio", NULL },
	[CG_RDMA] = { "rdma", "rdma" },
	[CG_MISC] = { "misc", "misc" },
};

const char *cg_controller_name(enum cg_controller c, bool v2)
{
	return v2 ? names[c].v2 : names[c].v1;
}

static uint32_t v1_controllers(const char *super_options)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < CG_CONTROLLERS; i++)
		if (mountinfo_has_option(super_options, names[i].v1))
			bits |= 1u << i;
	return bits;
}

static bool is_usual_place(const char *mount)
{
	return str_starts(mount, "/sys/fs/cgroup");
}

/* The same hierarchy seen before: v2 is one, v1 is told by its device number. */
static struct cg_hierarchy *find_seen(struct cg_tree *tree, const uint32_t *devs, uint32_t dev)
{
	for (size_t i = 0; i < tree->n; i++)
		if (devs[i] == dev)
			return &tree->at[i];
	return NULL;
}

static enum cgroup_mode mode_of(const struct cg_tree *tree)
{
	bool v1 = false, v2 = false;

	for (size_t i = 0; i < tree->n; i++) {
		v1 |= !tree->at[i].v2;
		v2 |= tree->at[i].v2;
	}
	return v1 && v2 ? CGROUP_HYBRID : v2 ? CGROUP_V2 : CGROUP_V1;
}

static int add_mount(struct cg_tree *tree, uint32_t *devs, const struct mountinfo *m,
		     cg_visible_fn *visible, struct err *err)
{
	bool v2 = strcmp(m->type, "cgroup2") == 0;
	struct cg_hierarchy *h = find_seen(tree, devs, m->minor);

	if (!visible(m->target, m->major, m->minor))
		return 0;
	if (h) {
		if (is_usual_place(m->target) && !is_usual_place(h->mount)) {
			free(h->mount);
			h->mount = xstrdup(m->target);
		}
		return 0;
	}
	if (tree->n == CG_TREES_MAX)
		return err_set(err, ERR_EXHAUSTED, "list cgroup mounts: more than %d", CG_TREES_MAX);
	devs[tree->n] = m->minor;
	tree->at[tree->n++] = (struct cg_hierarchy){
		.v2 = v2,
		.controllers = v2 ? 0 : v1_controllers(m->super_options),
		.mount = xstrdup(m->target),
	};
	return 0;
}

int cg_tree_parse(char *text, cg_visible_fn *visible, struct cg_tree *ret, struct err *err)
{
	struct cg_tree tree = { .n = 0 };
	uint32_t devs[CG_TREES_MAX];
	struct mountinfo m;
	int r;

	while ((r = mountinfo_next(&text, &m, err)) > 0) {
		if (strcmp(m.type, "cgroup") != 0 && strcmp(m.type, "cgroup2") != 0)
			continue;
		r = add_mount(&tree, devs, &m, visible, err);
		if (r < 0)
			break;
	}
	if (r == 0 && tree.n == 0)
		r = err_set(err, ERR_UNIMPLEMENTED, "find cgroups: none is mounted");
	if (r < 0) {
		cg_tree_done(&tree);
		return -1;
	}
	tree.mode = mode_of(&tree);
	*ret = tree;
	return 0;
}

/* Another mount on top of it hides a hierarchy, and leaves its line in the list. */
static bool is_visible(const char *target, uint32_t major_nr, uint32_t minor_nr)
{
	struct stat st;

	return stat(target, &st) == 0 && st.st_dev == makedev(major_nr, minor_nr);
}

int cg_tree_read(struct cg_tree *ret, struct err *err)
{
	scoped_free char *text = NULL;

	if (mountinfo_read(&text, err) < 0)
		return -1;
	return cg_tree_parse(text, is_visible, ret, err);
}

void cg_tree_done(struct cg_tree *tree)
{
	for (size_t i = 0; i < tree->n; i++)
		free(tree->at[i].mount);
	*tree = (struct cg_tree){ .n = 0 };
}

int cgroup_mode(enum cgroup_mode *ret, struct err *err)
{
	struct cg_tree tree;

	if (cg_tree_read(&tree, err) < 0)
		return -1;
	*ret = tree.mode;
	cg_tree_done(&tree);
	return 0;
}
