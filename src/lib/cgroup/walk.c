/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - what is in a group and below it: list it, remove it
 *
 * Whoever is in a group may have made groups below it, so depth and width have limits, and
 * every directory is reached from the fd of the one above.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

#define PIDS_MAX    (1u << 20) /* processes in one group */
#define SUBDIRS_MAX 4096       /* groups directly below one group, for one pass */

static bool is_subdir(const struct dirent *d)
{
	return d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int list_subdirs(int dir_fd, char ***ret, struct err *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names = NULL;
	size_t n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		int sys = errno;

		close_at(&fd);
		return err_sys(err, sys, "list cgroup");
	}
	while ((d = readdir(dir)) != NULL && n < SUBDIRS_MAX) {
		if (!is_subdir(d))
			continue;
		names = xrealloc(names, n + 2, sizeof(*names));
		names[n++] = xstrdup(d->d_name);
		names[n] = NULL;
	}
	closedir(dir);
	*ret = names;
	return 0;
}

static int walk(int dir_fd, unsigned int depth, cg_walk_fn *fn, void *arg, struct err *err)
{
	scoped_strv char **names = NULL;

	if (depth > CG_DEPTH_MAX)
		return err_set(err, ERR_EXHAUSTED, "walk cgroup: more than %d levels", CG_DEPTH_MAX);
	if (list_subdirs(dir_fd, &names, err) < 0)
		return -1;
	for (char **name = names; name && *name; name++) {
		scoped_fd int fd = openat(dir_fd, *name, CG_DIR_FLAGS);

		if (fd < 0) /* gone meanwhile */
			continue;
		if (walk(fd, depth + 1, fn, arg, err) < 0)
			return -1;
	}
	return fn(arg, dir_fd, err);
}

int cg_walk(int dir_fd, cg_walk_fn *fn, void *arg, struct err *err)
{
	return walk(dir_fd, 0, fn, arg, err);
}

/* --- who is in it --- */

struct pids {
	pid_t *at;
	size_t n;
};

static int add_pids(void *arg, int dir_fd, struct err *err)
{
	struct pids *pids = arg;
	scoped_free char *text = NULL;
	struct err why = ERR_INIT;

	if (file_read_at(dir_fd, "cgroup.procs", 16 * PIDS_MAX, &text, NULL, &why) < 0) {
		if (why.sys == ENOENT || why.sys == ENODEV) /* removed meanwhile */
			return 0;
		/* Threaded groups list their processes in the group above. */
		if (why.sys == EOPNOTSUPP)
			return 0;
		*err = why;
		return -1;
	}
	for (char *save, *word = strtok_r(text, "\n", &save); word; word = strtok_r(NULL, "\n", &save)) {
		unsigned long long pid;

		if (!parse_u64(word, INT32_MAX, &pid) || pid == 0) /* 0: outside our pid namespace */
			continue;
		if (pids->n == PIDS_MAX)
			return err_set(err, ERR_EXHAUSTED, "list cgroup: more than %u processes", PIDS_MAX);
		pids->at = xrealloc(pids->at, pids->n + 1, sizeof(*pids->at));
		pids->at[pids->n++] = (pid_t)pid;
	}
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int cgroup_pids(struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *err)
{
	struct pids pids = { .at = NULL };
	size_t n = 0;

	for (size_t i = 0; i < cg->tree.n; i++) {
		if (cg->dir_fds[i] >= 0 && cg_walk(cg->dir_fds[i], add_pids, &pids, err) < 0) {
			free(pids.at);
			return -1;
		}
	}
	if (pids.n)
		qsort(pids.at, pids.n, sizeof(*pids.at), compare_pids);
	for (size_t i = 0; i < pids.n; i++)
		if (i == 0 || pids.at[i] != pids.at[n - 1])
			pids.at[n++] = pids.at[i];
	*ret = pids.at;
	*ret_n = n;
	return 0;
}

/* --- remove --- */

/* Remove all below dir_fd; what stays is found by the caller's own rmdir. */
static int remove_subdirs(void *arg, int dir_fd, struct err *err)
{
	scoped_strv char **names = NULL;
	struct err ignored = ERR_INIT;

	(void)arg;
	(void)err;
	if (list_subdirs(dir_fd, &names, &ignored) < 0)
		return 0;
	for (char **name = names; name && *name; name++)
		(void)unlinkat(dir_fd, *name, AT_REMOVEDIR);
	return 0;
}

static int open_parent(const struct cg_hierarchy *h, const char *path, struct err *err)
{
	scoped_free char *up = xasprintf("%s%s", h->mount, path);
	int fd;

	*strrchr(up, '/') = '\0';
	fd = open(up, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open '%s'", up);
	return fd;
}

static int remove_in(const struct cg_hierarchy *h, int dir_fd, const char *path,
		     struct cg_nap *nap, struct err *err)
{
	scoped_fd int events_fd = -1;
	scoped_fd int parent = open_parent(h, path, err);
	const char *name = strrchr(path, '/') + 1;
	char text[256];

	if (parent < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (h->v2)
		events_fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	for (;;) {
		if (events_fd >= 0) /* reading arms the next event */
			(void)!pread(events_fd, text, sizeof(text), 0);
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return err_sys(err, errno, "remove cgroup '%s%s'", h->mount, path);
		if (cg_walk(dir_fd, remove_subdirs, NULL, err) < 0)
			return err_wrap(err, "remove cgroup '%s%s'", h->mount, path);
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (!cg_nap_event(nap, events_fd))
			return err_set(err, ERR_TIMEOUT, "remove cgroup '%s%s': processes are in it",
				       h->mount, path);
	}
}

int cgroup_remove(struct cgroup *cg, uint32_t timeout_ms, struct err *err)
{
	struct cg_nap nap = cg_nap_start(timeout_ms);
	struct err first = ERR_INIT;

	for (size_t i = 0; i < cg->tree.n; i++) {
		struct err why = ERR_INIT;

		if (cg->dir_fds[i] < 0)
			continue;
		if (remove_in(&cg->tree.at[i], cg->dir_fds[i], cg->path, &nap, &why) == 0)
			close_fd(&cg->dir_fds[i]);
		else
			err_keep_first(&first, &why);
	}
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}
