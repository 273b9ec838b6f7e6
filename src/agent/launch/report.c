/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch/report.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/defs.h"

/* One frame; both ends are the same binary, so layout is no question. */
struct sync_frame {
	uint32_t point;
};

union fd_message {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

const char *sync_point_name(enum sync_point point)
{
	switch (point) {
	case SYNC_MAPPED:
		return "mapped";
	case SYNC_TERMINAL:
		return "terminal";
	case SYNC_READY:
		return "ready";
	case SYNC_GO:
		return "go";
	}
	return "unknown";
}

int sync_send(int sync_fd, enum sync_point point, int fd, struct err *err)
{
	struct sync_frame frame = { .point = point };
	struct iovec iov = { .iov_base = &frame, .iov_len = sizeof(frame) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_message control = { 0 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *head;

		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sync_fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "send sync point '%s'", sync_point_name(point));
	return 0;
}

int sync_receive(int sync_fd, enum sync_point *ret, int *ret_fd, struct err *err)
{
	struct sync_frame frame = { 0 };
	struct iovec iov = { .iov_base = &frame, .iov_len = sizeof(frame) };
	union fd_message control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };
	scoped_fd int fd = -1;
	struct cmsghdr *head;
	ssize_t n;

	do
		n = recvmsg(sync_fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "receive sync point");
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	if (n == 0)
		return err_set(err, ERR_UNAVAILABLE, "receive sync point: the other side is gone");
	if (n != (ssize_t)sizeof(frame))
		return err_set(err, ERR_INTERNAL, "receive sync point: %zd bytes", n);
	*ret = (enum sync_point)frame.point;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}

int sync_expect(int sync_fd, enum sync_point want, struct err *err)
{
	enum sync_point got;

	if (sync_receive(sync_fd, &got, NULL, err) < 0)
		return err_wrap(err, "wait for '%s'", sync_point_name(want));
	if (got != want)
		return err_set(err, ERR_INTERNAL, "wait for '%s': got '%s'", sync_point_name(want),
			       sync_point_name(got));
	return 0;
}

_Noreturn void report_failure(int report_fd, const struct err *err)
{
	ssize_t n;

	/* One write below PIPE_BUF is whole or not at all. */
	do
		n = write(report_fd, err, sizeof(*err));
	while (n < 0 && errno == EINTR);
	_exit(n == (ssize_t)sizeof(*err) ? 1 : 2);
}

int report_read(int report_fd, struct err *err)
{
	struct err got = ERR_INIT;
	ssize_t n;

	do
		n = read(report_fd, &got, sizeof(got));
	while (n < 0 && errno == EINTR);

	if (n == 0)
		return 0;
	if (n < 0)
		return err_sys(err, errno, "read launch report");
	if (n != (ssize_t)sizeof(got))
		return err_set(err, ERR_INTERNAL, "launch report cut short at %zd bytes", n);

	*err = got;
	err->text[sizeof(err->text) - 1] = '\0';
	return -1;
}
