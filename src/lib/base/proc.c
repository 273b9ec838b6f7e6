/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"

/* Field n (from 1) of /proc/PID/stat, for n > 2; the name in field 2 may hold blanks. */
static const char *stat_field(const char *stat, unsigned int n)
{
	const char *at = strrchr(stat, ')');

	for (unsigned int field = 2; at && field < n; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	return at;
}

static int read_stat(pid_t pid, char *ret_state, uint64_t *ret_ticks, struct err *err)
{
	scoped_free char *text = NULL;
	const char *state, *start;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(path, 4096, &text, NULL, err) < 0)
		return -1;
	state = stat_field(text, 3);
	start = stat_field(text, 22);
	if (!state || !start)
		return err_set(err, ERR_INTERNAL, "read '%s': not understood", path);
	*ret_state = *state;
	*ret_ticks = strtoull(start, NULL, 10);
	return 0;
}

int proc_start_time(pid_t pid, uint64_t *ret_ticks, struct err *err)
{
	char state;

	return read_stat(pid, &state, ret_ticks, err);
}

int proc_open(pid_t pid, uint64_t start_ticks, struct err *err)
{
	scoped_fd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t ticks;
	char state;

	if (fd < 0)
		return err_sys(err, errno, "open process %d", (int)pid);
	/* The pidfd is held already, so what is read next is about the same process. */
	if (read_stat(pid, &state, &ticks, err) < 0)
		return -1;
	if (ticks != start_ticks || state == 'Z' || state == 'X')
		return err_set(err, ERR_NOT_FOUND, "open process %d: it has ended", (int)pid);
	return take_fd(&fd);
}

int proc_signal(int pidfd, int sig, struct err *err)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0)
		return err_sys(err, errno, "send signal %d", sig);
	return 0;
}

int proc_kill_wait(int pidfd, uint32_t timeout_ms, struct err *err)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	struct err ignored = ERR_INIT;
	int r;

	if (proc_signal(pidfd, SIGKILL, &ignored) < 0 && ignored.sys != ESRCH) {
		*err = ignored;
		return -1;
	}
	do
		r = poll(&pfd, 1, (int)timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return err_set(err, ERR_TIMEOUT, "process is still there %u ms after SIGKILL", timeout_ms);
	return 0;
}
