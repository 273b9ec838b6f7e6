/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_mounts.c - mounts, devices, links, masked and read-only paths
 *
 * Spec: OCI runtime-spec 1.2, config.md "Mounts", config-linux.md "Default Filesystems",
 *       "Devices", "Default Devices", runtime-linux.md "Dev symbolic links"
 */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/launch/plan_priv.h"
#include "lib/base/mem.h"

/*
 * What may be bound over a file of /proc. Source: Kata's list (docs/Limitations.md of 3.x)
 * with the two of runc that tools such as lxcfs use.
 */
static const char *const proc_files[] = {
	"cpuinfo",  "diskstats", "loadavg", "meminfo", "net/dev",
	"slabinfo", "stat",      "swaps",   "uptime",
};

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool is_proc_file(const char *dst)
{
	for (size_t i = 0; i < ARRAY_LEN(proc_files); i++)
		if (strcmp(dst + strlen("/proc/"), proc_files[i]) == 0)
			return true;
	return false;
}

/* A mount that hides a part of /proc would fool whoever reads or writes it there. */
static int check_proc(const char *type, const char *src, const char *dst, bool is_bind,
		      uint64_t *flags, struct err *err)
{
	if (!is_bind && (strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0))
		*flags |= PLAN_MOUNT_NO_LINK;
	if (strcmp(dst, "/proc") == 0) {
		if (is_bind && strcmp(src, "/proc") == 0)
			*flags |= PLAN_MOUNT_PROC_ONLY | PLAN_MOUNT_NO_LINK;
		else if (is_bind || strcmp(type, "proc") != 0)
			return err_set(err, ERR_INVALID,
				       "mount on '/proc': only a proc file system may be there");
	}
	if (is_below(dst, "/proc")) {
		if (!is_bind || !is_proc_file(dst))
			return err_set(err, ERR_INVALID, "mount on '%s': not allowed in /proc",
				       dst);
		*flags |= PLAN_MOUNT_ON_PROC;
	}
	return 0;
}

/* ---- mounts ---- */

/* Takes the vectors in o. */
static const struct mount_options *own_options(struct plan *plan, struct mount_options *o)
{
	struct mount_options *copy = plan_own(plan, xnew(struct mount_options));

	*copy = *o;
	*o = (struct mount_options){ 0 };
	return copy;
}

static int add_mount(struct plan *plan, struct plan_op want, struct mount_options *options,
		     struct err *err)
{
	struct plan_op *op = plan_add(plan, want.kind, err);

	if (!op)
		return -1;
	*op = want;
	op->fd = -1;
	op->mount = own_options(plan, options);
	return 0;
}

/*
 * Things are still made in a /dev or in a tmpfs that carries other mounts, so it becomes
 * read-only when all is there.
 */
static bool is_filled_later(const Grpc__Spec *spec, size_t at, const char *dst, const char *type)
{
	if (strcmp(dst, "/dev") == 0)
		return true;
	if (strcmp(type, "tmpfs") != 0)
		return false;
	for (size_t i = at + 1; i < spec->n_mounts; i++)
		if (is_below(spec->mounts[i]->destination, dst))
			return true;
	return false;
}

static void strip_readonly(struct mount_options *o)
{
	o->set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	o->rec_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	for (size_t i = 0; o->flags && o->flags[i]; i++) {
		if (strcmp(o->flags[i], "ro") != 0)
			continue;
		free(o->flags[i]);
		for (size_t j = i; o->flags[j]; j++)
			o->flags[j] = o->flags[j + 1];
		i--;
	}
}

static bool is_readonly(const struct mount_options *o)
{
	return (o->set | o->rec_set) & MOUNT_ATTR_RDONLY;
}

struct mount_plan {
	struct plan_build *b;
	const char **later; /* mounts that become read-only at the end; strings of the plan */
	size_t n_later;
};

static void make_readonly_later(struct mount_plan *m, struct mount_options *o, const char *dst)
{
	strip_readonly(o);
	m->later = xrealloc(m->later, m->n_later + 1, sizeof(*m->later));
	m->later[m->n_later++] = dst;
}

static int add_bind(struct plan *plan, const char *src, const char *dst, struct mount_options *o,
		    struct err *err)
{
	o->is_bind = true;
	return add_mount(plan, (struct plan_op){ .kind = PLAN_BIND, .src = src, .dst = dst }, o,
			 err);
}

