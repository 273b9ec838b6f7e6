/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/stdio/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"

static bool reopen(int fd, int flags)
{
	char path[32];
	int own, r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0)
		return false;
	r = dup3(own, fd, O_CLOEXEC);
	close(own);
	return r >= 0;
}

static enum fdio_kind choose(int fd, int flags)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return FDIO_PLAIN;
	if (S_ISSOCK(st.st_mode))
		return FDIO_SOCKET;
	return reopen(fd, flags) ? FDIO_OWN : FDIO_SHARED;
}

/* Files, /dev/null and their like are refused by epoll: they are always ready. */
static bool probe_epoll(int fd)
{
	scoped_fd int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN };

	return ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0;
}

void fdio_init(struct fdio *f, int fd, int flags)
{
	f->fd = fd;
	f->kind = choose(fd, flags);
	f->can_poll = probe_epoll(fd);
}

static bool is_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, 0) > 0;
}

static ssize_t outcome(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

ssize_t fdio_read(const struct fdio *f, void *data, size_t len)
{
	if (f->kind == FDIO_SOCKET)
		return outcome(recv(f->fd, data, len, MSG_DONTWAIT));
	if (f->kind == FDIO_SHARED && !is_ready(f->fd, POLLIN))
		return -EAGAIN;
	return outcome(read(f->fd, data, len));
}

ssize_t fdio_write(const struct fdio *f, const void *data, size_t len)
{
	if (f->kind == FDIO_SOCKET)
		return outcome(send(f->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL));
	if (f->kind == FDIO_SHARED) {
		if (!is_ready(f->fd, POLLOUT))
			return -EAGAIN;
		len = MIN(len, (size_t)PIPE_BUF); /* what a pipe that polls ready takes whole */
	}
	return outcome(write(f->fd, data, len));
}
