/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - make, find, enter and remove one group in every hierarchy
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
#define PIDS_MAX  (1u << 20) /* processes in one group */
#define SUBDIRS_MAX 4096     /* groups directly below one group */

/* --- control files --- */

int cg_read(int dir_fd, const char *file, char **ret, struct err *err)
{
	return file_read_at(dir_fd, file, CG_FILE_MAX, ret, NULL, err);
}

static bool parse_amount(const char *text, size_t len, uint64_t *ret)
{
	char word[32];
	unsigned long long value;

	if (len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	if (strcmp(word, "max") == 0)
		value = UINT64_MAX;
	else if (!parse_u64(word, UINT64_MAX, &value))
		return false;
	*ret = value;
	return true;
}

bool cg_read_u64(int dir_fd, const char *file, uint64_t *ret)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;

	if (cg_read(dir_fd, file, &text, &ignored) < 0)
		return false;
	return parse_amount(text, strcspn(text, " \n"), ret);
}

bool cg_find_key(const char *text, const char *key, uint64_t *ret)
{
	size_t key_len = strlen(key);

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (len > key_len && line[key_len] == ' ' && strncmp(line, key, key_len) == 0)
			return parse_amount(line + key_len + 1, len - key_len - 1, ret);
		line += len + (line[len] == '\n');
	}
	return false;
}

bool cg_has_file(int dir_fd, const char *file)
{
	return faccessat(dir_fd, file, F_OK, 0) == 0;
}

/* --- waiting --- */

struct cg_nap cg_nap_start(uint32_t timeout_ms)
{
	return (struct cg_nap){
		.deadline_ns = clock_mono_ns() + timeout_ms * NS_PER_MS,
		.next_ns = NS_PER_MS / 2,
	};
}

bool cg_nap_event(struct cg_nap *nap, int events_fd)
{
	struct pollfd events = { .fd = events_fd, .events = POLLPRI };
	uint64_t now = clock_mono_ns();
	uint64_t wait;
	struct timespec ts;

	if (now >= nap->deadline_ns)
		return false;
	/* An event may tell of something else than what is waited for: look again soon. */
	wait = MIN(nap->deadline_ns - now, events_fd < 0 ? nap->next_ns : 50 * NS_PER_MS);
	nap->next_ns = MIN(nap->next_ns * 2, 20 * NS_PER_MS);
	ts = (struct timespec){ .tv_sec = (time_t)(wait / NS_PER_SEC),
				.tv_nsec = (long)(wait % NS_PER_SEC) };
	(void)ppoll(&events, 1, &ts, NULL); /* a signal only makes this one shorter */
	return true;
}

bool cg_nap(struct cg_nap *nap)
{
	return cg_nap_event(nap, -1);
}

/* --- going down the tree --- */

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
		scoped_fd int fd = openat(dir_fd, *name, DIR_FLAGS);

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

/* --- make and find --- */

int cg_dir_v2(const struct cgroup *cg)
{
	for (size_t i = 0; i < cg->tree.n; i++)
		if (cg->tree.at[i].v2)
			return cg->dir_fds[i];
	return -1;
}

int cg_dir(const struct cgroup *cg, enum cg_controller c, bool *ret_v2)
{
	bool v2 = false;
	int fd = -1;

	for (size_t i = 0; i < cg->tree.n && fd < 0; i++)
		if (!cg->tree.at[i].v2 && (cg->tree.at[i].controllers & (1u << c)))
			fd = cg->dir_fds[i];
	if (fd < 0 && (cg->v2_controllers & (1u << c))) {
		v2 = true;
		fd = cg_dir_v2(cg);
	}
	if (ret_v2)
		*ret_v2 = v2;
	return fd;
}

static struct cgroup *group_new(struct cg_tree *tree, const char *path)
{
	struct cgroup *cg = xnew(struct cgroup);

	cg->tree = *tree;
	*tree = (struct cg_tree){ .n = 0 };
	cg->path = xstrdup(path);
	for (size_t i = 0; i < CG_TREES_MAX; i++)
		cg->dir_fds[i] = -1;
	return cg;
}

void cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < CG_TREES_MAX; i++)
		close_fd(&cg->dir_fds[i]);
	cg_tree_done(&cg->tree);
	free(cg->path);
	free(cg);
}

static int check_path(const char *path, struct err *err)
{
	struct err ignored = ERR_INIT;
	scoped_free char *clean = cgroup_path(path, "/", "", &ignored);

	if (path[0] != '/' || !clean || strcmp(clean, path) != 0)
		return err_set(err, ERR_INVALID, "use cgroup path '%.100s': not absolute and clean", path);
	return 0;
}

/* A new cpuset is empty and takes no process: it starts with what its parent has. */
static int inherit_cpuset(int parent_fd, int dir_fd, struct err *err)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		scoped_free char *own = NULL;
		scoped_free char *parents = NULL;

		if (cg_read(dir_fd, files[i], &own, err) < 0)
			return -1;
		if (own[0] && own[0] != '\n')
			continue;
		if (cg_read(parent_fd, files[i], &parents, err) < 0)
			return -1;
		parents[strcspn(parents, "\n")] = '\0';
		if (parents[0] && file_poke_at(dir_fd, files[i], parents, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Hand every controller on to the level below. A controller that cannot be (busy with
 * processes beside groups, or not here) is missed when a limit asks for it.
 */
static void enable_controllers(int dir_fd)
{
	scoped_free char *have = NULL;
	struct err ignored = ERR_INIT;

	if (cg_read(dir_fd, "cgroup.controllers", &have, &ignored) < 0)
		return;
	have[strcspn(have, "\n")] = '\0';
	for (char *save, *name = strtok_r(have, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		scoped_free char *word = xasprintf("+%s", name);

		(void)file_poke_at(dir_fd, "cgroup.subtree_control", word, &ignored);
	}
}

static int open_root(const struct cg_hierarchy *h, struct err *err)
{
	int fd = open(h->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", h->mount);
	return fd;
}

/* One level down: made if it is not there. */
static int make_level(const struct cg_hierarchy *h, int parent_fd, const char *name,
		      bool *ret_made, struct err *err)
{
	scoped_fd int fd = -1;

	if (h->v2)
		enable_controllers(parent_fd);
	*ret_made = mkdirat(parent_fd, name, 0755) == 0;
	if (!*ret_made && errno != EEXIST)
		return err_sys(err, errno, "make cgroup '%s' in '%s'", name, h->mount);
	fd = openat(parent_fd, name, DIR_FLAGS);
	if (fd < 0)
		return err_sys(err, errno, "open cgroup '%s' in '%s'", name, h->mount);
	if ((h->controllers & (1u << CG_CPUSET)) && inherit_cpuset(parent_fd, fd, err) < 0)
		return err_wrap(err, "make cgroup '%s' in '%s'", name, h->mount);
	return take_fd(&fd);
}

/* ret_made: was the last level made here? */
static int make_in(const struct cg_hierarchy *h, const char *path, bool *ret_made,
		   struct err *err)
{
	scoped_free char *copy = xstrdup(path);
	scoped_fd int at = open_root(h, err);

	if (at < 0)
		return -1;
	for (char *save, *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next = make_level(h, at, name, ret_made, err);

		if (next < 0)
			return -1;
		close_at(&at);
		at = next;
	}
	return take_fd(&at);
}

/* Fails with the code ERR_NOT_FOUND when it is not in this hierarchy. */
static int open_in(const struct cg_hierarchy *h, const char *path, struct err *err)
{
	scoped_fd int root = open_root(h, err);
	int fd;

	if (root < 0)
		return -1;
	fd = openat(root, path + 1, DIR_FLAGS);
	if (fd < 0)
		return err_sys(err, errno, "open cgroup '%s' in '%s'", path, h->mount);
	return fd;
}

static void read_v2_controllers(struct cgroup *cg)
{
	scoped_free char *have = NULL;
	struct err ignored = ERR_INIT;
	int fd = cg_dir_v2(cg);

	if (fd < 0 || cg_read(fd, "cgroup.controllers", &have, &ignored) < 0)
		return;
	have[strcspn(have, "\n")] = '\0';
	for (char *save, *name = strtok_r(have, " ", &save); name; name = strtok_r(NULL, " ", &save))
		for (unsigned int c = 0; c < CG_CONTROLLERS; c++)
			if (cg_controller_name(c, true) && strcmp(name, cg_controller_name(c, true)) == 0)
				cg->v2_controllers |= 1u << c;
}

/* What was there before stays. */
static void undo_create(struct cgroup *cg, const bool *made)
{
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < cg->tree.n; i++)
		if (!made[i])
			close_fd(&cg->dir_fds[i]);
	(void)cgroup_remove(cg, 0, &ignored);
	cgroup_free(cg);
}

struct cgroup *cg_create_in(struct cg_tree *tree, const char *path, struct err *err)
{
	struct cgroup *cg = group_new(tree, path);
	bool made[CG_TREES_MAX] = { false };
	struct err ignored = ERR_INIT;

	if (check_path(path, err) < 0) {
		cgroup_free(cg);
		return NULL;
	}
	for (size_t i = 0; i < cg->tree.n; i++) {
		cg->dir_fds[i] = make_in(&cg->tree.at[i], path, &made[i], err);
		if (cg->dir_fds[i] < 0) {
			undo_create(cg, made);
			return NULL;
		}
	}
	read_v2_controllers(cg);
	/* So that a container cannot build a tree that is too deep to be taken down. */
	if (cg_dir_v2(cg) >= 0)
		(void)file_poke_at(cg_dir_v2(cg), "cgroup.max.depth", "32", &ignored);
	return cg;
}

struct cgroup *cg_open_in(struct cg_tree *tree, const char *path, struct err *err)
{
	struct cgroup *cg = group_new(tree, path);
	size_t n_found = 0;

	if (check_path(path, err) < 0) {
		cgroup_free(cg);
		return NULL;
	}
	for (size_t i = 0; i < cg->tree.n; i++) {
		struct err why = ERR_INIT;

		cg->dir_fds[i] = open_in(&cg->tree.at[i], path, &why);
		n_found += cg->dir_fds[i] >= 0;
		if (cg->dir_fds[i] < 0 && why.code != ERR_NOT_FOUND) {
			*err = why;
			cgroup_free(cg);
			return NULL;
		}
	}
	if (!n_found) {
		err_set(err, ERR_NOT_FOUND, "open cgroup '%s': it is in no hierarchy", path);
		cgroup_free(cg);
		return NULL;
	}
	read_v2_controllers(cg);
	return cg;
}

struct cgroup *cgroup_create(const char *path, struct err *err)
{
	struct cg_tree tree;

	if (cg_tree_read(&tree, err) < 0)
		return NULL;
	return cg_create_in(&tree, path, err);
}

struct cgroup *cgroup_open(const char *path, struct err *err)
{
	struct cg_tree tree;

	if (cg_tree_read(&tree, err) < 0)
		return NULL;
	return cg_open_in(&tree, path, err);
}

/* --- enter --- */

int cgroup_add_pid(struct cgroup *cg, pid_t pid, struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < cg->tree.n; i++)
		if (cg->dir_fds[i] >= 0 &&
		    file_poke_at(cg->dir_fds[i], "cgroup.procs", text, err) < 0)
			return err_wrap(err, "enter cgroup '%s%s'", cg->tree.at[i].mount, cg->path);
	return 0;
}

int cgroup_enter_fds(struct cgroup *cg, int fds[static CGROUP_FDS_MAX], size_t *ret_n,
		     struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < cg->tree.n; i++) {
		int fd;

		if (cg->dir_fds[i] < 0)
			continue;
		fd = openat(cg->dir_fds[i], "cgroup.procs", O_WRONLY | O_CLOEXEC);
		if (fd < 0) {
			err_sys(err, errno, "open cgroup '%s%s'", cg->tree.at[i].mount, cg->path);
			while (n > 0)
				close(fds[--n]);
			return -1;
		}
		fds[n++] = fd;
	}
	*ret_n = n;
	return 0;
}

int cgroup_dir_fd(const struct cgroup *cg)
{
	return cg_dir_v2(cg);
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
		else if (first.code == ERR_OK)
			first = why;
	}
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}