static int add_tmpfs(struct plan *plan, const char *dst, struct mount_options *o, struct err *err)
{
	const struct plan_op op = {
		.kind = PLAN_FILESYSTEM, .src = "tmpfs", .dst = dst, .type = "tmpfs"
	};

	return add_mount(plan, op, o, err);
}

/* "cpu,cpuacct" is known by either name, too. */
static int add_controller_links(struct plan *plan, const char *dst, const char *name,
				struct err *err)
{
	if (!strchr(name, ','))
		return 0;
	for (const char *at = name; *at;) {
		size_t n = strcspn(at, ",");
		const char *link = plan_own(plan, xasprintf("%s/%.*s", dst, (int)n, at));

		if (plan_add_paths(plan, PLAN_LINK, name, link, err) < 0)
			return -1;
		at += n + (at[n] == ',');
	}
	return 0;
}

/*
 * A container of a v2 guest sees its own group, one of a v1 guest its own group under each
 * controller. Binding serves with and without a cgroup namespace.
 */
static int add_cgroup1(struct mount_plan *m, const char *dst, const struct mount_options *given,
		       struct err *err)
{
	const struct plan_facts *facts = m->b->facts;
	struct plan *plan = m->b->plan;
	struct mount_options base = { .set = given->set, .clear = given->clear };

	strv_add(&base.params, "mode=755");
	if (is_readonly(given))
		make_readonly_later(m, &base, dst);
	if (add_tmpfs(plan, dst, &base, err) < 0)
		return -1;
	for (size_t i = 0; i < facts->n_controllers; i++) {
		const struct plan_controller *c = &facts->controllers[i];
		const char *place = plan_own(plan, xasprintf("%s/%s", dst, c->name));
		struct mount_options own = { .set = given->set, .clear = given->clear };

		if (add_bind(plan, c->dir, place, &own, err) < 0 ||
		    add_controller_links(plan, dst, c->name, err) < 0)
			return -1;
	}
	return 0;
}

static int add_cgroup(struct mount_plan *m, const char *dst, struct mount_options *o,
		      struct err *err)
{
	const struct plan_facts *facts = m->b->facts;
	struct mount_options own = { .set = o->set, .clear = o->clear };
	struct plan *plan = m->b->plan;

	if (!facts->has_cgroup) {
		str_addf(&plan->warnings, "mount on '%s': the container has no cgroup\n", dst);
		return 0;
	}
	if (!facts->cgroup2_dir)
		return add_cgroup1(m, dst, o, err);
	return add_bind(plan, facts->cgroup2_dir, dst, &own, err);
}

/*
 * A sysfs shows a network, and only who owns that may mount one. Source: fs/sysfs/mount.c. The
 * agent's shows the same network.
 */
static bool has_foreign_network(const struct plan *plan)
{
	return plan->ns[NS_USER].how == NS_CLONE && plan->ns[NS_NET].how == NS_KEEP;
}

static int add_sysfs(struct plan *plan, const char *dst, struct mount_options *o, struct err *err)
{
	struct mount_options own = { .set = o->set, .clear = o->clear };

	return add_bind(plan, "/sys", dst, &own, err);
}

/* The mount's own maps, or those of the container's user namespace. */
static int plan_idmap(struct plan_build *b, const Grpc__Mount *mount, const struct mount_options *o,
		      bool is_bind, const struct plan_idmap **ret, struct err *err)
{
	struct plan_idmap *map;

	if (!o->is_idmapped && !mount->n_uidmappings && !mount->n_gidmappings)
		return 0;
	if (!is_bind)
		return err_set(err, ERR_UNIMPLEMENTED, "idmapped mount of type '%s'", mount->type);
	if (!mount->n_uidmappings != !mount->n_gidmappings)
		return err_set(err, ERR_INVALID, "idmapped mount with one kind of mappings only");
	if (!mount->n_uidmappings && !b->plan->uid_map)
		return err_set(err, ERR_INVALID, "idmapped mount without mappings");
	map = plan_own(b->plan, xnew(struct plan_idmap));
	map->is_recursive = o->is_idmapped_recursive;
	map->uid_map = b->plan->uid_map;
	map->gid_map = b->plan->gid_map;
	if (mount->n_uidmappings) {
		map->uid_map =
			plan_own(b->plan, plan_id_map(mount->uidmappings, mount->n_uidmappings));
		map->gid_map =
			plan_own(b->plan, plan_id_map(mount->gidmappings, mount->n_gidmappings));
	}
	*ret = map;
	return 0;
}

