/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ttrpc/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

struct address {
	struct sockaddr_un un;
	socklen_t len;
	int dir_fd; /* holds the directory of a long path; -1: none */
};

static void address_done(struct address *a)
{
	close_fd(&a->dir_fd);
}

/* A path that is too long for the address is named by way of its directory's fd. */
static int shorten(struct address *a, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	scoped_free char *dir = NULL;
	int n;

	if (!slash)
		return err_sys(err, ENAMETOOLONG, "name socket '%s'", path);
	dir = xstrndup(path, (size_t)(slash - path) + 1);
	a->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (a->dir_fd < 0)
		return err_sys(err, errno, "open '%s'", dir);
	n = snprintf(a->un.sun_path, sizeof(a->un.sun_path), "/proc/self/fd/%d/%s", a->dir_fd,
		     slash + 1);
	if (n < 0 || (size_t)n >= sizeof(a->un.sun_path)) {
		close_fd(&a->dir_fd);
		return err_sys(err, ENAMETOOLONG, "name socket '%s'", path);
	}
	a->len = sizeof(a->un);
	return 0;
}

static int address_init(struct address *a, const char *path, struct err *err)
{
	size_t len = strlen(path);

	*a = (struct address){ .un.sun_family = AF_UNIX, .dir_fd = -1 };
	if (len == 0)
		return err_set(err, ERR_INVALID, "name socket: empty path");
	if (path[0] != '@' && len >= sizeof(a->un.sun_path))
		return shorten(a, path, err);
	if (len >= sizeof(a->un.sun_path))
		return err_sys(err, ENAMETOOLONG, "name socket '%s'", path);
	memcpy(a->un.sun_path, path, len);
	a->len = sizeof(a->un);
	if (path[0] == '@') {
		a->un.sun_path[0] = '\0';
		/* Every byte counts in an abstract name, so none may follow it. */
		a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	return 0;
}

/* What connect and listen begin with: a socket, and the address that path stands for. */
static int make_socket(int flags, const char *path, struct address *a, struct err *err)
{
	scoped_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		return err_sys(err, errno, "make socket");
	return address_init(a, path, err) < 0 ? -1 : take_fd(&fd);
}

int unix_connect(const char *path, struct err *err)
{
	struct timeval limit = { .tv_sec = UNIX_CONNECT_TIMEOUT_MS / 1000 };
	struct timeval none = { 0 };
	scoped(address_done) struct address a = { .dir_fd = -1 };
	scoped_fd int fd = make_socket(0, path, &a, err);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a.un, a.len) < 0)
		return err_sys(err, errno == EAGAIN ? ETIMEDOUT : errno, "connect '%s'", path);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	return take_fd(&fd);
}

int unix_connect_now(const char *path, struct err *err)
{
	scoped(address_done) struct address a = { .dir_fd = -1 };
	scoped_fd int fd = make_socket(SOCK_NONBLOCK, path, &a, err);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a.un, a.len) == 0)
		return take_fd(&fd);
	if (errno == EAGAIN)
		return err_set(err, ERR_UNAVAILABLE, "connect '%s': too many wait already", path);
	return err_sys(err, errno, "connect '%s'", path);
}

static void remove_old_socket(const char *path)
{
	struct stat st;

	if (path[0] != '@' && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path); /* bind() says what is wrong if it is still there */
}

int unix_listen(const char *path, struct err *err)
{
	scoped(address_done) struct address a = { .dir_fd = -1 };
	scoped_fd int fd = make_socket(SOCK_NONBLOCK, path, &a, err);

	if (fd < 0)
		return -1;
	remove_old_socket(path);
	/* bind() gives the file the mode of the socket, so it is never wider than this. */
	if (fchmod(fd, 0600) < 0)
		return err_sys(err, errno, "set mode of socket '%s'", path);
	if (bind(fd, (struct sockaddr *)&a.un, a.len) < 0)
		return err_sys(err, errno, "bind '%s'", path);
	if (listen(fd, SOMAXCONN) < 0)
		return err_sys(err, errno, "listen on '%s'", path);
	return take_fd(&fd);
}
