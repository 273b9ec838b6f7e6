/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/check.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

void place_at(struct place *place, int fd)
{
	*place = (struct place){ .fd = fd };
	snprintf(place->path, sizeof(place->path), "/proc/self/fd/%d", fd);
}

/* Make and open one directory of the way. */
static int step_into(int dir_fd, const char *name, mode_t mode, struct err *err)
{
	if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make directory '%s'", name);
	return open_beneath(dir_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, err);
}

int place_make_dir(const char *path, mode_t mode, struct err *err)
{
	scoped_free char *copy = NULL;
	scoped_fd int fd = -1;
	char *save = NULL;

	if (strcmp(path, STORAGE_ROOT) != 0 &&
	    check_path_below("path", path, STORAGE_ROOT, err) < 0)
		return -1;
	if (dir_make(STORAGE_ROOT, 0755, err) < 0)
		return -1;
	fd = open(STORAGE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(err, errno, "open '%s'", STORAGE_ROOT);
	copy = xstrdup(path + strlen(STORAGE_ROOT));
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next = step_into(fd, name, mode, err);

		if (next < 0)
			return err_wrap(err, "open '%s'", path);
		close_fd(&fd);
		fd = next;
	}
	return take_fd(&fd);
}

/*
 * What is at path by now, or the directory it is in; again without following a link, so
 * that a container cannot turn an unmount or a removal to another place.
 */
int place_open(const char *path, bool parent, struct err *err)
{
	const char *rest = path + strlen(STORAGE_ROOT);
	scoped_free char *below = xstrdup(*rest ? rest + 1 : ".");
	scoped_fd int root = open(STORAGE_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char *slash = strrchr(below, '/');

	if (root < 0)
		return err_sys(err, errno, "open '%s'", STORAGE_ROOT);
	if (parent && !slash)
		return take_fd(&root);
	if (parent)
		*slash = '\0';
	return open_beneath(root, below, O_PATH | O_CLOEXEC, 0, err);
}

/* How much of the path is there, in bytes. */
size_t place_count_there(const char *path)
{
	scoped_free char *copy = xstrdup(path);
	size_t len = strlen(copy);

	for (;;) {
		struct err ignored = ERR_INIT; /* that is the question */
		int fd = place_open(copy, false, &ignored);

		if (fd >= 0)
			close(fd);
		if (fd >= 0 || len <= strlen(STORAGE_ROOT "/"))
			return len;
		while (copy[--len] != '/')
			;
		copy[len] = '\0';
	}
}

/* The file itself, for a bind mount of a file. */
int place_make_file(const char *path, struct err *err)
{
	scoped_free char *dir = xstrdup(path);
	char *name = strrchr(dir, '/');
	scoped_fd int dir_fd = -1;
	scoped_fd int made = -1;

	*name++ = '\0';
	dir_fd = place_make_dir(dir, 0755, err);
	if (dir_fd < 0)
		return -1;
	made = openat(dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (made < 0 && errno != EEXIST)
		return err_sys(err, errno, "make file '%s'", path);
	return open_beneath(dir_fd, name, O_PATH | O_CLOEXEC, 0, err);
}

/* Detached at once, also while a process still has a file of it open. */
int place_unmount(const char *point, struct err *err)
{
	scoped_fd int fd = place_open(point, false, err);
	struct place place;

	if (fd < 0)
		return -1;
	place_at(&place, fd);
	if (umount2(place.path, MNT_DETACH) < 0)
		return err_sys(err, errno, "unmount '%s'", point);
	return 0;
}

int place_remove_tree(const char *point, struct err *err)
{
	scoped_fd int fd = place_open(point, true, err);
	scoped_free char *path = xasprintf("/proc/self/fd/%d/%s", fd, strrchr(point, '/') + 1);

	return fd < 0 ? -1 : dir_remove(path, err);
}

static bool remove_empty(const char *point)
{
	struct err ignored = ERR_INIT; /* others may use it, or the share took it away */
	scoped_fd int fd = place_open(point, true, &ignored);
	const char *name = strrchr(point, '/') + 1;

	return fd >= 0 && (unlinkat(fd, name, AT_REMOVEDIR) == 0 ||
			   (errno == ENOTDIR && unlinkat(fd, name, 0) == 0));
}

/* The mount point and the directories that were made on the way to it. */
void place_remove_made(const char *point, size_t n_there)
{
	scoped_free char *path = xstrdup(point);
	size_t len = strlen(path);

	while (len > n_there && len > strlen(STORAGE_ROOT "/") && remove_empty(path)) {
		while (path[--len] != '/')
			;
		path[len] = '\0';
	}
}
