/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * fdio.h - never block on a stream that belongs to others too
 *
 * Our standard streams are shared with whoever started us: O_NONBLOCK belongs to the open
 * file description, so setting it would change their end as well. A pipe or terminal is
 * therefore opened anew through /proc/self/fd, which gives us a description of our own. Where
 * that is not possible, poll() is asked first and little is moved at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum fdio_kind {
	FDIO_OWN,    /* a description of our own, non-blocking */
	FDIO_SOCKET, /* asked with MSG_DONTWAIT */
	FDIO_PLAIN,  /* a file: never blocks for long, and cannot be polled */
	FDIO_SHARED, /* poll first */
};

struct fdio {
	int fd; /* the number that was given: the new description takes its place */
	enum fdio_kind kind;
	bool can_poll; /* by epoll */
};

/* flags: O_RDONLY or O_WRONLY. */
void fdio_init(struct fdio *f, int fd, int flags);

/* As read(2) and write(2), with -errno for a failure; -EAGAIN: not now. */
ssize_t fdio_read(const struct fdio *f, void *data, size_t len);
ssize_t fdio_write(const struct fdio *f, const void *data, size_t len);
