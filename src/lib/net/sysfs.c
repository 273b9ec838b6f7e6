/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/net/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/defs.h"

/* A new instance of a file system, mounted nowhere. */
static int mount_detached(const char *type, struct err *err)
{
	scoped_fd int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID);
	if (fd < 0)
		return err_sys(err, errno, "mount '%s'", type);
	return fd;
}

int netns_sysfs(struct err *err)
{
	return mount_detached("sysfs", err);
}

int open_char_device(dev_t number, struct err *err)
{
	scoped_fd int dir = mount_detached("tmpfs", err);
	int fd;

	if (dir < 0)
		return -1;
	fd = mknodat(dir, "device", S_IFCHR | 0600, number) == 0
		     ? openat(dir, "device", O_RDWR | O_NONBLOCK | O_CLOEXEC)
		     : -1;
	if (fd < 0)
		return err_sys(err, errno, "open character device %u:%u", major(number),
			       minor(number));
	return fd;
}
