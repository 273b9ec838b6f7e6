/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - make, find and enter one group in every hierarchy
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

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

const char *cgroup_name(const struct cgroup *cg)
{
	return cg->path;
}

static int check_path(const char *path, struct err *err)
{
	struct err ignored = ERR_INIT;
	scoped_free char *clean = cgroup_path(path, "/", "", &ignored);

	if (path[0] != '/' || !clean || strcmp(clean, path) != 0)
		return err_set(err, ERR_INVALID, "use cgroup path '%.100s': not absolute and clean",
			       path);
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
	for (char *save, *name = strtok_r(have, " ", &save); name;
	     name = strtok_r(NULL, " ", &save)) {
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
static int make_level(const struct cg_hierarchy *h, int parent_fd, const char *name, bool *ret_made,
		      struct err *err)
{
	scoped_fd int fd = -1;

	if (h->v2)
		enable_controllers(parent_fd);
	*ret_made = mkdirat(parent_fd, name, 0755) == 0;
	if (!*ret_made && errno != EEXIST)
		return err_sys(err, errno, "make cgroup '%s' in '%s'", name, h->mount);
	fd = openat(parent_fd, name, CG_DIR_FLAGS);
	if (fd < 0)
		return err_sys(err, errno, "open cgroup '%s' in '%s'", name, h->mount);
	if ((h->controllers & (1u << CG_CPUSET)) && inherit_cpuset(parent_fd, fd, err) < 0)
		return err_wrap(err, "make cgroup '%s' in '%s'", name, h->mount);
	return take_fd(&fd);
}

/* ret_made: was the last level made here? */
static int make_in(const struct cg_hierarchy *h, const char *path, bool *ret_made, struct err *err)
{
	scoped_free char *copy = xstrdup(path);
	scoped_fd int at = open_root(h, err);

	if (at < 0)
		return -1;
	for (char *save, *name = strtok_r(copy, "/", &save); name;
	     name = strtok_r(NULL, "/", &save)) {
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
	fd = openat(root, path + 1, CG_DIR_FLAGS);
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
	for (char *save, *name = strtok_r(have, " ", &save); name;
	     name = strtok_r(NULL, " ", &save))
		for (unsigned int c = 0; c < CG_CONTROLLERS; c++)
			if (cg_controller_name(c, true) &&
			    strcmp(name, cg_controller_name(c, true)) == 0)
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

static bool has_pid(int dir_fd, const char *pid)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;
	char *save = NULL;

	if (cg_read(dir_fd, "cgroup.procs", &text, &ignored) < 0)
		return false;
	for (const char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (strcmp(line, pid) == 0)
			return true;
	return false;
}

int cgroup_add_pid(struct cgroup *cg, pid_t pid, struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < cg->tree.n; i++)
		if (cg->dir_fds[i] >= 0 && !has_pid(cg->dir_fds[i], text) &&
		    file_poke_at(cg->dir_fds[i], "cgroup.procs", text, err) < 0)
			return err_wrap(err, "enter cgroup '%s%s'", cg->tree.at[i].mount, cg->path);
	return 0;
}

int cgroup_return_pid(struct cgroup *cg, pid_t pid, struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < cg->tree.n; i++) {
		scoped_fd int root = -1;

		if (cg->dir_fds[i] < 0)
			continue;
		root = open_root(&cg->tree.at[i], err);
		if (root < 0 || file_poke_at(root, "cgroup.procs", text, err) < 0)
			return err_wrap(err, "leave cgroup '%s%s'", cg->tree.at[i].mount, cg->path);
	}
	return 0;
}

int cgroup_enter_fds(struct cgroup *cg, int fds[static CGROUP_FDS_MAX], size_t *ret_n,
		     struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < cg->tree.n; i++) {
		int fd;

		if (cg->dir_fds[i] < 0 || cg->tree.at[i].v2)
			continue;
		/* Not cgroup.procs, which waits for a grace period even for the writer itself. */
		fd = openat(cg->dir_fds[i], "tasks", O_WRONLY | O_CLOEXEC);
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
