/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stdio/sink.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

static const char *type_name(mode_t mode)
{
	if (S_ISREG(mode))
		return "a regular file";
	if (S_ISDIR(mode))
		return "a directory";
	if (S_ISSOCK(mode))
		return "a socket";
	return S_ISFIFO(mode) ? "a FIFO" : "a device";
}

/* What is behind a descriptor, whatever its path names meanwhile. */
static int reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_NONBLOCK | O_CLOEXEC);
}

int fifo_open(const char *path, int *ret_read_fd, int *ret_write_fd, struct err *err)
{
	scoped_fd int fd = open(path, O_PATH | O_CLOEXEC);
	scoped_fd int read_fd = -1, write_fd = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open stream '%s'", path);
	if (!S_ISFIFO(st.st_mode))
		return err_set(err, ERR_INVALID, "open stream '%s': it is %s, not a FIFO", path,
			       type_name(st.st_mode));
	read_fd = reopen(fd, O_RDONLY);
	write_fd = read_fd < 0 ? -1 : reopen(fd, O_WRONLY); /* there is a reader: ours */
	if (write_fd < 0)
		return err_sys(err, errno, "open stream '%s'", path);
	*ret_read_fd = take_fd(&read_fd);
	*ret_write_fd = take_fd(&write_fd);
	return 0;
}

int sink_open_fifo(struct sink *sink, const char *path, struct err *err)
{
	return fifo_open(path, &sink->own_fd, &sink->fd, err);
}

int sink_open_file(struct sink *sink, const char *path, struct err *err)
{
	scoped_free char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	scoped_fd int fd = -1;
	struct stat st;

	if (dir[0] && dir_make(dir, 0755, err) < 0)
		return err_wrap(err, "open stream '%s'", path);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open stream '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "open stream '%s': it is %s, not a file", path,
			       type_name(st.st_mode));
	sink->fd = take_fd(&fd);
	return 0;
}

/* With no reader of our own. */
static bool is_alone(const struct sink *sink)
{
	struct pollfd pfd = { .fd = sink->fd, .events = POLLOUT };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLERR);
}

bool sink_has_reader(struct sink *sink, struct sink *twin)
{
	bool has_twin = twin && twin->own_fd >= 0;
	bool alone;

	if (sink->own_fd < 0)
		return true;
	close_fd(&sink->own_fd);
	if (has_twin)
		close_fd(&twin->own_fd);
	alone = is_alone(sink);
	/* Without it, out of descriptors, a write may fail: what comes is dropped then. */
	sink->own_fd = reopen(sink->fd, O_RDONLY);
	if (has_twin)
		twin->own_fd = reopen(twin->fd, O_RDONLY);
	return !alone;
}

static void let_go(struct sink *sink)
{
	if (sink->watch_fd >= 0)
		event_del(&sink->watch);
	close_fd(&sink->watch_fd);
	close_fd(&sink->fd);
	close_fd(&sink->own_fd);
}

static void on_opened(evutil_socket_t fd, short what, void *arg)
{
	struct sink *sink = arg;
	char buf[1024];

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	if (!is_alone(sink))
		let_go(sink);
}

static void watch_readers(struct sink *sink, struct event_base *base)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", sink->fd);
	sink->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (sink->watch_fd < 0)
		return; /* a late reader gets the text, and its end with the delete */
	event_assign(&sink->watch, base, sink->watch_fd, EV_READ | EV_PERSIST, on_opened, sink);
	if (inotify_add_watch(sink->watch_fd, path, IN_OPEN) < 0)
		close_fd(&sink->watch_fd);
	else
		event_add(&sink->watch, NULL);
}

void sink_end(struct sink *sink, struct event_base *base)
{
	bool is_fifo = sink->own_fd >= 0;

	if (sink->ended)
		return;
	sink->ended = true;
	close_fd(&sink->own_fd);
	if (is_fifo)
		watch_readers(sink, base); /* before it is looked at, so that none slips through */
	if (!is_fifo || !is_alone(sink))
		let_go(sink);
}

void sink_done(struct sink *sink)
{
	let_go(sink);
	sink->ended = true;
}
