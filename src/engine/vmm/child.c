/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/child.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"

/* False: it still runs. flags is WNOHANG, or 0 when it is known to have ended. */
static bool reap(struct child *child, int flags)
{
	siginfo_t si = { 0 };
	int r;

	do
		r = waitid(P_PIDFD, (id_t)child->pidfd, &si, WEXITED | flags);
	while (r < 0 && errno == EINTR);
	if (r == 0 && si.si_pid == 0)
		return false;
	/* ECHILD: somebody else took it; that it is gone is what counts. */
	if (r == 0)
		child->status = si.si_code == CLD_EXITED ? si.si_status << 8 : si.si_status;
	child->ended = true;
	child->pid = 0;
	event_del(&child->ev);
	close_fd(&child->pidfd);
	return true;
}

static void on_exit_event(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	(void)fd;
	(void)what;
	if (reap(child, WNOHANG))
		child->exited(child->arg);
}

int child_start(struct child *child, struct event_base *base, const struct spawn *spawn_args,
		void (*exited)(void *arg), void *arg, struct err *err)
{
	struct child c = CHILD_INIT;

	if (spawn(spawn_args, &c.pid, &c.pidfd, err) < 0)
		return -1;
	c.exited = exited;
	c.arg = arg;
	/* It is ours and not reaped, so it has a start time even if it ended by now. */
	if (proc_start_time(c.pid, &c.start_ticks, &(struct err){ 0 }) < 0)
		c.start_ticks = 0;
	*child = c;
	event_assign(&child->ev, base, child->pidfd, EV_READ | EV_PERSIST, on_exit_event, child);
	event_add(&child->ev, NULL);
	return 0;
}

void child_kill(struct child *child)
{
	struct err ignored = ERR_INIT; /* gone already is as good */

	if (child->pid > 0)
		(void)proc_signal(child->pidfd, SIGKILL, &ignored);
}

void child_done(struct child *child)
{
	struct err ignored = ERR_INIT;

	if (child->pid <= 0)
		return;
	/*
	 * A pidfd may tell of the end a moment before the kernel lets it be reaped (seen on Linux
	 * 6.18): not to wait for that moment leaves a zombie.
	 */
	if (proc_kill_wait(child->pidfd, CHILD_WAIT_MS, &ignored) == 0) {
		(void)reap(child, 0);
		return;
	}
	if (reap(child, WNOHANG))
		return;
	/* In uninterruptible sleep: it will die, and whoever adopts it will reap it. */
	event_del(&child->ev);
	close_fd(&child->pidfd);
	child->pid = 0;
}

void child_describe(const struct child *child, struct str *out)
{
	int sig = WTERMSIG(child->status);

	if (WIFEXITED(child->status))
		str_addf(out, "exited with status %d", WEXITSTATUS(child->status));
	else
		str_addf(out, "killed by signal %d (%s)", sig, strsignal(sig));
}
