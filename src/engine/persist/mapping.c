/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/persist/mapping.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define MAPPINGS "containers-mapping"
/* Starts with a dot, so it cannot be the name of a container. */
#define DRAFT    ".draft"

static void close_dir_at(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static char *mapping_path(const char *root, const char *name)
{
	return xasprintf("%s/" MAPPINGS "/%s", root, name);
}

void mapping_done(struct mapping *m)
{
	free(m->bundle);
	m->bundle = NULL;
}

/* Everything under a private name first; the rename then claims the id. */
static int make_draft(const char *draft, const char *sid, const char *bundle, struct err *err)
{
	scoped_free char *dir = xasprintf("%s/%s", draft, sid);
	scoped_free char *link = xasprintf("%s/bundle", dir);

	if (dir_make(dir, 0700, err) < 0)
		return -1;
	if (symlink(bundle, link) < 0)
		return err_sys(err, errno, "make link '%s'", link);
	return 0;
}

static int claim(const char *draft, const char *path, struct err *err)
{
	if (rename(draft, path) == 0)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return err_set(err, ERR_EXISTS, "ID already in use, unique ID should be provided");
	return err_sys(err, errno, "make '%s'", path);
}

int mapping_add(const char *root, const char *cid, const char *sid, const char *bundle,
		struct err *err)
{
	scoped_free char *name = xasprintf(DRAFT "-%d", (int)getpid());
	scoped_free char *draft = mapping_path(root, name);
	scoped_free char *path = mapping_path(root, cid);
	struct err ignored = ERR_INIT;

	/* Left behind by a process of the same pid that was killed here. */
	if (dir_remove(draft, err) < 0)
		return -1;
	if (make_draft(draft, sid, bundle, err) == 0 && claim(draft, path, err) == 0)
		return 0;
	(void)dir_remove(draft, &ignored);
	return -1;
}

static char *read_bundle(const char *path, const char *sid)
{
	scoped_free char *link = xasprintf("%s/%s/bundle", path, sid);
	char buf[PATH_MAX];
	ssize_t n = readlink(link, buf, sizeof(buf) - 1);

	return n < 0 ? NULL : xstrndup(buf, (size_t)n);
}

int mapping_find(const char *root, const char *cid, struct mapping *ret, struct err *err)
{
	scoped_free char *path = mapping_path(root, cid);
	scoped(close_dir_at) DIR *dir = opendir(path);
	struct mapping m = { 0 };
	struct dirent *entry;
	struct stat st;

	if (!dir && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "Container ID (%s) does not exist", cid);
	if (!dir || fstat(dirfd(dir), &st) < 0)
		return err_sys(err, errno, "open '%s'", path);
	while ((entry = readdir(dir))) {
		struct err ignored = ERR_INIT;

		if (id_check(entry->d_name, &ignored) == 0)
			(void)stpcpy(m.sid, entry->d_name); /* id_check() bounds it */
	}
	if (!m.sid[0])
		return err_set(err, ERR_NOT_FOUND, "Container ID (%s) does not exist", cid);
	(void)snprintf(m.cid, sizeof(m.cid), "%s", cid);
	m.bundle = read_bundle(path, m.sid);
	m.created_at_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	m.owner = st.st_uid;
	*ret = m;
	return 0;
}

int mapping_remove(const char *root, const char *cid, struct err *err)
{
	scoped_free char *name = xasprintf(DRAFT "-%d", (int)getpid());
	scoped_free char *draft = mapping_path(root, name);
	scoped_free char *path = mapping_path(root, cid);

	if (dir_remove(draft, err) < 0)
		return -1;
	if (rename(path, draft) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "remove '%s'", path);
	return dir_remove(draft, err);
}

void mapping_list_free(struct mapping *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mapping_done(&list[i]);
	free(list);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct mapping *)a)->cid, ((const struct mapping *)b)->cid);
}

int mapping_list(const char *root, struct mapping **ret, size_t *ret_n, struct err *err)
{
	scoped_free char *path = mapping_path(root, "");
	scoped(close_dir_at) DIR *dir = opendir(path);
	struct mapping *list = NULL;
	struct dirent *entry;
	size_t n = 0;

	if (!dir && errno != ENOENT)
		return err_sys(err, errno, "open '%s'", path);
	while (dir && (entry = readdir(dir))) {
		struct mapping m;
		struct err ignored = ERR_INIT; /* a draft, or removed meanwhile */

		if (id_check(entry->d_name, &ignored) < 0 ||
		    mapping_find(root, entry->d_name, &m, &ignored) < 0)
			continue;
		list = xrealloc(list, n + 1, sizeof(*list));
		list[n++] = m;
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_id);
	*ret = list;
	*ret_n = n;
	return 0;
}

int mapping_count(const char *root, const char *sid, size_t *ret, struct err *err)
{
	struct mapping *list;
	size_t n, found = 0;

	if (mapping_list(root, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		found += strcmp(list[i].sid, sid) == 0;
	mapping_list_free(list, n);
	*ret = found;
	return 0;
}
