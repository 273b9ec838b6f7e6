/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/persist/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "engine/persist/journal.h"
#include "engine/resource/network/endpoint.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/mount.h"
#include "lib/base/proc.h"
#include "lib/cgroup/cgroup.h"

static int kill_process(const struct journal_entry *entry, struct err *err)
{
	struct err why = ERR_INIT;
	scoped_fd int pidfd = proc_open(entry->pid, entry->start_ticks, &why);

	if (pidfd < 0 && why.code == ERR_NOT_FOUND)
		return 0;
	if (pidfd < 0 || proc_kill_wait(pidfd, CLEANUP_KILL_MS, &why) < 0) {
		*err = why;
		return err_wrap(err, "end %s, process %d", entry->text, (int)entry->pid);
	}
	return 0;
}

static int remove_cgroup(const char *path, struct err *err)
{
	struct err why = ERR_INIT;
	struct cgroup *cg = cgroup_open(path, &why);
	int r;

	if (!cg && why.code == ERR_NOT_FOUND)
		return 0;
	if (!cg) {
		*err = why;
		return -1;
	}
	(void)cgroup_signal(cg, SIGKILL, &why); /* an empty group is as good */
	r = cgroup_remove(cg, CLEANUP_CGROUP_MS, err);
	cgroup_free(cg);
	return r;
}

static int remove_entry(const struct journal_entry *entry, struct err *err)
{
	switch (entry->kind) {
	case JOURNAL_PROCESS:
		return kill_process(entry, err);
	case JOURNAL_MOUNT:
		return mount_remove(entry->text, err);
	case JOURNAL_DIR:
		return dir_remove(entry->text, err);
	case JOURNAL_CGROUP:
		return remove_cgroup(entry->text, err);
	case JOURNAL_NETWORK:
		return endpoint_cleanup(entry->text, err);
	}
	return 0;
}

/*
 * The supervisor goes first although it is the oldest entry: alive, it would make new
 * things behind our back. Then all other processes, so that nothing keeps a mount busy.
 */
static void replay(const struct journal_entry *entries, size_t n, struct err *first)
{
	for (size_t i = 0; i < n; i++) {
		struct err err = ERR_INIT;

		if (entries[i].kind == JOURNAL_PROCESS && remove_entry(&entries[i], &err) < 0)
			err_keep_first(first, &err);
	}
	for (size_t i = n; i-- > 0;) {
		struct err err = ERR_INIT;

		if (entries[i].kind != JOURNAL_PROCESS && remove_entry(&entries[i], &err) < 0)
			err_keep_first(first, &err);
	}
}

int sandbox_cleanup(const char *sandbox_id, struct err *err)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, sandbox_id);
	struct journal_entry *entries = NULL;
	struct err first = ERR_INIT, why = ERR_INIT;
	size_t n = 0;

	/* Without a journal nothing was made but, perhaps, the directory. */
	if (journal_load(dir, &entries, &n, &why) < 0 && why.code != ERR_NOT_FOUND)
		err_keep_first(&first, &why);
	replay(entries, n, &first);
	journal_entries_free(entries, n);
	if (first.code == ERR_OK && dir_remove(dir, &first) == 0)
		return 0;
	*err = first;
	return err_wrap(err, "clean up sandbox '%s'", sandbox_id);
}

int sandbox_open_supervisor(const char *sandbox_id, pid_t *ret_pid)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, sandbox_id);
	struct journal_entry *entries = NULL;
	struct err ignored = ERR_INIT;
	size_t n = 0;
	int fd = -1;

	if (journal_load(dir, &entries, &n, &ignored) < 0)
		return -1;
	for (size_t i = 0; i < n && fd < 0; i++) {
		const struct journal_entry *e = &entries[i];

		if (e->kind != JOURNAL_PROCESS || strcmp(e->text, "supervisor") != 0)
			continue;
		fd = proc_open(e->pid, e->start_ticks, &ignored);
		if (fd >= 0 && ret_pid)
			*ret_pid = e->pid;
	}
	journal_entries_free(entries, n);
	return fd;
}

bool sandbox_supervisor_alive(const char *sandbox_id)
{
	scoped_fd int fd = sandbox_open_supervisor(sandbox_id, NULL);

	return fd >= 0;
}

int sandbox_lock(const char *sid)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, sid);
	struct stat held, now;
	int r;

	for (;;) {
		scoped_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return -1;
		do
			r = flock(fd, LOCK_EX);
		while (r < 0 && errno == EINTR);
		/* What was waited for may have been removed, and another be there. */
		if (r < 0 || fstat(fd, &held) < 0 || stat(dir, &now) < 0)
			return -1;
		if (held.st_ino == now.st_ino && held.st_dev == now.st_dev)
			return take_fd(&fd);
	}
}
