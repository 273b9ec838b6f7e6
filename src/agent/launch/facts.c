/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/launch/caps.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define PROC_TEXT_MAX (1u << 20)

/* ---- namespaces ---- */

static int open_ns(pid_t pid, enum ns_kind kind, int *ret_fd, struct stat *ret, struct err *err)
{
	char path[64];
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns_infos[kind].file);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns_infos[kind].file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	if (fstat(fd, ret) < 0) {
		close(fd);
		return err_sys(err, errno, "stat '%s'", path);
	}
	*ret_fd = fd;
	return 0;
}

/* The namespaces of the container that differ from ours; joining one's own can fail. */
static int open_exec_namespaces(pid_t init_pid, struct facts *f, struct err *err)
{
	for (unsigned int i = 0; i < NS_COUNT; i++) {
		scoped_fd int own_fd = -1, fd = -1;
		struct err missing = ERR_INIT;
		struct stat own, its;

		/* A kernel without this type has nothing to join. */
		if (open_ns(0, (enum ns_kind)i, &own_fd, &own, &missing) < 0)
			continue;
		if (open_ns(init_pid, (enum ns_kind)i, &fd, &its, &missing) < 0) {
			/* Its entry is there until it is reaped, its namespaces are not. */
			if (missing.code == ERR_NOT_FOUND)
				return err_set(err, ERR_STATE,
					       "the container's first process has ended");
			*err = missing;
			return -1;
		}
		if (own.st_ino != its.st_ino || own.st_dev != its.st_dev)
			f->ns_fd[i] = take_fd(&fd);
	}
	return 0;
}

static int take_copy(int fd, int *ret, struct err *err)
{
	if (fd < 0)
		return 0;
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret < 0 ? err_sys(err, errno, "copy a namespace's file") : 0;
}

static int open_namespaces(const struct launch_context *ctx, struct facts *f, struct err *err)
{
	if (ctx->init_pid)
		return open_exec_namespaces(ctx->init_pid, f, err);
	if (take_copy(ctx->ipc_ns_fd, &f->ns_fd[NS_IPC], err) < 0 ||
	    take_copy(ctx->uts_ns_fd, &f->ns_fd[NS_UTS], err) < 0)
		return -1;
	return take_copy(ctx->pid_ns_fd, &f->ns_fd[NS_PID], err);
}

int facts_host_uid(pid_t init_pid, uid_t uid, uid_t *ret, struct err *err)
{
	scoped_free char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)init_pid);
	if (file_read(path, PROC_TEXT_MAX, &text, NULL, err) < 0)
		return -1;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		unsigned int inside, outside, count;

		line += *line == '\n';
		if (sscanf(line, "%u %u %u", &inside, &outside, &count) != 3 || uid < inside ||
		    uid - inside >= count)
			continue;
		*ret = outside + (uid - inside);
		return 0;
	}
	return err_set(err, ERR_INVALID, "user %u is not mapped in the container", uid);
}

/* ---- the machine ---- */

/* A mount without a parent is its own in mountinfo: "ID PARENT ..." with both the same. */
int facts_root_is_initramfs(bool *ret, struct err *err)
{
	scoped_free char *text = NULL;
	struct statx root;

	if (statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &root) < 0)
		return err_sys(err, errno, "stat '/'");
	if (file_read("/proc/self/mountinfo", PROC_TEXT_MAX, &text, NULL, err) < 0)
		return -1;
	*ret = false;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		unsigned long long id, parent;

		line += *line == '\n';
		if (sscanf(line, "%llu %llu", &id, &parent) == 2 && id == root.stx_mnt_id)
			*ret = id == parent;
	}
	return 0;
}

static void read_lsm(struct plan_facts *f)
{
	struct err ignored = ERR_INIT;
	scoped_free char *text = NULL;

	/* The file is missing with the file system: no module, or none we could talk to. */
	if (file_read("/sys/kernel/security/lsm", 4096, &text, NULL, &ignored) < 0)
		return;
	f->has_apparmor = strstr(text, "apparmor") != NULL;
	f->has_selinux = strstr(text, "selinux") != NULL;
}

