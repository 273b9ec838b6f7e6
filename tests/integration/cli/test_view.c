/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_view.c - what is seen through the pid that stands for a container
 *
 * Needs root; lives in a mount namespace of its own with its own /run. A child enters the view as
 * podman does, by setns(), and looks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/view.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/mountinfo.h"

#define DIR     "/run/view"
#define ROOTFS  DIR "/rootfs"
#define VOLUME  DIR "/volume"
#define SECRET  DIR "/secret" /* a directory of the host that nobody mounts */
#define FILE_IN VOLUME "/file"

/* --- what there is --- */

static void put(const char *path, const char *text)
{
	struct err err = ERR_INIT;

	if (file_replace(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.text);
}

static void make(const char *path)
{
	struct err err = ERR_INIT;

	if (dir_make(path, 0755, &err) < 0)
		fail_msg("%s", err.text);
}

static int own_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
		return -1;
	make(CLI_SBS_DIR);
	return chdir("/run");
}

static int setup(void **state)
{
	static const char *const dirs[] = { "etc", "data", "proc", "tmp", "dev/shm", "sub" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		scoped_free char *path = xasprintf(ROOTFS "/%s", dirs[i]);

		make(path);
	}
	make(VOLUME "/deep");
	make(SECRET);
	if (mount("tmpfs", VOLUME "/deep", "tmpfs", 0, NULL) < 0)
		return -1;
	put(ROOTFS "/etc/name", "rootfs");
	put(ROOTFS "/etc/hosts", "image");
	put(VOLUME "/file", "volume");
	put(VOLUME "/deep/file", "deep");
	put(SECRET "/file", "secret");
	return 0;
}

static int teardown(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	if (umount2(VOLUME "/deep", MNT_DETACH) < 0)
		return -1;
	return dir_remove(DIR, &err);
}

/* --- the specification --- */

static Grpc__Spec *spec_new(void)
{
	Grpc__Spec *spec = xnew(Grpc__Spec);

	grpc__spec__init(spec);
	spec->root = xnew(Grpc__Root);
	grpc__root__init(spec->root);
	return spec;
}

static void add_mount(Grpc__Spec *spec, const char *destination, const char *source,
		      const char *type, const char *option)
{
	Grpc__Mount *m = xnew(Grpc__Mount);

	grpc__mount__init(m);
	m->destination = xstrdup(destination);
	m->source = xstrdup(source);
	m->type = xstrdup(type);
	if (option)
		strv_add(&m->options, option);
	m->n_options = strv_len(m->options);
	spec->mounts = xrealloc(spec->mounts, spec->n_mounts + 1, sizeof(*spec->mounts));
	spec->mounts[spec->n_mounts++] = m;
}

static void add_bind(Grpc__Spec *spec, const char *destination, const char *source, bool read_only)
{
	Grpc__Mount *m;

	add_mount(spec, destination, source, "bind", "rbind");
	m = spec->mounts[spec->n_mounts - 1];
	if (read_only) {
		strv_add(&m->options, "ro");
		m->n_options++;
	}
}

/* Frees the specification. */
static int view_of(const char *rootfs, Grpc__Spec *spec)
{
	struct err err = ERR_INIT;
	int ns = view_make(rootfs, spec, &err);

	if (ns < 0)
		fail_msg("%s", err.text);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	return ns;
}

/* --- a look --- */

/* In the child: the errno of an open(), 255 when something else was read than is wanted. */
static int look(const char *path, int flags, const char *want)
{
	char got[16] = "";
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno;
	if (!want)
		return 0;
	return read(fd, got, sizeof(got) - 1) >= 0 && strcmp(got, want) == 0 ? 0 : 255;
}

static int in_view(int ns, const char *path, int flags, const char *want)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(setns(ns, CLONE_NEWNS) < 0 ? 254 : look(path, flags, want));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define assert_reads(ns, path, text) assert_int_equal(in_view(ns, path, O_RDONLY, text), 0)
#define assert_open_gives(ns, path, flags, errnum) \
	assert_int_equal(in_view(ns, path, flags, NULL), errnum)
#define WRITE  (O_WRONLY)
#define CREATE (O_WRONLY | O_CREAT | O_EXCL)

static bool host_has(const char *path, const char *text)
{
	scoped_free char *got = NULL;
	struct err err = ERR_INIT;

	return file_read(path, 64, &got, NULL, &err) == 0 && strcmp(got, text) == 0;
}

