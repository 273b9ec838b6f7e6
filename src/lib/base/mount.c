/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/base/defs.h"

int mount_clone(const char *path, uint64_t attributes, bool recursive, mode_t *ret_type,
		struct err *err)
{
	const unsigned int deep = recursive ? AT_RECURSIVE : 0;
	struct mount_attr attr = { .attr_set = attributes, .propagation = MS_PRIVATE };
	scoped_fd int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | deep);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat '%s'", path);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID,
			       "'%s' is neither a directory nor a regular file", path);
	if (mount_setattr(fd, "", AT_EMPTY_PATH | deep, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "set attributes of the mount of '%s'", path);
	if (ret_type)
		*ret_type = st.st_mode & S_IFMT;
	return take_fd(&fd);
}

int mount_attach(int tree_fd, int target_fd, struct err *err)
{
	if (move_mount(tree_fd, "", target_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(err, errno, "attach mount");
	return 0;
}

int mount_remove(const char *path, struct err *err)
{
	/* EINVAL: not a mount point. Detached, so that a busy user cannot keep us. */
	while (umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
		;
	if (errno == EINVAL || errno == ENOENT)
		return 0;
	return err_sys(err, errno, "unmount '%s'", path);
}
