/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_dev.c - directories, device nodes, links and the terminal
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/launch/child_priv.h"
#include "agent/launch/in_root.h"
#include "agent/launch/report.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"

int op_make_dir(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int fd = in_root_make(child->root_fd, op->dst, true, err);

	return fd < 0 ? -1 : 0;
}

/* Is what is there already what is wanted? */
static bool is_node(int dir_fd, const char *name, const struct plan_op *op)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if ((st.st_mode & S_IFMT) != (op->number & S_IFMT))
		return false;
	return S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || st.st_rdev == op->rdev;
}

static int make_node(int dir_fd, const char *name, const struct plan_op *op, struct err *err)
{
	mode_t mode = (mode_t)op->number;

	if (mknodat(dir_fd, name, mode, op->rdev) < 0) {
		if (errno != EEXIST)
			return err_sys(err, errno, "'%s'", op->dst);
		if (is_node(dir_fd, name, op))
			return 0;
		/* The image put something else in the device's place. */
		if (unlinkat(dir_fd, name, 0) < 0 || mknodat(dir_fd, name, mode, op->rdev) < 0)
			return err_sys(err, errno, "'%s'", op->dst);
	}
	/* Acts on the entry itself, so a link swapped in meanwhile leads nowhere. */
	if ((op->uid || op->gid) &&
	    fchownat(dir_fd, name, op->uid, op->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "change owner of '%s'", op->dst);
	return 0;
}

int op_node(const struct plan_op *op, struct child *child, struct err *err)
{
	const char *name;
	scoped_fd int dir = in_root_make_parent(child->root_fd, op->dst, &name, err);

	return dir < 0 ? -1 : make_node(dir, name, op, err);
}

/* In a user namespace: the agent's own node of that name, if it is the same device. */
int op_node_bind(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int tree = open_tree(AT_FDCWD, op->src, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	scoped_fd int target = -1;
	struct stat st;

	if (tree < 0 || fstat(tree, &st) < 0)
		return err_sys(err, errno, "'%s'", op->src);
	if ((st.st_mode & S_IFMT) != (op->number & S_IFMT) || st.st_rdev != op->rdev)
		return err_set(err, ERR_NOT_FOUND, "'%s': the guest has another device there",
			       op->src);
	target = in_root_make(child->root_fd, op->dst, false, err);
	if (target < 0)
		return -1;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(err, errno, "attach '%s'", op->dst);
	return 0;
}

static int make_link(const struct plan_op *op, struct child *child, bool replace, struct err *err)
{
	const char *name;
	scoped_fd int dir = in_root_make_parent(child->root_fd, op->dst, &name, err);

	if (dir < 0)
		return -1;
	if (replace && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove '%s'", op->dst);
	if (symlinkat(op->src, dir, name) < 0 && (replace || errno != EEXIST))
		return err_sys(err, errno, "'%s' to '%s'", op->dst, op->src);
	return 0;
}

int op_link(const struct plan_op *op, struct child *child, struct err *err)
{
	return make_link(op, child, false, err);
}

int op_relink(const struct plan_op *op, struct child *child, struct err *err)
{
	return make_link(op, child, true, err);
}

/* ---- terminal ---- */

static bool is_devpts(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == DEVPTS_SUPER_MAGIC;
}

/*
 * The multiplexer of the container's own devpts. It is opened only once the directory is
 * known to be a devpts, and used only once it is known to be the multiplexer: the image
 * could have put a FIFO or another device in its place.
 */
static int open_multiplexer(struct child *child, struct err *err)
{
	scoped_fd int dir = open_in_root(child->root_fd, "/dev/pts", O_PATH | O_DIRECTORY, 0, err);
	scoped_fd int fd = -1;
	struct stat st;

	if (dir < 0)
		return -1;
	if (!is_devpts(dir))
		return err_set(err, ERR_INVALID, "'/dev/pts' is no devpts");
	fd = open_beneath(dir, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0, err);
	if (fd < 0)
		return -1;
	if (!is_devpts(fd) || fstat(fd, &st) < 0 || st.st_rdev != makedev(5, 2))
		return err_set(err, ERR_DENIED, "'/dev/pts/ptmx' is something else");
	return take_fd(&fd);
}

int op_terminal(const struct plan_op *op, struct child *child, struct err *err)
{
	struct winsize size = { .ws_col = (unsigned short)(op->number >> 16),
				.ws_row = (unsigned short)op->number };
	scoped_fd int master = open_multiplexer(child, err);
	int locked = 0;

	if (master < 0)
		return -1;
	if (ioctl(master, TIOCSPTLCK, &locked) < 0)
		return err_sys(err, errno, "unlock");
	/* By descriptor: the name of the other side would be looked up in the image. */
	child->tty_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (child->tty_fd < 0)
		return err_sys(err, errno, "open the other side");
	if (op->number && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_sys(err, errno, "set size");
	if (fchown(child->tty_fd, op->uid, (gid_t)-1) < 0)
		return err_sys(err, errno, "change owner");
	return sync_send(child->sync_fd, SYNC_TERMINAL, master, err);
}

int op_console(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int tree =
		open_tree(child->tty_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	scoped_fd int target = -1;

	if (tree < 0)
		return err_sys(err, errno, "clone the terminal");
	target = in_root_make(child->root_fd, op->dst, false, err);
	if (target < 0)
		return -1;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(err, errno, "attach '%s'", op->dst);
	return 0;
}
