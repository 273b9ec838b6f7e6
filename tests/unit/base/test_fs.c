/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/defs.h"
#include "tmp.h"

static char *join(void **state, const char *name)
{
	return xasprintf("%s/%s", (const char *)*state, name);
}

static void put(void **state, const char *name, const char *text)
{
	scoped_free char *path = join(state, name);
	struct err err = ERR_INIT;

	assert_int_equal(file_replace(path, text, strlen(text), 0644, &err), 0);
}

static void make_link(void **state, const char *target, const char *name)
{
	scoped_free char *path = join(state, name);

	assert_int_equal(symlink(target, path), 0);
}

static void make_dir(void **state, const char *name)
{
	scoped_free char *path = join(state, name);
	struct err err = ERR_INIT;

	assert_int_equal(dir_make(path, 0755, &err), 0);
}

static bool exists(void **state, const char *name)
{
	scoped_free char *path = join(state, name);
	struct stat st;

	return lstat(path, &st) == 0;
}

static int root_fd(void **state, const char *name)
{
	scoped_free char *path = join(state, name);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void a_file_is_read_whole_up_to_its_limit(void **state)
{
	scoped_free char *path = join(state, "f");
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	size_t len;

	put(state, "f", "0123456789");
	assert_int_equal(file_read(path, 10, &text, &len, &err), 0);
	assert_int_equal(len, 10);
	assert_string_equal(text, "0123456789");
	assert_int_equal(file_read(path, 9, &text, &len, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	path[strlen(path) - 1] = 'x';
	assert_int_equal(file_read(path, 9, &text, &len, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void a_file_of_the_kernel_is_read_although_its_size_is_zero(void **state)
{
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_read("/proc/self/stat", 4096, &text, NULL, &err), 0);
	assert_true(strlen(text) > 10);
}

static void a_poke_never_creates(void **state)
{
	scoped_free char *path = join(state, "f");
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(file_poke(path, "1", &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(exists(state, "f"));
	put(state, "f", "000");
	assert_int_equal(file_poke(path, "1", &err), 0);
	assert_int_equal(file_read(path, 10, &text, NULL, &err), 0);
	assert_string_equal(text, "100");
}

static void a_replaced_file_is_new_as_a_whole(void **state)
{
	scoped_free char *path = join(state, "f");
	scoped_free char *text = NULL;
	scoped_fd int old = -1;
	struct err err = ERR_INIT;
	char buf[8] = "";
	struct stat st;

	put(state, "f", "old");
	old = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_replace(path, "newer", 5, 0600, &err), 0);
	assert_int_equal(read(old, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "old");
	assert_int_equal(file_read(path, 10, &text, NULL, &err), 0);
	assert_string_equal(text, "newer");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_link_is_replaced_and_not_written_through(void **state)
{
	scoped_free char *link = join(state, "link");
	scoped_free char *victim = join(state, "victim");
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;

	put(state, "victim", "precious");
	make_link(state, "victim", "link");
	assert_int_equal(file_replace(link, "x", 1, 0600, &err), 0);
	assert_int_equal(file_read(victim, 100, &text, NULL, &err), 0);
	assert_string_equal(text, "precious");
}

static void directories_are_made_on_the_way(void **state)
{
	scoped_free char *path = join(state, "a//b/c");
	struct err err = ERR_INIT;

	assert_int_equal(dir_make(path, 0700, &err), 0);
	assert_int_equal(dir_make(path, 0700, &err), 0);
	assert_true(exists(state, "a/b/c"));
	put(state, "file", "");
	free(path);
	path = join(state, "file/x");
	assert_int_equal(dir_make(path, 0700, &err), -1);
	assert_int_equal(err.sys, ENOTDIR);
}

static void a_tree_is_removed_without_following_links(void **state)
{
	scoped_free char *path = join(state, "tree");
	struct err err = ERR_INIT;

	make_dir(state, "outside");
	put(state, "outside/precious", "x");
	make_dir(state, "tree/a/b");
	put(state, "tree/a/file", "x");
	make_link(state, "../outside", "tree/link");
	make_link(state, "../../../outside", "tree/a/b/link");
	make_link(state, "/nonexistent", "tree/dangling");
	assert_int_equal(dir_remove(path, &err), 0);
	assert_false(exists(state, "tree"));
	assert_true(exists(state, "outside/precious"));
	assert_int_equal(dir_remove(path, &err), 0);
}

/* Two who clean up after the same sandbox. */
static void a_tree_may_be_removed_by_two_at_a_time(void **state)
{
	scoped_free char *path = join(state, "tree");
	struct err err = ERR_INIT;
	int status;
	pid_t other;

	for (int turn = 0; turn < 20; turn++) {
		for (int i = 0; i < 40; i++) {
			scoped_free char *dir = xasprintf("tree/%d/a", i);

			make_dir(state, dir);
		}
		other = fork();
		assert_true(other >= 0);
		if (other == 0)
			_exit(dir_remove(path, &err) == 0 ? 0 : 1);
		if (dir_remove(path, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(waitpid(other, &status, 0), other);
		assert_int_equal(status, 0);
		assert_false(exists(state, "tree"));
	}
}

static void a_link_given_as_the_tree_is_refused(void **state)
{
	scoped_free char *path = join(state, "link");
	struct err err = ERR_INIT;

	make_dir(state, "outside");
	put(state, "outside/precious", "x");
	make_link(state, "outside", "link");
	assert_int_equal(dir_remove(path, &err), -1);
	assert_true(exists(state, "outside/precious"));
}

static void in_child_with_mount(void **state)
{
	scoped_free char *path = join(state, "tree");
	scoped_free char *mnt = join(state, "tree/a/mnt");
	scoped_free char *inside = join(state, "tree/a/mnt/f");
	struct err err = ERR_INIT;

	if (unshare(CLONE_NEWNS) < 0)
		_exit(77);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", mnt, "tmpfs", 0, "size=64k") < 0)
		_exit(77);
	if (file_replace(inside, "x", 1, 0600, &err) < 0)
		_exit(1);
	if (dir_remove(path, &err) == 0 || err.sys != EBUSY)
		_exit(2);
	_exit(access(inside, F_OK) == 0 ? 0 : 3);
}

static void a_mount_inside_stays_with_what_is_on_it_as_root(void **state)
{
	int status;
	pid_t pid;

	make_dir(state, "tree/a/mnt");
	pid = fork();
	if (pid == 0)
		in_child_with_mount(state);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* What hostile image content does to a path: the name inside, and where it may lead at most. */
static void links_stay_inside_the_root(void **state)
{
	scoped_fd int root = -1, fd = -1;
	struct err err = ERR_INIT;
	char buf[16] = "";

	put(state, "secret", "outside");
	make_dir(state, "root/etc");
	put(state, "root/etc/passwd", "inside");
	put(state, "root/secret", "inside");
	make_link(state, "/etc", "root/abs");
	make_link(state, "../../../../..", "root/up");
	make_link(state, "../../secret", "root/etc/climb");
	root = root_fd(state, "root");

	fd = open_in_root(root, "/abs/passwd", O_RDONLY, 0, &err);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 6);
	assert_string_equal(buf, "inside");
	close_fd(&fd);
	fd = open_in_root(root, "up/etc/passwd", O_RDONLY, 0, &err);
	assert_true(fd >= 0);
	close_fd(&fd);
	fd = open_in_root(root, "../../../etc/climb", O_RDONLY, 0, &err);
	assert_true(fd >= 0);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(read(fd, buf, sizeof(buf)), 6);
	assert_string_equal(buf, "inside");
}

static void a_magic_link_is_refused(void **state)
{
	scoped_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_free char *path = xasprintf("%d/root/etc", (int)getpid());
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(open_in_root(proc, path, O_PATH, 0, &err), -1);
	assert_int_equal(err.sys, ELOOP);
}

static void beneath_means_no_link_and_no_way_up(void **state)
{
	scoped_fd int root = -1, fd = -1;
	struct err err = ERR_INIT;

	put(state, "secret", "outside");
	make_dir(state, "root/dir");
	put(state, "root/dir/file", "inside");
	make_link(state, "dir", "root/link");
	make_link(state, "file", "root/dir/flink");
	root = root_fd(state, "root");

	fd = open_beneath(root, "dir/file", O_RDONLY, 0, &err);
	assert_true(fd >= 0);
	assert_int_equal(open_beneath(root, "link/file", O_RDONLY, 0, &err), -1);
	assert_int_equal(err.sys, ELOOP);
	assert_int_equal(open_beneath(root, "dir/flink", O_RDONLY, 0, &err), -1);
	assert_int_equal(err.sys, ELOOP);
	assert_int_equal(open_beneath(root, "../secret", O_RDONLY, 0, &err), -1);
	assert_int_equal(err.sys, EXDEV);
	assert_int_equal(open_beneath(root, "dir/../../secret", O_RDONLY, 0, &err), -1);
	assert_int_equal(err.sys, EXDEV);
	assert_int_equal(open_beneath(root, "/etc/passwd", O_RDONLY, 0, &err), -1);
	assert_int_equal(err.sys, EXDEV);
}

static void a_file_may_be_created_beneath(void **state)
{
	scoped_fd int root = -1, fd = -1;
	struct err err = ERR_INIT;
	struct stat st;

	make_dir(state, "root");
	root = root_fd(state, "root");
	fd = open_beneath(root, "f", O_CREAT | O_EXCL | O_WRONLY, 0640, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void directories_are_made_inside_the_root_whatever_links_say(void **state)
{
	scoped_fd int root = -1, fd = -1;
	struct err err = ERR_INIT;

	make_dir(state, "root/real");
	make_dir(state, "outside");
	make_link(state, "/real", "root/abs");
	make_link(state, "../../outside", "root/climb");
	root = root_fd(state, "root");
	fd = dir_make_in_root(root, "/abs/x/y", 0755, &err);
	assert_true(fd >= 0);
	assert_true(exists(state, "root/real/x/y"));
	close_fd(&fd);

	/* "../../outside" means /outside in there, which does not exist. */
	fd = dir_make_in_root(root, "climb/evil", 0755, &err);
	assert_int_equal(fd, -1);
	assert_false(exists(state, "outside/evil"));

	fd = dir_make_in_root(root, "../../../up", 0755, &err);
	assert_true(fd >= 0);
	assert_true(exists(state, "root/up"));
	assert_false(exists(state, "up"));
}

static void write_all_writes_more_than_a_pipe_holds(void **state)
{
	scoped_free char *data = xcalloc(1, 300000);
	struct err err = ERR_INIT;
	size_t total = 0;
	char buf[4096];
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(write_all(fds[1], data, 300000, &err) == 0 ? 0 : 1);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		total += (size_t)n;
	close(fds[0]);
	assert_int_equal(total, 300000);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tmp_make, tmp_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_read_whole_up_to_its_limit),
		TEST(a_file_of_the_kernel_is_read_although_its_size_is_zero),
		TEST(a_poke_never_creates),
		TEST(a_replaced_file_is_new_as_a_whole),
		TEST(a_link_is_replaced_and_not_written_through),
		TEST(directories_are_made_on_the_way),
		TEST(a_tree_is_removed_without_following_links),
		TEST(a_tree_may_be_removed_by_two_at_a_time),
		TEST(a_link_given_as_the_tree_is_refused),
		TEST(a_mount_inside_stays_with_what_is_on_it_as_root),
		TEST(links_stay_inside_the_root),
		TEST(a_magic_link_is_refused),
		TEST(beneath_means_no_link_and_no_way_up),
		TEST(a_file_may_be_created_beneath),
		TEST(directories_are_made_inside_the_root_whatever_links_say),
		TEST(write_all_writes_more_than_a_pipe_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
