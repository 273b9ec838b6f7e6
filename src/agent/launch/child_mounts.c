/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_mounts.c - operations on mounts
 *
 * A mount is made detached (fsmount, open_tree), gets its attributes while nobody can reach
 * it, and is attached to a directory held open (move_mount). So no path of the image is
 * ever handed to the kernel as a string, and there is no moment in which a mount that
 * shall be read-only is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/launch/child_priv.h"
#include "agent/launch/copy_up.h"
#include "agent/launch/in_root.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int set_attributes(int mount_fd, uint64_t set, uint64_t clear, unsigned int flags,
			  struct err *err)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };

	if (!set && !clear)
		return 0;
	if (mount_setattr(mount_fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "set mount attributes");
	return 0;
}

static int set_propagation(int mount_fd, const struct mount_options *o, struct err *err)
{
	for (size_t i = 0; i < o->n_propagation; i++) {
		struct mount_attr attr = { .propagation = o->propagation[i].type };
		unsigned int flags = o->propagation[i].recursive ? AT_RECURSIVE : 0;

		if (mount_setattr(mount_fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) < 0)
			return err_sys(err, errno, "set mount propagation");
	}
	return 0;
}

static int attach(int mount_fd, int target_fd, struct err *err)
{
	if (move_mount(mount_fd, "", target_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(err, errno, "attach");
	return 0;
}

static bool is_on_proc(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == PROC_SUPER_MAGIC;
}

/*
 * The place for a mount. A link in the image may lead into /proc, where a mount would
 * shadow what the kernel says; so it is refused unless the plan allowed that very file.
 */
static int open_target(const struct plan_op *op, struct child *child, bool is_dir, struct err *err)
{
	scoped_fd int fd = -1;

	if (op->number & PLAN_MOUNT_NO_LINK) {
		struct err ignored = ERR_INIT;
		struct stat st;

		fd = open_in_root(child->root_fd, op->dst, O_PATH | O_NOFOLLOW, 0, &ignored);
		if (fd >= 0 && (fstat(fd, &st) < 0 || S_ISLNK(st.st_mode)))
			return err_set(err, ERR_DENIED, "the target is a link");
		close_fd(&fd);
	}
	fd = in_root_make(child->root_fd, op->dst, is_dir, err);
	if (fd < 0)
		return -1;
	if (is_on_proc(fd) && !(op->number & PLAN_MOUNT_ON_PROC))
		return err_set(err, ERR_DENIED, "the target lies in a proc file system");
	return take_fd(&fd);
}

/* ---- file systems ---- */

/* The file system's own words about what it did not like, if it has any. */
static void add_reason(int fs_fd, struct err *err)
{
	char text[128];
	ssize_t n = read(fs_fd, text, sizeof(text) - 1);

	/* Messages come as "e text". */
	if (n <= 2 || text[0] != 'e')
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	err_set(err, err->code, "%s", text + 2);
}

static int configure_one(int fs_fd, const char *param, struct err *err)
{
	const char *equals = strchr(param, '=');
	char key[128];
	size_t n = equals ? (size_t)(equals - param) : strlen(param);
	int r;

	if (n >= sizeof(key))
		return err_sys(err, ENAMETOOLONG, "option '%.64s'", param);
	memcpy(key, param, n);
	key[n] = '\0';
	r = equals ? fsconfig(fs_fd, FSCONFIG_SET_STRING, key, equals + 1, 0)
		   : fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0);
	if (r == 0)
		return 0;
	err_sys(err, errno, "option '%s'", param);
	add_reason(fs_fd, err);
	return -1;
}

static int configure(int fs_fd, const struct plan_op *op, struct err *err)
{
	if (op->src && *op->src && fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", op->src, 0) < 0)
		return err_sys(err, errno, "source '%s'", op->src);
	for (char **flag = op->mount->flags; flag && *flag; flag++)
		if (fsconfig(fs_fd, FSCONFIG_SET_FLAG, *flag, NULL, 0) < 0)
			return err_sys(err, errno, "option '%s'", *flag);
	for (char **param = op->mount->params; param && *param; param++)
		if (configure_one(fs_fd, *param, err) < 0)
			return -1;
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		return 0;
	err_sys(err, errno, "create");
	add_reason(fs_fd, err);
	return -1;
}

static int make_filesystem(const struct plan_op *op, struct err *err)
{
	scoped_fd int fs_fd = fsopen(op->type, FSOPEN_CLOEXEC);
	uint64_t set = op->mount->set | op->mount->rec_set;
	int mount_fd;

	if (fs_fd < 0)
		return err_sys(err, errno, "file system '%s'", op->type);
	if (configure(fs_fd, op, err) < 0)
		return -1;
	mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)set);
	if (mount_fd < 0)
		return err_sys(err, errno, "mount");
	return mount_fd;
}

