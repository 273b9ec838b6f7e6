/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch/in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"

/* Links that lead nowhere, and races lost, in one path. The kernel's own limit on links. */
#define TRIES_MAX 40

struct walk {
	int root_fd;
	bool is_dir;
	char path[PATH_MAX]; /* rewritten when a dangling link is met */
};

/* The path with the component that ends at `end` replaced by what the link says. */
static int follow(struct walk *w, size_t start, size_t end, const char *link, struct err *err)
{
	char out[PATH_MAX];
	int head = link[0] == '/' ? 0 : (int)start;

	if (snprintf(out, sizeof(out), "%.*s%s%s", head, w->path, link, w->path + end) >=
	    (int)sizeof(out))
		return err_sys(err, ENAMETOOLONG, "follow link '%.64s'", link);
	memcpy(w->path, out, sizeof(out));
	return 0;
}

enum step { STEP_MADE, STEP_AGAIN, STEP_FAILED };

/* path[start, end) does not lead anywhere: make it, or follow it if it is a link. */
static enum step make_one(struct walk *w, int dir_fd, size_t start, size_t end, struct err *err)
{
	bool is_last = w->path[end + strspn(w->path + end, "/")] == '\0';
	char name[NAME_MAX + 1], link[PATH_MAX];
	ssize_t n;
	int fd;

	if (end - start >= sizeof(name)) {
		err_sys(err, ENAMETOOLONG, "make '%.64s'", w->path);
		return STEP_FAILED;
	}
	memcpy(name, w->path + start, end - start);
	name[end - start] = '\0';
	n = readlinkat(dir_fd, name, link, sizeof(link) - 1);
	if (n > 0) {
		link[n] = '\0';
		return follow(w, start, end, link, err) < 0 ? STEP_FAILED : STEP_AGAIN;
	}
	if (is_last && !w->is_dir) {
		fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd >= 0) {
			close(fd);
			return STEP_MADE;
		}
	} else if (mkdirat(dir_fd, name, 0755) == 0) {
		return STEP_MADE;
	}
	if (errno == EEXIST)
		return STEP_AGAIN; /* somebody was quicker */
	err_sys(err, errno, "make '%.*s'", (int)end, w->path);
	return STEP_FAILED;
}

/* One way down the path, stopping at the first component that had to be followed. */
static enum step descend(struct walk *w, int *ret_fd, struct err *err)
{
	scoped_fd int at = open_in_root(w->root_fd, "/", O_PATH | O_DIRECTORY, 0, err);

	if (at < 0)
		return STEP_FAILED;
	for (size_t end = 0;;) {
		size_t start = end + strspn(w->path + end, "/");
		struct err missing = ERR_INIT;
		enum step step = STEP_MADE;
		char rest;
		int next;

		if (!w->path[start])
			break;
		end = start + strcspn(w->path + start, "/");
		rest = w->path[end];
		w->path[end] = '\0';
		next = open_in_root(w->root_fd, w->path, O_PATH, 0, &missing);
		w->path[end] = rest;
		if (next < 0) {
			if (missing.sys != ENOENT) {
				*err = missing;
				return STEP_FAILED;
			}
			step = make_one(w, at, start, end, err);
			if (step != STEP_MADE)
				return step;
			w->path[end] = '\0';
			next = open_in_root(w->root_fd, w->path, O_PATH, 0, err);
			w->path[end] = rest;
			if (next < 0)
				return STEP_FAILED;
		}
		close(at);
		at = next;
	}
	*ret_fd = take_fd(&at);
	return STEP_MADE;
}

int in_root_make(int root_fd, const char *path, bool is_dir, struct err *err)
{
	struct walk w = { .root_fd = root_fd, .is_dir = is_dir };

	if (strlen(path) >= sizeof(w.path))
		return err_sys(err, ENAMETOOLONG, "make '%.64s'", path);
	memcpy(w.path, path, strlen(path) + 1);
	for (int i = 0; i < TRIES_MAX; i++) {
		int fd = -1;

		switch (descend(&w, &fd, err)) {
		case STEP_MADE:
			return fd;
		case STEP_AGAIN:
			break;
		case STEP_FAILED:
			return -1;
		}
	}
	return err_sys(err, ELOOP, "make '%s'", path);
}

int in_root_make_parent(int root_fd, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd;

	if (!slash || !slash[1])
		return err_sys(err, EINVAL, "'%s'", path);
	if ((size_t)(slash - path) >= sizeof(dir))
		return err_sys(err, ENAMETOOLONG, "'%.64s'", path);
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	fd = in_root_make(root_fd, dir, true, err);
	if (fd >= 0)
		*ret_name = slash + 1;
	return fd;
}
