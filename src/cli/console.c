/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/ttrpc/unix.h"

static int send_fd(int socket, int fd, const char *name, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = unconst(name), .iov_len = strlen(name) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(err, errno, "send the terminal") : 0;
}

bool console_own_size(uint32_t *ret_rows, uint32_t *ret_columns)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
		return false;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return true;
}

int console_open(const char *path, unsigned int rows, unsigned int columns, struct err *err)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	scoped_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	scoped_fd int slave = -1, socket = -1;
	char name[64];

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)) != 0)
		return err_sys(err, errno, "make a terminal");
	/* Not by its name: that is in whatever /dev/pts we see. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(err, errno, "open terminal '%s'", name);
	if (rows > 0 && columns > 0)
		(void)ioctl(master, TIOCSWINSZ, &size);
	socket = unix_connect(path, err);
	if (socket < 0 || send_fd(socket, master, name, err) < 0)
		return err_wrap(err, "console socket '%s'", path);
	return take_fd(&slave);
}
