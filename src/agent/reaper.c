/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reaper.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"

#define BATCH 64 /* pids in one turn of the loop; a fork bomb that dies must not stop us */

struct reaper {
	struct event sigchld;
	struct list watches;
};

struct reaper_watch {
	struct list node;
	pid_t pid;
	reaper_exited *fn;
	void *arg;
};

static struct reaper_watch *find_watch(struct reaper *reaper, pid_t pid)
{
	list_for_each(&reaper->watches, struct reaper_watch, node, w)
		if (w->pid == pid)
			return w;
	return NULL;
}

static void take_exit(const siginfo_t *si, struct exit_info *ret)
{
	ret->status = si->si_code == CLD_EXITED ? si->si_status & 0xff : 128 + si->si_status;
	ret->at_ns = clock_real_ns();
}

/* False when there is no dead child left. */
static bool reap_one(struct reaper *reaper)
{
	siginfo_t si = { 0 };
	struct reaper_watch *w;
	struct exit_info info;
	struct reaper_watch found;

	if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
		return false;
	w = find_watch(reaper, si.si_pid);
	take_exit(&si, &info);
	if (waitid(P_PID, (id_t)si.si_pid, &si, WEXITED | WNOHANG) < 0)
		return false;
	if (!w)
		return true;
	found = *w;
	reaper_remove(w);
	found.fn(found.arg, &info);
	return true;
}

static void on_sigchld(evutil_socket_t sig, short what, void *arg)
{
	struct reaper *reaper = arg;

	(void)sig;
	(void)what;
	for (int i = 0; i < BATCH; i++)
		if (!reap_one(reaper))
			return;
	event_active(&reaper->sigchld, EV_SIGNAL, 1);
}

struct reaper *reaper_new(struct event_base *base)
{
	struct reaper *reaper = xnew(struct reaper);

	list_init(&reaper->watches);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* cannot fail since Linux 3.4 */
	event_assign(&reaper->sigchld, base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_sigchld, reaper);
	event_add(&reaper->sigchld, NULL);
	event_active(&reaper->sigchld, EV_SIGNAL, 1); /* whoever died before we listened */
	return reaper;
}

void reaper_free(struct reaper *reaper)
{
	if (!reaper)
		return;
	event_del(&reaper->sigchld);
	list_for_each_safe(&reaper->watches, struct reaper_watch, node, w)
		reaper_remove(w);
	free(reaper);
}

struct reaper_watch *reaper_add(struct reaper *reaper, pid_t pid, reaper_exited *fn, void *arg)
{
	struct reaper_watch *w = xnew(struct reaper_watch);

	*w = (struct reaper_watch){ .pid = pid, .fn = fn, .arg = arg };
	list_add(&reaper->watches, &w->node);
	return w;
}

void reaper_remove(struct reaper_watch *watch)
{
	if (!watch)
		return;
	list_remove(&watch->node);
	free(watch);
}