/* ---- the control group ---- */

/*
 * The files to enter by are "<mount point>/<controllers>/<group>/tasks", so they
 * tell as well what the container is to see.
 */
static int read_controller(struct facts *f, int fd, struct err *err)
{
	static const char mount_point[] = "/sys/fs/cgroup/";
	struct plan_controller *c = &f->controllers[f->plan.n_controllers];
	char link[64], path[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(err, errno, "read '%s'", link);
	path[n] = '\0';
	if (strncmp(path, mount_point, strlen(mount_point)) != 0)
		return err_set(err, ERR_INTERNAL, "control group '%s' is not below '%s'", path,
			       mount_point);
	*strrchr(path, '/') = '\0';
	name = path + strlen(mount_point);
	c->dir = f->controller_dirs[f->plan.n_controllers] = xstrdup(path);
	c->name = f->controller_names[f->plan.n_controllers] = xstrndup(name, strcspn(name, "/"));
	f->plan.n_controllers++;
	return 0;
}

static int read_cgroup2(struct facts *f, struct err *err)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", f->cgroup_dir_fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(err, errno, "read '%s'", link);
	path[n] = '\0';
	f->cgroup2_dir = xstrdup(path);
	f->plan.cgroup2_dir = f->cgroup2_dir;
	return 0;
}

static int read_cgroup(struct cgroup *cg, struct facts *f, struct err *err)
{
	if (!cg)
		return 0;
	f->plan.has_cgroup = true;
	if (cgroup_enter_fds(cg, f->cgroup_fds, &f->n_cgroup_fds, err) < 0)
		return -1;
	f->cgroup_dir_fd = cgroup_dir_fd(cg);
	/* Beside version 1 it limits nothing, and is not what the container is to see. */
	if (f->n_cgroup_fds == 0 && f->cgroup_dir_fd >= 0)
		return read_cgroup2(f, err);
	f->plan.n_cgroup_fds = f->n_cgroup_fds;
	f->plan.controllers = f->controllers;
	for (size_t i = 0; i < f->n_cgroup_fds; i++)
		if (read_controller(f, f->cgroup_fds[i], err) < 0)
			return -1;
	return 0;
}

/* ---- together ---- */

int facts_read(const struct launch_context *ctx, struct facts *ret, struct err *err)
{
	struct facts *f = ret;

	*f = (struct facts){ .cgroup_dir_fd = -1 };
	for (unsigned int i = 0; i < NS_COUNT; i++)
		f->ns_fd[i] = -1;
	f->plan.container_id = ctx->container_id;
	f->plan.rootfs = ctx->rootfs;
	f->plan.is_exec = ctx->init_pid != 0;
	f->plan.last_cap = caps_last();
	f->plan.own_caps = caps_own();
	read_lsm(&f->plan);
	if (facts_root_is_initramfs(&f->plan.root_is_initramfs, err) < 0 ||
	    open_namespaces(ctx, f, err) < 0 || read_cgroup(ctx->cgroup, f, err) < 0) {
		facts_done(f);
		return -1;
	}
	for (unsigned int i = 0; i < NS_COUNT; i++)
		f->plan.has_ns_fd[i] = f->ns_fd[i] >= 0;
	return 0;
}

void facts_done(struct facts *f)
{
	for (unsigned int i = 0; i < NS_COUNT; i++)
		close_fd(&f->ns_fd[i]);
	for (size_t i = 0; i < f->n_cgroup_fds; i++)
		close_fd(&f->cgroup_fds[i]);
	for (size_t i = 0; i < f->plan.n_controllers; i++) {
		free(f->controller_dirs[i]);
		free(f->controller_names[i]);
	}
	free(f->cgroup2_dir);
	f->n_cgroup_fds = 0;
	f->plan.n_controllers = 0;
	f->cgroup2_dir = NULL;
}
