/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_probe.c - does a directory behave like a file system? Runs in a container.
 *
 * One line a question, "ok NAME" or "failed NAME: reason"; the exit code is the number of failures.
 * Static, so that it runs on any root file system. What it leaves in DIR is for the host to look at.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAPPED_LEN (1u << 20)

static int create(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool has_text(int fd, const char *text)
{
	char buf[64];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);

	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static bool fsync_works(void)
{
	int fd = create("synced", "x");
	bool ok = fd >= 0 && fsync(fd) == 0 && fdatasync(fd) == 0;

	close(fd);
	return ok;
}

/* Two open files of one process exclude each other, as those of two processes do. */
static bool flock_excludes(void)
{
	int a = create("locked", ""), b = open("locked", O_RDWR | O_CLOEXEC);
	bool ok = flock(a, LOCK_EX) == 0 && flock(b, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK &&
		  flock(a, LOCK_UN) == 0 && flock(b, LOCK_EX | LOCK_NB) == 0;

	close(a);
	close(b);
	return ok;
}

static bool posix_lock_excludes(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = create("record", "x"), status = 1;
	pid_t pid;

	if (fcntl(fd, F_SETLK, &lock) < 0)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(fcntl(fd, F_SETLK, &lock) < 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Not synced on purpose: what was written must reach the host by the end of the container. */
static bool shared_mapping_is_written(void)
{
	int fd = create("mapped", "");
	char *map;

	if (ftruncate(fd, MAPPED_LEN) < 0)
		return false;
	map = mmap(NULL, MAPPED_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	memset(map, 'm', MAPPED_LEN);
	return true;
}

static bool renamed_over_an_open_file_stays_readable(void)
{
	int old = create("target", "old");
	bool ok;

	close(create("source", "new"));
	ok = rename("source", "target") == 0 && has_text(old, "old");
	close(old);
	old = open("target", O_RDONLY | O_CLOEXEC);
	return ok && has_text(old, "new");
}

static bool unlinked_file_stays_usable(void)
{
	int fd = create("unlinked", "kept");

	return unlink("unlinked") == 0 && has_text(fd, "kept") && access("unlinked", F_OK) < 0;
}

static bool xattr_is_kept(void)
{
	char buf[16];

	close(create("attributed", ""));
	return setxattr("attributed", "user.kata", "value", 5, 0) == 0 &&
	       getxattr("attributed", "user.kata", buf, sizeof(buf)) == 5 && memcmp(buf, "value", 5) == 0;
}

static bool owner_mode_and_links_are_kept(void)
{
	struct stat st;

	close(create("owned", ""));
	return chown("owned", 12, 34) == 0 && chmod("owned", 04640) == 0 && link("owned", "hard") == 0 &&
	       symlink("owned", "soft") == 0 && stat("soft", &st) == 0 && st.st_uid == 12 &&
	       st.st_gid == 34 && (st.st_mode & 07777) == 04640 && st.st_nlink == 2;
}

static bool sparse_file_stays_sparse(void)
{
	int fd = create("sparse", "");
	struct stat st;

	return ftruncate(fd, 10 << 20) == 0 && pwrite(fd, "x", 1, (10 << 20) - 1) == 1 && fsync(fd) == 0 &&
	       fstat(fd, &st) == 0 && st.st_size == 10 << 20 && st.st_blocks < 1024;
}

static bool inotify_tells_of_our_changes(void)
{
	char buf[4096];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (inotify_add_watch(fd, ".", IN_CREATE) < 0)
		return false;
	close(create("noticed", ""));
	return poll(&pfd, 1, 5000) == 1 && read(fd, buf, sizeof(buf)) > 0;
}

static bool append_appends(void)
{
	int fd;

	close(create("appended", "a"));
	fd = open("appended", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (write(fd, "b", 1) != 1)
		return false;
	close(fd);
	return has_text(open("appended", O_RDONLY | O_CLOEXEC), "ab");
}

static const struct {
	const char *name;
	bool (*ask)(void);
} questions[] = {
	{ "fsync", fsync_works },
	{ "flock", flock_excludes },
	{ "record lock", posix_lock_excludes },
	{ "shared mapping", shared_mapping_is_written },
	{ "rename over an open file", renamed_over_an_open_file_stays_readable },
	{ "unlinked file", unlinked_file_stays_usable },
	{ "xattr", xattr_is_kept },
	{ "owner, mode, links", owner_mode_and_links_are_kept },
	{ "sparse file", sparse_file_stays_sparse },
	{ "inotify", inotify_tells_of_our_changes },
	{ "append", append_appends },
};

int main(int argc, char **argv)
{
	int failures = 0;

	if (argc != 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: fs_probe DIR\n");
		return 125;
	}
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		errno = 0;
		if (questions[i].ask()) {
			printf("ok %s\n", questions[i].name);
		} else {
			printf("failed %s: %s\n", questions[i].name, strerror(errno));
			failures++;
		}
	}
	return failures;
}