static int mount_filesystem(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int mount_fd = -1;
	scoped_fd int target = open_target(op, child, true, err);

	if (target < 0)
		return -1;
	mount_fd = make_filesystem(op, err);
	if (mount_fd < 0)
		return -1;
	if (op->mount->copies_up && copy_up(target, mount_fd, err) < 0)
		return err_wrap(err, "copy what is there");
	if (attach(mount_fd, target, err) < 0)
		return -1;
	return set_propagation(mount_fd, op->mount, err);
}

int op_filesystem(const struct plan_op *op, struct child *child, struct err *err)
{
	if (mount_filesystem(op, child, err) < 0)
		return err_wrap(err, "'%s' on '%s'", op->type, op->dst);
	return 0;
}

/* ---- bind mounts ---- */

/*
 * The source is a path of the agent's tree, which no container can change; what is found
 * there is mounted, not read.
 */
static int clone_tree(const char *path, bool recursive, struct err *err)
{
	int fd = open_tree(AT_FDCWD, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u));

	if (fd < 0)
		return err_sys(err, errno, "source '%s'", path);
	return fd;
}

static int bind(const struct plan_op *op, struct child *child, struct err *err)
{
	const struct mount_options *o = op->mount;
	scoped_fd int tree = op->fd >= 0 ? op->fd : clone_tree(op->src, o->is_recursive, err);
	scoped_fd int target = -1;
	struct stat st;

	if (tree < 0)
		return -1;
	if (fstat(tree, &st) < 0)
		return err_sys(err, errno, "stat source '%s'", op->src);
	if (op->number & PLAN_MOUNT_PROC_ONLY && !is_on_proc(tree))
		return err_set(err, ERR_DENIED, "source '%s' is no proc file system", op->src);
	target = open_target(op, child, S_ISDIR(st.st_mode), err);
	if (target < 0)
		return -1;
	if (set_attributes(tree, o->set, o->clear, 0, err) < 0 ||
	    set_attributes(tree, o->rec_set, o->rec_clear, AT_RECURSIVE, err) < 0)
		return -1;
	if (attach(tree, target, err) < 0)
		return -1;
	return set_propagation(tree, o, err);
}

int op_bind(const struct plan_op *op, struct child *child, struct err *err)
{
	if (bind(op, child, err) < 0)
		return err_wrap(err, "'%s' on '%s'", op->src, op->dst);
	return 0;
}

/* ---- the root ---- */

int op_propagation(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	if (mount(NULL, "/", NULL, (unsigned long)op->number, NULL) < 0)
		return err_sys(err, errno, "of '/'");
	return 0;
}