static int plan_one_mount(struct mount_plan *m, size_t at, struct mount_options *o, struct err *err)
{
	const Grpc__Mount *mount = m->b->spec->mounts[at];
	struct plan *plan = m->b->plan;
	const char *dst = plan_clean_path(plan, mount->destination);
	bool is_bind = o->is_bind || strcmp(mount->type, "bind") == 0;
	struct plan_op op = { .kind = is_bind ? PLAN_BIND : PLAN_FILESYSTEM,
			      .src = mount->source,
			      .dst = dst,
			      .type = mount->type };

	if (strcmp(dst, "/") == 0)
		return err_set(err, ERR_INVALID,
			       "mount on '/': the root is not a mount of the spec");
	if (o->is_remount)
		return err_set(err, ERR_UNIMPLEMENTED, "mount on '%s': option 'remount'", dst);
	if (plan_idmap(m->b, mount, o, is_bind, &op.idmap, err) < 0)
		return err_wrap(err, "mount on '%s'", dst);
	if (!is_bind && strcmp(mount->type, "cgroup") == 0)
		return add_cgroup(m, dst, o, err);
	if (!is_bind && strcmp(mount->type, "cgroup2") == 0 && m->b->facts->cgroup2_dir)
		return add_cgroup(m, dst, o, err);
	if (!is_bind && strcmp(mount->type, "sysfs") == 0 && has_foreign_network(plan))
		return add_sysfs(plan, dst, o, err);
	if (is_bind && mount->source[0] != '/')
		return err_set(err, ERR_INVALID, "mount on '%s': source '%s' is not absolute", dst,
			       mount->source);
	if (!is_bind && !plan_is_given(mount->type))
		return err_set(err, ERR_INVALID, "mount on '%s': no type", dst);
	if (o->copies_up && (is_bind || strcmp(mount->type, "tmpfs") != 0))
		return err_set(err, ERR_INVALID, "mount on '%s': tmpcopyup needs a tmpfs", dst);
	if (check_proc(mount->type, mount->source, dst, is_bind, &op.number, err) < 0)
		return -1;
	if (is_bind && !o->is_bind)
		o->is_bind = o->is_recursive = true;
	if (!is_bind && is_readonly(o) && is_filled_later(m->b->spec, at, dst, mount->type))
		make_readonly_later(m, o, dst);
	return add_mount(plan, op, o, err);
}

