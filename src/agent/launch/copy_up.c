/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch/copy_up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"

static int copy_bytes(int in, int out, const char *name, struct err *err)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read '%s'", name);
		if (write_all(out, buf, (size_t)n, err) < 0)
			return err_wrap(err, "'%s'", name);
	}
	return 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *want, struct err *err)
{
	scoped_fd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	scoped_fd int out = -1;
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(err, errno, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return 0; /* swapped since it was looked at */
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(err, errno, "create '%s'", name);
	if (copy_bytes(in, out, name, err) < 0)
		return -1;
	if (fchown(out, want->st_uid, want->st_gid) < 0 || fchmod(out, want->st_mode & 07777) < 0)
		return err_sys(err, errno, "change owner of '%s'", name);
	return 0;
}

static int copy_link(int from, int to, const char *name, const struct stat *want, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(err, errno, "read link '%s'", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0 ||
	    fchownat(to, name, want->st_uid, want->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "make link '%s'", name);
	return 0;
}

static int copy_dir(int from, int to, dev_t dev, unsigned int depth, struct err *err);

static int copy_subdir(int from, int to, const char *name, const struct stat *want,
		       unsigned int depth, struct err *err)
{
	scoped_fd int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	scoped_fd int out = -1;

	if (in < 0)
		return err_sys(err, errno, "open '%s'", name);
	if (mkdirat(to, name, 0700) < 0)
		return err_sys(err, errno, "make '%s'", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_sys(err, errno, "open the copy of '%s'", name);
	if (copy_dir(in, out, want->st_dev, depth + 1, err) < 0)
		return -1;
	if (fchown(out, want->st_uid, want->st_gid) < 0 || fchmod(out, want->st_mode & 07777) < 0)
		return err_sys(err, errno, "change owner of '%s'", name);
	return 0;
}

static int copy_entry(int from, int to, const char *name, dev_t dev, unsigned int depth,
		      struct err *err)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "stat '%s'", name);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st, err);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st, err);
	if (S_ISDIR(st.st_mode) && st.st_dev == dev)
		return copy_subdir(from, to, name, &st, depth, err);
	return 0;
}

static int copy_dir(int from, int to, dev_t dev, unsigned int depth, struct err *err)
{
	union {
		struct dirent64 align;
		char bytes[4096];
	} buf;
	long n;

	if (depth > COPY_UP_DEPTH_MAX)
		return err_set(err, ERR_EXHAUSTED, "more than %d levels", COPY_UP_DEPTH_MAX);
	while ((n = syscall(SYS_getdents64, from, buf.bytes, sizeof(buf.bytes))) > 0) {
		for (long at = 0; at < n;) {
			struct dirent64 *entry = (void *)(buf.bytes + at);

			at += entry->d_reclen;
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			if (copy_entry(from, to, entry->d_name, dev, depth, err) < 0)
				return -1;
		}
	}
	if (n < 0)
		return err_sys(err, errno, "list");
	return 0;
}

int copy_up(int from_fd, int to_fd, struct err *err)
{
	scoped_fd int from = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped_fd int to = openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return err_sys(err, errno, "open");
	return copy_dir(from, to, st.st_dev, 0, err);
}
