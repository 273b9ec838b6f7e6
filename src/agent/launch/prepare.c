/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* ---- wires ---- */

void wires_done(struct wires *w)
{
	int *all[] = { w->sync, w->report, w->in, w->out, w->errors };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		close_fd(&all[i][0]);
		close_fd(&all[i][1]);
	}
}

/* A pipe whose end `ours` is for the loop; the other is the child's and its user's. */
static int open_stream(int fds[2], int ours, uid_t owner, struct err *err)
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	/* So that the user may open /dev/stdout again, whoever it is. */
	if (owner && fchown(fds[!ours], owner, (gid_t)-1) < 0)
		return err_sys(err, errno, "give a pipe to user %u", owner);
	if (fcntl(fds[ours], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, errno, "make a pipe non-blocking");
	return 0;
}

int wires_open(const struct plan *plan, struct wires *w, struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->sync) < 0)
		return err_sys(err, errno, "make the sync socket");
	if (pipe2(w->report, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make the report pipe");
	if (plan->has_terminal)
		return 0;
	if (open_stream(w->in, 1, plan->stdio_uid, err) < 0 ||
	    open_stream(w->out, 0, plan->stdio_uid, err) < 0)
		return -1;
	return open_stream(w->errors, 0, plan->stdio_uid, err);
}

/* ---- the plan's own ---- */

static int map_ids(const struct plan_op *op, struct err *err)
{
	scoped_fd int user_fd = launch_map_namespace(op->idmap, err);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };

	if (user_fd < 0)
		return -1;
	attr.userns_fd = (uint64_t)user_fd;
	if (mount_setattr(op->fd, "", AT_EMPTY_PATH | (op->idmap->is_recursive ? AT_RECURSIVE : 0u),
			  &attr, sizeof(attr)) == 0)
		return 0;
	if (errno == EINVAL)
		return err_set(err, ERR_UNIMPLEMENTED,
			       "map ids of '%s': its file system cannot be idmapped", op->src);
	return err_sys(err, errno, "map ids of '%s'", op->src);
}

/* The fd of one operation; -1 with errno when it cannot be had. */
static int open_op(const struct plan *plan, const struct plan_op *op, const struct facts *facts,
		   size_t *next_cgroup)
{
	bool recursive = op->kind == PLAN_ROOTFS || (op->mount && op->mount->is_recursive);

	if (op->kind == PLAN_ENTER_CGROUP)
		return fcntl(facts->cgroup_fds[(*next_cgroup)++], F_DUPFD_CLOEXEC, 3);
	if (op->kind == PLAN_JOIN && facts->ns_fd[op->number] >= 0)
		return fcntl(facts->ns_fd[op->number], F_DUPFD_CLOEXEC, 3);
	if (op->kind == PLAN_JOIN)
		return open(plan->ns[op->number].path, O_RDONLY | O_CLOEXEC);
	return open_tree(AT_FDCWD, op->src,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u));
}

static bool needs_fd(const struct plan *plan, const struct plan_op *op)
{
	if (op->kind == PLAN_ENTER_CGROUP || op->kind == PLAN_JOIN || op->idmap)
		return true;
	return plan->opens_binds && (op->kind == PLAN_ROOTFS || op->kind == PLAN_BIND);
}

static const char *object_of(const struct plan *plan, const struct plan_op *op)
{
	const char *object = op->kind == PLAN_JOIN ? plan->ns[op->number].path : op->src;

	return object ? object : "";
}

int plan_open_fds(struct plan *plan, const struct facts *facts, struct err *err)
{
	size_t next_cgroup = 0;

	for (size_t i = 0; i < plan->n_ops; i++) {
		struct plan_op *op = &plan->ops[i];

		if (!needs_fd(plan, op))
			continue;
		op->fd = open_op(plan, op, facts, &next_cgroup);
		if (op->fd < 0)
			return err_sys(err, errno, "%s '%s'", plan_kind_name(op->kind),
				       object_of(plan, op));
		if (op->idmap && map_ids(op, err) < 0)
			return -1;
	}
	return 0;
}

void plan_close_fds(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++)
		close_fd(&plan->ops[i].fd);
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int *plan_list_fds(const struct plan *plan, const struct wires *w, size_t *ret_n)
{
	const int fixed[] = { w->sync[1], w->report[1], w->in[0], w->out[1], w->errors[1] };
	int *fds = xcalloc(plan->n_ops + ARRAY_LEN(fixed), sizeof(*fds));
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (fixed[i] >= 0)
			fds[n++] = fixed[i];
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].fd >= 0)
			fds[n++] = plan->ops[i].fd;
	qsort(fds, n, sizeof(*fds), compare_ints);
	*ret_n = n;
	return fds;
}

/* ---- namespaces that a child can only be born in ---- */

static int own_namespace(enum ns_kind kind, struct err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", ns_infos[kind].file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open '%s'", path) : fd;
}

static int step_into(const struct plan *plan, const struct facts *facts, enum ns_kind kind,
		     struct steps *steps, struct err *err)
{
	const struct plan_ns *ns = &plan->ns[kind];
	scoped_fd int opened = -1;
	int fd = facts->ns_fd[kind];

	if (fd < 0) {
		opened = open(ns->path, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return err_sys(err, errno, "open namespace '%s'", ns->path);
		fd = opened;
	}
	steps->own_fd[kind] = own_namespace(kind, err);
	if (steps->own_fd[kind] < 0)
		return -1;
	if (setns(fd, (int)ns_infos[kind].clone_flag) < 0)
		return err_sys(err, errno, "join %s namespace", ns_infos[kind].type);
	return 0;
}

/* The next child is born into it; its clocks are set before anybody is. */
static int make_time_namespace(const struct plan *plan, struct steps *steps, struct err *err)
{
	steps->own_fd[NS_TIME] = own_namespace(NS_TIME, err);
	if (steps->own_fd[NS_TIME] < 0)
		return -1;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_sys(err, errno, "make time namespace");
	if (!plan->time_offsets)
		return 0;
	return file_poke("/proc/self/timens_offsets", plan->time_offsets, err);
}

int steps_out(const struct plan *plan, const struct facts *facts, struct steps *steps,
	      struct err *err)
{
	for (unsigned int i = 0; i < NS_COUNT; i++)
		steps->own_fd[i] = -1;
	for (unsigned int i = 0; i < NS_COUNT; i++)
		if (plan->ns[i].how == NS_JOIN_FIRST &&
		    step_into(plan, facts, (enum ns_kind)i, steps, err) < 0)
			return -1;
	if (plan->ns[NS_TIME].how == NS_UNSHARE)
		return make_time_namespace(plan, steps, err);
	return 0;
}

int steps_back(struct steps *steps, struct err *err)
{
	int r = 0;

	for (unsigned int i = NS_COUNT; i-- > 0;) {
		if (steps->own_fd[i] >= 0 &&
		    setns(steps->own_fd[i], (int)ns_infos[i].clone_flag) < 0)
			r = err_sys(err, errno, "return to the agent's %s namespace",
				    ns_infos[i].type);
		close_fd(&steps->own_fd[i]);
	}
	return r;
}