static int plan_mounts(struct mount_plan *m, struct err *err)
{
	for (size_t i = 0; i < m->b->spec->n_mounts; i++) {
		const Grpc__Mount *mount = m->b->spec->mounts[i];
		struct mount_options o = { 0 };
		int r;

		if (mount_options_parse(mount->options, mount->n_options, &o, err) < 0)
			return err_wrap(err, "mount on '%s'", mount->destination);
		r = plan_one_mount(m, i, &o, err);
		mount_options_done(&o);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* ---- /dev ---- */

struct node {
	const char *path;
	mode_t mode;
	dev_t rdev;
	uid_t uid;
	gid_t gid;
};

/* Source: OCI runtime-spec, "Default Devices"; numbers in the kernel's devices.txt */
static const struct {
	const char *path;
	unsigned int major, minor;
} default_nodes[] = {
	{ "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const struct {
	const char *path, *target;
} default_links[] = {
	{ "/dev/fd", "/proc/self/fd" },       { "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/core", "/proc/kcore" },
};

/* A bound /dev comes with what is in it. */
static bool owns_dev(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].kind == PLAN_BIND && strcmp(plan->ops[i].dst, "/dev") == 0)
			return false;
	return true;
}

static int add_node(struct plan_build *b, const struct node *n, struct err *err)
{
	/* The kernel lets nobody in a user namespace make device nodes; FIFOs are fine. */
	bool must_bind = b->plan->uid_map && !S_ISFIFO(n->mode);
	struct plan_op *op = plan_add(b->plan, must_bind ? PLAN_NODE_BIND : PLAN_NODE, err);

	if (!op)
		return -1;
	op->src = must_bind ? n->path : NULL;
	op->dst = n->path;
	op->number = n->mode;
	op->rdev = n->rdev;
	op->uid = n->uid;
	op->gid = n->gid;
	return 0;
}

static int device_mode(const Grpc__LinuxDevice *device, mode_t *ret, struct err *err)
{
	mode_t mode = device->filemode ? device->filemode & 07777 : 0666;

	if (strcmp(device->type, "c") == 0 || strcmp(device->type, "u") == 0)
		mode |= S_IFCHR;
	else if (strcmp(device->type, "b") == 0)
		mode |= S_IFBLK;
	else if (strcmp(device->type, "p") == 0)
		mode |= S_IFIFO;
	else
		return err_set(err, ERR_INVALID, "device '%s': unknown type '%s'", device->path,
			       device->type);
	*ret = mode;
	return 0;
}

static bool spec_has_device(const Grpc__Spec *spec, const char *path)
{
	for (size_t i = 0; spec->linux && i < spec->linux->n_devices; i++)
		if (strcmp(spec->linux->devices[i]->path, path) == 0)
			return true;
	return false;
}

static int plan_spec_devices(struct plan_build *b, struct err *err)
{
	const Grpc__Linux *linux_spec = b->spec->linux;

	for (size_t i = 0; linux_spec && i < linux_spec->n_devices; i++) {
		const Grpc__LinuxDevice *device = linux_spec->devices[i];
		struct node n = { .uid = device->uid, .gid = device->gid };

		if (device->path[0] != '/')
			return err_set(err, ERR_INVALID, "device '%s': path is not absolute",
				       device->path);
		/* The terminal's multiplexer is the container's own, see below. */
		n.path = plan_clean_path(b->plan, device->path);
		if (strcmp(n.path, "/dev/ptmx") == 0 || strcmp(n.path, "/dev/console") == 0)
			continue;
		if (device_mode(device, &n.mode, err) < 0)
			return -1;
		n.rdev = makedev((unsigned int)device->major, (unsigned int)device->minor);
		if (add_node(b, &n, err) < 0)
			return -1;
	}
	return 0;
}

static int plan_dev(struct plan_build *b, struct err *err)
{
	if (!owns_dev(b->plan))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(default_nodes); i++) {
		struct node n = { .path = default_nodes[i].path,
				  .mode = S_IFCHR | 0666,
				  .rdev = makedev(default_nodes[i].major, default_nodes[i].minor) };

		if (!spec_has_device(b->spec, n.path) && add_node(b, &n, err) < 0)
			return -1;
	}
	if (plan_spec_devices(b, err) < 0)
		return -1;
	if (plan_add_paths(b->plan, PLAN_RELINK, "pts/ptmx", "/dev/ptmx", err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(default_links); i++)
		if (plan_add_paths(b->plan, PLAN_LINK, default_links[i].target,
				   default_links[i].path, err) < 0)
			return -1;
	return 0;
}

/* ---- together ---- */

static int plan_cwd(struct plan_build *b, struct err *err)
{
	struct plan_op *op;

	if (b->process->cwd[0] != '/')
		return err_set(err, ERR_INVALID, "process.cwd '%s' is not absolute",
			       b->process->cwd);
	op = plan_add(b->plan, PLAN_MAKE_DIR, err);
	if (!op)
		return -1;
	op->dst = plan_clean_path(b->plan, b->process->cwd);
	op->number = 0755;
	return 0;
}

int plan_filesystem(struct plan_build *b, struct err *err)
{
	struct mount_plan m = { .b = b };
	int r = plan_mounts(&m, err);

	if (r == 0)
		r = plan_dev(b, err);
	if (r == 0)
		r = plan_cwd(b, err);
	if (r == 0 && b->process->terminal && owns_dev(b->plan)) {
		/* Its place has to be there before /dev may become read-only. */
		struct plan_op *op = plan_add(b->plan, PLAN_NODE, err);

		r = op ? 0 : -1;
		if (op) {
			op->dst = "/dev/console";
			op->number = S_IFREG | 0600;
		}
	}
	for (size_t i = 0; r == 0 && i < m.n_later; i++)
		r = plan_add_paths(b->plan, PLAN_READONLY_MOUNT, NULL, m.later[i], err);
	free(m.later);
	return r;
}

int plan_restrictions(struct plan_build *b, struct err *err)
{
	const Grpc__Linux *linux_spec = b->spec->linux;

	for (size_t i = 0; linux_spec && i < linux_spec->n_readonlypaths; i++)
		if (plan_add_paths(b->plan, PLAN_READONLY_PATH, NULL, linux_spec->readonlypaths[i],
				   err) < 0)
			return -1;
	for (size_t i = 0; linux_spec && i < linux_spec->n_maskedpaths; i++)
		if (plan_add_paths(b->plan, PLAN_MASK, NULL, linux_spec->maskedpaths[i], err) < 0)
			return -1;
	return 0;
}
