/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/host_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/base/defs.h"

#define BACKLOG 8

static int make_address(const char *dir, const char *name, struct sockaddr_un *ret, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return err_set(err, ERR_INVALID, "socket '%s' in '%s': path over %zu bytes", name,
			       dir, sizeof(addr.sun_path) - 1);
	*ret = addr;
	return 0;
}

int host_sock_listen(const char *dir, const char *name, struct err *err)
{
	scoped_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;

	if (fd < 0)
		return err_sys(err, errno, "make socket '%s'", name);
	if (make_address(dir, name, &addr, err) < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "bind '%s'", addr.sun_path);
	if (chmod(addr.sun_path, 0600) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(err, errno, "listen on '%s'", addr.sun_path);
	return take_fd(&fd);
}

int host_sock_connect(const char *dir, const char *name, struct err *err)
{
	scoped_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	if (fd < 0)
		return err_sys(err, errno, "make socket '%s'", name);
	if (make_address(dir, name, &addr, err) < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "connect '%s'", addr.sun_path);
	return take_fd(&fd);
}
