/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom.c - hear of OOM kills through an fd
 *
 * The fd only says "look"; how many kills there were is counted by the kernel (v1:
 * memory.oom_control, since 4.13; v2: memory.events, which has the group's descendants in
 * it), so that two kills in a row and a wake-up without one are both told right.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/cgroup/priv.h"

static bool count_kills(const struct cgroup *cg, uint64_t *ret)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;
	bool v2;
	int fd = cg_dir(cg, CG_MEMORY, &v2);

	return fd >= 0 &&
	       cg_read(fd, v2 ? "memory.events" : "memory.oom_control", &text, &ignored) == 0 &&
	       cg_find_key(text, "oom_kill", ret);
}

static int watch_v1(int dir_fd, struct err *err)
{
	scoped_fd int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	scoped_fd int control = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	char text[32];

	if (event < 0)
		return err_sys(err, errno, "make eventfd");
	if (control < 0)
		return err_sys(err, errno, "open 'memory.oom_control'");
	snprintf(text, sizeof(text), "%d %d", event, control);
	if (file_poke_at(dir_fd, "cgroup.event_control", text, err) < 0)
		return -1;
	return take_fd(&event);
}

static int watch_v2(int dir_fd, struct err *err)
{
	scoped_fd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[64];

	if (fd < 0)
		return err_sys(err, errno, "make inotify");
	/* inotify takes no directory fd; this path is ours and leads to exactly that file. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/memory.events", dir_fd);
	if (inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return err_sys(err, errno, "watch 'memory.events'");
	return take_fd(&fd);
}

int cgroup_oom_fd(struct cgroup *cg, struct err *err)
{
	bool v2;
	int dir_fd = cg_dir(cg, CG_MEMORY, &v2);
	int fd;

	if (dir_fd < 0)
		return err_set(err, ERR_UNIMPLEMENTED,
			       "watch OOM kills of cgroup '%s': controller 'memory' is not available",
			       cg->path);
	fd = v2 ? watch_v2(dir_fd, err) : watch_v1(dir_fd, err);
	if (fd < 0)
		return err_wrap(err, "watch OOM kills of cgroup '%s'", cg->path);
	(void)count_kills(cg, &cg->oom_kills); /* those before now are not news */
	return fd;
}

int cgroup_oom_read(struct cgroup *cg, int fd, struct err *err)
{
	char drop[4096];
	uint64_t kills = cg->oom_kills;
	bool news;

	while (read(fd, drop, sizeof(drop)) > 0)
		;
	if (errno != EAGAIN && errno != EINTR)
		return err_sys(err, errno, "read OOM events of cgroup '%s'", cg->path);
	news = count_kills(cg, &kills) && kills > cg->oom_kills;
	cg->oom_kills = kills;
	return news ? 1 : 0;
}
