/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_setup.c - operations on namespaces and names, before any file of the image
 *
 * /proc is still the agent's own here, so it may be named by string.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/launch/child_priv.h"
#include "agent/launch/report.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"

int op_enter_cgroup(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	if (op->fd >= 0 && write(op->fd, "0", 1) != 1)
		return err_sys(err, errno, "write to the cgroup's tasks");
	return 0;
}

/* Files made from here on belong to the container's root, not to nobody. */
static int become_root(struct err *err)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(err, errno, "become root of the user namespace");
	return 0;
}

int op_join(const struct plan_op *op, struct child *child, struct err *err)
{
	const struct ns_info *ns = &ns_infos[op->number];

	if (setns(op->fd, (int)ns->clone_flag) < 0)
		return err_sys(err, errno, "%s namespace", ns->type);
	if (op->number == NS_USER)
		return become_root(err);
	if (op->number != NS_MOUNT)
		return 0;
	/* Joining one moves us to its root, which paths are opened in from here on. */
	child->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (child->root_fd < 0)
		return err_sys(err, errno, "open '/'");
	return 0;
}

int op_unshare(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	if (unshare((int)op->number) < 0)
		return err_sys(err, errno, "namespaces 0x%llx", (unsigned long long)op->number);
	return 0;
}

int op_wait_mapped(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	if (sync_expect(child->sync_fd, SYNC_MAPPED, err) < 0)
		return -1;
	return become_root(err);
}

int op_session(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	(void)child;
	if (setsid() < 0)
		return err_sys(err, errno, "new session");
	return 0;
}

int op_keyring(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	/* A kernel without keys has none to keep apart. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->src) < 0 && errno != ENOSYS)
		return err_sys(err, errno, "'%s'", op->src);
	return 0;
}

int op_sysctl(const struct plan_op *op, struct child *child, struct err *err)
{
	char path[512];

	(void)child;
	if (op->number & PLAN_SYSCTL_BY_PARENT)
		return 0;
	if (snprintf(path, sizeof(path), "/proc/sys/%s", op->dst) >= (int)sizeof(path))
		return err_sys(err, ENAMETOOLONG, "'%.64s'", op->dst);
	return file_poke(path, op->src, err);
}

int op_hostname(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	if (sethostname(op->src, strlen(op->src)) < 0)
		return err_sys(err, errno, "'%s'", op->src);
	return 0;
}

int op_domainname(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	if (setdomainname(op->src, strlen(op->src)) < 0)
		return err_sys(err, errno, "'%s'", op->src);
	return 0;
}

int op_label(const struct plan_op *op, struct child *child, struct err *err)
{
	char path[64];

	(void)child;
	snprintf(path, sizeof(path), "/proc/self/attr/%s", op->dst);
	return file_poke(path, op->src, err);
}