/* Put a mount on the agent's own "/" and have it for root. */
static int cover(int tree, struct err *err)
{
	if (move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(err, errno, "attach to '/'");
	return 0;
}

int op_cover_root(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int tree = clone_tree("/", true, err);

	(void)op;
	(void)child;
	if (tree < 0 || cover(tree, err) < 0)
		return -1;
	if (fchdir(tree) < 0 || chroot(".") < 0)
		return err_sys(err, errno, "change root");
	return 0;
}

/* Where it is attached does not matter: pivot_root() moves it to "/" in the end. */
int op_rootfs(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int tree = op->fd >= 0 ? op->fd : clone_tree(op->src, true, err);

	if (tree < 0 || cover(tree, err) < 0)
		return -1;
	child->root_fd = take_fd(&tree);
	return 0;
}

int op_readonly_root(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	return set_attributes(child->root_fd, MOUNT_ATTR_RDONLY, 0, 0, err);
}

/* As pivot_root(2) shows it: the old root ends up on top of the new one and is taken off. */
int op_pivot(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	if (fchdir(child->root_fd) < 0)
		return err_sys(err, errno, "enter the new root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(err, errno, "change root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(err, errno, "detach the old root");
	if (chdir("/") < 0)
		return err_sys(err, errno, "enter '/'");
	return 0;
}

int op_chroot(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int fd = open(op->src, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fchdir(fd) < 0 || chroot(".") < 0)
		return err_sys(err, errno, "'%s'", op->src);
	child->root_fd = take_fd(&fd);
	return 0;
}

int op_root_propagation(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	if (mount(NULL, "/", NULL, (unsigned long)op->number, NULL) < 0)
		return err_sys(err, errno, "of the container's root");
	return 0;
}

/* ---- restrictions ---- */

/* -1 when there is nothing to restrict; fails with anything but that it is not there. */
static int open_present(const char *dst, struct child *child, int *ret_fd, struct err *err)
{
	struct err missing = ERR_INIT;

	*ret_fd = open_in_root(child->root_fd, dst, O_PATH, 0, &missing);
	if (*ret_fd >= 0 || missing.sys == ENOENT || missing.sys == ENOTDIR)
		return 0;
	*err = missing;
	return -1;
}

int op_readonly_mount(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int fd = open_in_root(child->root_fd, op->dst, O_PATH, 0, err);

	if (fd < 0)
		return -1;
	if (set_attributes(fd, MOUNT_ATTR_RDONLY, 0, 0, err) < 0)
		return err_wrap(err, "'%s'", op->dst);
	return 0;
}

int op_readonly_path(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int target = -1, tree = -1;

	if (open_present(op->dst, child, &target, err) < 0)
		return -1;
	if (target < 0)
		return 0;
	tree = open_tree(target, "",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0)
		return err_sys(err, errno, "'%s'", op->dst);
	if (set_attributes(tree, MOUNT_ATTR_RDONLY, 0, AT_RECURSIVE, err) < 0 ||
	    attach(tree, target, err) < 0)
		return err_wrap(err, "'%s'", op->dst);
	return 0;
}

/* The agent's /dev is its own, so its null is the real one, unlike one in the image. */
static int open_null(struct err *err)
{
	scoped_fd int fd = clone_tree("/dev/null", false, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(err, ERR_INTERNAL, "'/dev/null' is something else");
	return take_fd(&fd);
}

static int open_empty(struct err *err)
{
	static const struct mount_options options = { .set = MOUNT_ATTR_RDONLY };
	static const struct plan_op empty = { .type = "tmpfs", .src = "tmpfs", .mount = &options };

	return make_filesystem(&empty, err);
}

int op_mask(const struct plan_op *op, struct child *child, struct err *err)
{
	scoped_fd int target = -1, cover_fd = -1;
	struct stat st;

	if (open_present(op->dst, child, &target, err) < 0)
		return -1;
	if (target < 0)
		return 0;
	if (fstat(target, &st) < 0)
		return err_sys(err, errno, "stat '%s'", op->dst);
	cover_fd = S_ISDIR(st.st_mode) ? open_empty(err) : open_null(err);
	if (cover_fd < 0 || attach(cover_fd, target, err) < 0)
		return err_wrap(err, "'%s'", op->dst);
	return 0;
}
