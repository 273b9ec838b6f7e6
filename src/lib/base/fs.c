/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static int read_whole(int fd, const char *path, size_t max, char **ret, size_t *ret_len,
		      struct err *err)
{
	struct str text = { .max = max };
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int sys = errno;

			str_done(&text);
			return err_sys(err, sys, "read '%s'", path);
		}
		str_add_n(&text, buf, (size_t)n);
		if (text.cut) {
			str_done(&text);
			return err_set(err, ERR_EXHAUSTED, "read '%s': more than %zu bytes", path,
				       max);
		}
	}
	if (ret_len)
		*ret_len = text.len;
	*ret = str_take(&text);
	return 0;
}

int file_read_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_len,
		 struct err *err)
{
	scoped_fd int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	return read_whole(fd, path, max, ret, ret_len, err);
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *err)
{
	return file_read_at(AT_FDCWD, path, max, ret, ret_len, err);
}

int file_poke_at(int dir_fd, const char *path, const char *text, struct err *err)
{
	scoped_fd int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	n = write(fd, text, len);
	if (n < 0)
		return err_sys(err, errno, "write '%s' to '%s'", text, path);
	if ((size_t)n != len)
		return err_set(err, ERR_INTERNAL, "write '%s' to '%s': cut short", text, path);
	return 0;
}

int file_poke(const char *path, const char *text, struct err *err)
{
	return file_poke_at(AT_FDCWD, path, text, err);
}

int write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "write");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_in_memory(const char *name, const void *data, size_t len, struct err *err)
{
	scoped_fd int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "make file '%s' in memory", name);
	if (write_all(fd, data, len, err) < 0)
		return err_wrap(err, "file '%s' in memory", name);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "rewind file '%s'", name);
	return take_fd(&fd);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	scoped_free char *tmp = xasprintf("%s.%d.tmp", path, (int)getpid());
	scoped_fd int fd = -1;

	(void)unlink(tmp); /* ours by name: left by a process of this pid that died */
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(err, errno, "create '%s'", tmp);
	if (write_all(fd, data, len, err) < 0) {
		(void)unlink(tmp);
		return err_wrap(err, "write '%s'", tmp);
	}
	if (rename(tmp, path) < 0) {
		int sys = errno;

		(void)unlink(tmp);
		return err_sys(err, sys, "rename '%s' to '%s'", tmp, path);
	}
	return 0;
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
	scoped_free char *copy = xstrdup(path);

	for (char *at = copy + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make directory '%s'", copy);
		*at = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make directory '%s'", copy);
	return 0;
}

static int remove_entries(int dir_fd, dev_t dev, const char *path, unsigned int depth,
			  struct err *err);

static int remove_one(int dir_fd, dev_t dev, const char *name, const char *path, unsigned int depth,
		      struct err *err)
{
	scoped_fd int sub = -1;
	struct stat st;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, errno, "remove '%s' in '%s'", name, path);
	sub = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0 && errno == ENOENT) /* somebody else removes the tree as well */
		return 0;
	if (sub < 0 || fstat(sub, &st) < 0)
		return err_sys(err, errno, "open '%s' in '%s'", name, path);
	if (st.st_dev != dev)
		return err_sys(err, EBUSY, "remove '%s' in '%s'", name, path);
	if (remove_entries(sub, dev, path, depth + 1, err) < 0)
		return -1;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove '%s' in '%s'", name, path);
	return 0;
}

#define DIR_REMOVE_DEPTH_MAX 256

static int remove_entries(int dir_fd, dev_t dev, const char *path, unsigned int depth,
			  struct err *err)
{
	int list_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		err_sys(err, errno, "list '%s'", path);
		if (list_fd >= 0)
			close(list_fd);
		return -1;
	}
	if (depth > DIR_REMOVE_DEPTH_MAX)
		r = err_set(err, ERR_EXHAUSTED, "remove '%s': too deep", path);
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = remove_one(dir_fd, dev, entry->d_name, path, depth, err);
	closedir(dir);
	return r;
}

int dir_remove(const char *path, struct err *err)
{
	scoped_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat '%s'", path);
	if (remove_entries(fd, st.st_dev, path, 0, err) < 0)
		return -1;
	if (rmdir(path) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove directory '%s'", path);
	return 0;
}

static int open_how(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve,
		    struct err *err)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = resolve,
	};
	long fd;

	/* EAGAIN: something was renamed during the walk; the kernel asks to try again. */
	do
		fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	return (int)fd;
}

int open_in_root(int root_fd, const char *path, int flags, mode_t mode, struct err *err)
{
	return open_how(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, err);
}

int open_beneath(int dir_fd, const char *path, int flags, mode_t mode, struct err *err)
{
	return open_how(dir_fd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, err);
}

int dir_make_in_root(int root_fd, const char *path, mode_t mode, struct err *err)
{
	char part[4096];
	size_t len = strlen(path);
	int at;

	if (len >= sizeof(part))
		return err_sys(err, ENAMETOOLONG, "make directory '%.64s'", path);
	at = open_in_root(root_fd, "/", O_PATH | O_DIRECTORY, 0, err);
	/*
	 * Each prefix is resolved anew from the root, so a link in the middle means
	 * what it means inside; mkdirat() acts in the directory that was resolved
	 * and never follows its last component.
	 */
	for (size_t i = 0; at >= 0 && i < len;) {
		size_t start;
		struct err ignored = ERR_INIT;
		int next;

		while (path[i] == '/')
			i++;
		start = i;
		while (path[i] && path[i] != '/')
			i++;
		if (i == start)
			break;
		memcpy(part, path, i);
		part[i] = '\0';
		next = open_in_root(root_fd, part, O_PATH | O_DIRECTORY, 0, &ignored);
		if (next < 0 && ignored.sys == ENOENT) {
			if (mkdirat(at, part + start, mode) < 0 && errno != EEXIST) {
				err_sys(err, errno, "make directory '%s'", part);
				close(at);
				return -1;
			}
			next = open_in_root(root_fd, part, O_PATH | O_DIRECTORY, 0, err);
		} else if (next < 0) {
			*err = ignored;
		}
		close(at);
		at = next;
	}
	return at;
}
