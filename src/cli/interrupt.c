/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/defs.h"

static int fd = -1;

int interrupt_catch(struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(err, errno, "block signals");
	fd = signalfd(fd, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "watch signals");
	return 0;
}

int interrupt_fd(void)
{
	return fd;
}

int interrupt_check(struct err *err)
{
	struct signalfd_siginfo si;

	if (fd < 0 || read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return 0;
	return err_set(err, ERR_CANCELLED, "interrupted by SIG%s", sigabbrev_np((int)si.ssi_signo));
}

void interrupt_ignore(void)
{
	close_fd(&fd);
}