static size_t count_mounts(void)
{
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	assert_int_equal(mountinfo_read(&text, &err), 0);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

/* --- promises --- */

static void the_root_file_system_is_there_and_nothing_else_of_the_host(void **state)
{
	scoped_fd int ns = view_of(ROOTFS, spec_new());

	(void)state;
	assert_reads(ns, "/etc/name", "rootfs");
	assert_open_gives(ns, SECRET "/file", O_RDONLY, ENOENT);
	assert_open_gives(ns, "/../../.." SECRET "/file", O_RDONLY, ENOENT);
	assert_open_gives(ns, "/proc/self", O_RDONLY, ENOENT);
}

static void what_is_written_there_is_in_the_root_file_system(void **state)
{
	scoped_fd int ns = view_of(ROOTFS, spec_new());

	(void)state;
	assert_open_gives(ns, "/etc/new", CREATE, 0);
	assert_true(host_has(ROOTFS "/etc/new", ""));
}

static void a_read_only_root_file_system_cannot_be_written_to_its_volumes_can(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	spec->root->readonly = true;
	add_bind(spec, "/data", VOLUME, false);
	ns = view_of(ROOTFS, spec);
	assert_open_gives(ns, "/etc/name", WRITE, EROFS);
	assert_open_gives(ns, "/data/new", CREATE, 0);
	assert_true(host_has(VOLUME "/new", ""));
}

static void a_directory_and_a_file_of_the_host_are_where_they_are_mounted(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	add_bind(spec, "/data", VOLUME, false);
	add_bind(spec, "/etc/hosts", FILE_IN, false);
	ns = view_of(ROOTFS, spec);
	assert_reads(ns, "/data/file", "volume");
	assert_reads(ns, "/data/deep/file", "deep");
	assert_reads(ns, "/etc/hosts", "volume");
	assert_true(host_has(ROOTFS "/etc/hosts", "image"));
}

static void a_bind_that_is_not_recursive_shows_nothing_of_what_is_mounted_below(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	add_mount(spec, "/data", VOLUME, "none", "bind");
	ns = view_of(ROOTFS, spec);
	assert_reads(ns, "/data/file", "volume");
	assert_open_gives(ns, "/data/deep/file", O_RDONLY, ENOENT);
}

static void a_read_only_volume_is_so_with_all_that_is_mounted_below(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	add_bind(spec, "/data", VOLUME, true);
	add_bind(spec, "/etc/hosts", FILE_IN, true);
	ns = view_of(ROOTFS, spec);
	assert_reads(ns, "/data/deep/file", "deep");
	assert_open_gives(ns, "/data/file", WRITE, EROFS);
	assert_open_gives(ns, "/data/deep/file", WRITE, EROFS);
	assert_open_gives(ns, "/etc/hosts", WRITE, EROFS);
}

static void what_the_guest_makes_itself_is_empty_and_takes_nothing(void **state)
{
	static const char *const made[] = { "/proc", "/tmp", "/dev/shm", "/sub" };
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	put(ROOTFS "/tmp/under", "hidden");
	add_mount(spec, "/proc", "proc", "proc", NULL);
	add_mount(spec, "/tmp", "tmpfs", "tmpfs", NULL);
	add_bind(spec, "/dev/shm", VOLUME, false);
	add_bind(spec, "/sub", "/proc/sys", false); /* the guest's own, in the guest */
	ns = view_of(ROOTFS, spec);
	assert_open_gives(ns, "/tmp/under", O_RDONLY, ENOENT);
	assert_open_gives(ns, "/dev/shm/file", O_RDONLY, ENOENT);
	assert_open_gives(ns, "/sub/kernel", O_RDONLY, ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		scoped_free char *path = xasprintf("%s/new", made[i]);

		assert_open_gives(ns, path, CREATE, EROFS);
	}
}

static void without_a_root_directory_the_view_is_empty(void **state)
{
	scoped_fd int ns = view_of("/dev/null", spec_new());

	(void)state;
	assert_open_gives(ns, "/", O_RDONLY | O_DIRECTORY, 0);
	assert_open_gives(ns, SECRET "/file", O_RDONLY, ENOENT);
	assert_open_gives(ns, "/new", CREATE, EROFS);
}

static void the_caller_is_where_it_was(void **state)
{
	Grpc__Spec *spec = spec_new();
	size_t mounts = count_mounts();
	struct stat before, after;
	scoped_fd int ns = -1;
	char cwd[64];

	(void)state;
	add_bind(spec, "/data", VOLUME, true);
	assert_int_equal(stat("/proc/self/ns/mnt", &before), 0);
	ns = view_of(ROOTFS, spec);
	assert_int_equal(stat("/proc/self/ns/mnt", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_string_equal(getcwd(cwd, sizeof(cwd)), "/run");
	assert_int_equal(count_mounts(), mounts);
	assert_true(host_has(SECRET "/file", "secret"));
}

static void a_failure_leaves_the_caller_where_it_was_too(void **state)
{
	Grpc__Spec *spec = spec_new();
	size_t mounts = count_mounts();
	struct err err = ERR_INIT;
	char cwd[64];

	(void)state;
	add_bind(spec, "/data", DIR "/none", false);
	assert_int_equal(view_make(ROOTFS, spec, &err), -1);
	assert_non_null(strstr(err.text, DIR "/none"));
	assert_string_equal(getcwd(cwd, sizeof(cwd)), "/run");
	assert_int_equal(count_mounts(), mounts);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

/* --- malice of the image --- */

static void link_in_rootfs(const char *name, const char *target)
{
	scoped_free char *path = xasprintf(ROOTFS "/%s", name);

	assert_int_equal(symlink(target, path), 0);
}

static void links_at_destinations_do_not_lead_outside(void **state)
{
	static const char *const names[] = { "/absolute", "/climbing", "/below/in", "/file" };
	Grpc__Spec *spec = spec_new();
	size_t mounts = count_mounts();
	scoped_fd int ns = -1;

	(void)state;
	link_in_rootfs("absolute", SECRET);
	link_in_rootfs("climbing", "../../../../.." SECRET);
	link_in_rootfs("below", DIR);
	link_in_rootfs("file", SECRET "/file");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_bind(spec, names[i], i < 3 ? VOLUME : FILE_IN, false);
	ns = view_of(ROOTFS, spec);
	assert_true(host_has(SECRET "/file", "secret"));
	assert_int_equal(count_mounts(), mounts);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_open_gives(ns, names[i], O_RDONLY, ENOENT);
	assert_open_gives(ns, SECRET, O_RDONLY, ENOENT);
}

static void a_link_leads_to_what_it_names_inside(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	make(ROOTFS SECRET);
	link_in_rootfs("absolute", SECRET);
	add_bind(spec, "/absolute", VOLUME, true);
	ns = view_of(ROOTFS, spec);
	assert_reads(ns, "/absolute/file", "volume");
	assert_reads(ns, SECRET "/file", "volume");
	assert_open_gives(ns, SECRET "/file", WRITE, EROFS);
	assert_true(host_has(SECRET "/file", "secret"));
}

static void a_link_to_the_root_shows_no_more_than_the_volume(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	link_in_rootfs("top", "/");
	add_bind(spec, "/top", VOLUME, false);
	ns = view_of(ROOTFS, spec);
	assert_open_gives(ns, SECRET "/file", O_RDONLY, ENOENT);
	assert_open_gives(ns, "/.." SECRET "/file", O_RDONLY, ENOENT);
}

/* The second volume's place is named by a link in the first, which the guest may have written. */
static void a_link_in_a_volume_does_not_lead_outside(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	assert_int_equal(symlink("../../../../.." SECRET, VOLUME "/trap"), 0);
	add_bind(spec, "/data", VOLUME, false);
	add_bind(spec, "/data/trap", VOLUME "/deep", false);
	ns = view_of(ROOTFS, spec);
	assert_true(host_has(SECRET "/file", "secret"));
	assert_open_gives(ns, "/data/trap", O_RDONLY, ENOENT);
}

static void a_place_that_is_not_there_is_passed_over(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	add_bind(spec, "/none/at/all", VOLUME, false);
	add_bind(spec, "/data", VOLUME, false);
	ns = view_of(ROOTFS, spec);
	assert_open_gives(ns, "/none", O_RDONLY, ENOENT);
	assert_reads(ns, "/data/file", "volume");
}

static void device_nodes_of_the_image_do_not_open(void **state)
{
	Grpc__Spec *spec = spec_new();
	scoped_fd int ns = -1;

	(void)state;
	assert_int_equal(mknod(ROOTFS "/etc/zero", S_IFCHR | 0666, makedev(1, 5)), 0);
	assert_int_equal(mknod(VOLUME "/deep/zero", S_IFCHR | 0666, makedev(1, 5)), 0);
	add_bind(spec, "/data", VOLUME, false);
	ns = view_of(ROOTFS, spec);
	assert_open_gives(ns, "/etc/zero", O_RDONLY, EACCES);
	assert_open_gives(ns, "/data/deep/zero", O_RDONLY, EACCES);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_root_file_system_is_there_and_nothing_else_of_the_host),
		T(what_is_written_there_is_in_the_root_file_system),
		T(a_read_only_root_file_system_cannot_be_written_to_its_volumes_can),
		T(a_directory_and_a_file_of_the_host_are_where_they_are_mounted),
		T(a_bind_that_is_not_recursive_shows_nothing_of_what_is_mounted_below),
		T(a_read_only_volume_is_so_with_all_that_is_mounted_below),
		T(what_the_guest_makes_itself_is_empty_and_takes_nothing),
		T(without_a_root_directory_the_view_is_empty),
		T(the_caller_is_where_it_was),
		T(a_failure_leaves_the_caller_where_it_was_too),
		T(links_at_destinations_do_not_lead_outside),
		T(a_link_leads_to_what_it_names_inside),
		T(a_link_to_the_root_shows_no_more_than_the_volume),
		T(a_link_in_a_volume_does_not_lead_outside),
		T(a_place_that_is_not_there_is_passed_over),
		T(device_nodes_of_the_image_do_not_open),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "needs root\n");
		return 77; /* skipped */
	}
	return cmocka_run_group_tests(tests, own_namespace, NULL);
}
