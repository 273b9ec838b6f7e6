/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "kata-shim/shim.h"

static struct termios before;
static int raw_fd = -1;

/*
 * The guest has the terminal that the program sees; this one only carries bytes. A session
 * leader takes it as its controlling terminal, since SIGWINCH is sent to no other.
 */
void term_raw(int fd)
{
	struct termios raw;

	if (tcgetattr(fd, &before) < 0)
		return;
	if (getsid(0) == getpid())
		(void)ioctl(fd, TIOCSCTTY, 0);
	raw = before;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw) == 0)
		raw_fd = fd;
}

void term_restore(void)
{
	if (raw_fd >= 0)
		(void)tcsetattr(raw_fd, TCSANOW, &before);
	raw_fd = -1;
}

bool term_size(int fd, uint32_t *ret_rows, uint32_t *ret_columns)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
		return false;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return true;
}
