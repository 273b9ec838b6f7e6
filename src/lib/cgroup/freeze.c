/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze.c - stop a group, and signal all of it
 *
 * A group is frozen while it is signalled, so that no process can fork past the list.
 * v1's freezer has no event: its state is read again until it says FROZEN.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/cgroup/priv.h"

#define SIGNAL_FREEZE_MS 500 /* a process in the kernel's hands may take longer: go on without */

static int v1_freezer(const struct cgroup *cg)
{
	bool v2;
	int fd = cg_dir(cg, CG_FREEZER, &v2);

	return v2 ? -1 : fd;
}

static int freeze_v1(int fd, bool frozen, struct cg_nap *nap, struct err *err)
{
	const char *want = frozen ? "FROZEN" : "THAWED";

	do {
		scoped_free char *state = NULL;

		/* Again each time: a process forked meanwhile may have been missed. */
		if (file_poke_at(fd, "freezer.state", want, err) < 0 ||
		    cg_read(fd, "freezer.state", &state, err) < 0)
			return -1;
		if (str_starts(state, want))
			return 0;
	} while (cg_nap(nap));
	return err_set(err, ERR_TIMEOUT, "wait for freezer state '%s'", want);
}

static int freeze_v2(int fd, bool frozen, struct cg_nap *nap, struct err *err)
{
	scoped_fd int events_fd = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (events_fd < 0)
		return err_sys(err, errno, "open 'cgroup.events'");
	if (file_poke_at(fd, "cgroup.freeze", frozen ? "1" : "0", err) < 0)
		return -1;
	do {
		char text[256];
		ssize_t n = pread(events_fd, text, sizeof(text) - 1, 0);
		uint64_t now;

		if (n < 0)
			return err_sys(err, errno, "read 'cgroup.events'");
		text[n] = '\0';
		if (cg_find_key(text, "frozen", &now) && (now == 1) == frozen)
			return 0;
	} while (cg_nap_event(nap, events_fd));
	return err_set(err, ERR_TIMEOUT, "wait for '%s'", frozen ? "frozen 1" : "frozen 0");
}

int cgroup_freeze(struct cgroup *cg, bool frozen, uint32_t timeout_ms, struct err *err)
{
	struct cg_nap nap = cg_nap_start(timeout_ms);
	int v1 = v1_freezer(cg), v2 = cg_dir_v2(cg);
	int r;

	if (v1 < 0 && v2 < 0)
		return err_set(err, ERR_UNIMPLEMENTED, "freeze cgroup '%s': no freezer", cg->path);
	r = v1 >= 0 ? freeze_v1(v1, frozen, &nap, err) : freeze_v2(v2, frozen, &nap, err);
	if (r == 0)
		return 0;
	if (frozen) { /* half frozen is worse than either */
		struct err ignored = ERR_INIT;

		(void)file_poke_at(v1 >= 0 ? v1 : v2, v1 >= 0 ? "freezer.state" : "cgroup.freeze",
				   v1 >= 0 ? "THAWED" : "0", &ignored);
	}
	return err_wrap(err, "%s cgroup '%s'", frozen ? "freeze" : "thaw", cg->path);
}

static bool is_frozen(const struct cgroup *cg)
{
	int v1 = v1_freezer(cg);
	scoped_free char *state = NULL;
	struct err ignored = ERR_INIT;
	uint64_t on = 0;

	if (v1 >= 0)
		return cg_read(v1, "freezer.state", &state, &ignored) == 0 &&
		       !str_starts(state, "THAWED");
	return cg_dir_v2(cg) >= 0 && cg_read_u64(cg_dir_v2(cg), "cgroup.freeze", &on) && on == 1;
}

static int signal_listed(struct cgroup *cg, int sig, struct err *err)
{
	scoped_free pid_t *pids = NULL;
	size_t n;

	if (cgroup_pids(cg, &pids, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			return err_sys(err, errno, "send signal %d to process %d", sig, (int)pids[i]);
	return 0;
}

int cgroup_signal(struct cgroup *cg, int sig, struct err *err)
{
	bool was_frozen = is_frozen(cg);
	struct err ignored = ERR_INIT;
	int r;

	/* cgroup.kill (since 5.14) kills all that is in the v2 group, frozen or not. */
	if (sig == SIGKILL && cg_dir_v2(cg) >= 0 &&
	    file_poke_at(cg_dir_v2(cg), "cgroup.kill", "1", &ignored) == 0 &&
	    cg->tree.mode == CGROUP_V2)
		return 0;

	if (!was_frozen)
		(void)cgroup_freeze(cg, true, SIGNAL_FREEZE_MS, &ignored);
	r = signal_listed(cg, sig, err);
	/* v1: what is frozen does not die. */
	if (!was_frozen || sig == SIGKILL)
		(void)cgroup_freeze(cg, false, SIGNAL_FREEZE_MS, &ignored);
	return r < 0 ? err_wrap(err, "signal cgroup '%s'", cg->path) : 0;
}
