/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's root file system with real mounts. Needs root; lives in a mount namespace of its
 * own with its own /run.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/persist/cleanup.h"
#include "engine/persist/journal.h"
#include "engine/resource/rootfs.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define SID    "test-rootfs"
#define TARGET "/run/bundle/rootfs"
/* As long as containerd's own. */
#define LAYERS   "/run/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"
#define N_LAYERS 128

static int own_namespace(void **state)
{
	struct err err = ERR_INIT;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 ||
	    dir_make(RUN_SANDBOXES "/" SID, 0700, &err) < 0)
		return -1;
	for (int i = 0; i < N_LAYERS; i++) {
		scoped_free char *dir = xasprintf(LAYERS "/%d/fs", i);
		scoped_free char *file = xasprintf("%s/file%d", dir, i);

		if (dir_make(dir, 0755, &err) < 0 || file_replace(file, "x", 1, 0644, &err) < 0)
			return -1;
	}
	if (dir_make(LAYERS "/upper/fs", 0755, &err) < 0 ||
	    dir_make(LAYERS "/upper/work", 0755, &err) < 0)
		return -1;
	*state = journal_create(RUN_SANDBOXES "/" SID, &err);
	return *state ? 0 : -1;
}

static int end(void **state)
{
	journal_free(*state);
	return 0;
}

static bool exists(const char *name)
{
	scoped_free char *path = xasprintf(TARGET "/%s", name);

	return access(path, F_OK) == 0;
}

static struct rootfs *mounted(struct journal *journal, const struct rootfs_mount *mounts, size_t n)
{
	struct err err = ERR_INIT;
	struct rootfs *rootfs = rootfs_new(TARGET, mounts, n, &err);

	if (!rootfs || rootfs_mount(rootfs, journal, &err) < 0)
		fail_msg("%s", err.text);
	return rootfs;
}

static void unmounted(struct rootfs *rootfs, struct journal *journal)
{
	struct err err = ERR_INIT;

	if (rootfs_unmount(rootfs, journal, &err) < 0)
		fail_msg("%s", err.text);
	assert_false(exists("file0"));
	rootfs_free(rootfs);
}

static char *lower_layers(size_t n)
{
	char *text = xstrdup("lowerdir=");

	for (size_t i = n; i-- > 0;) {
		char *longer = xasprintf("%s" LAYERS "/%zu/fs%s", text, i, i ? ":" : "");

		free(text);
		text = longer;
	}
	return text;
}

/* 128 of containerd's paths are three pages. */
static void an_overlay_of_many_layers_fits(void **state)
{
	static char work[] = "workdir=" LAYERS "/upper/work", upper[] = "upperdir=" LAYERS "/upper/fs";
	scoped_free char *lower = lower_layers(N_LAYERS);
	char *options[] = { work, upper, lower };
	const struct rootfs_mount m = {
		.type = "overlay", .source = "overlay", .options = options, .n_options = 3
	};
	struct rootfs *rootfs;
	char before[4096], after[4096];

	assert_true(strlen(lower) > 2 * 4096);
	assert_non_null(getcwd(before, sizeof(before)));
	rootfs = mounted(*state, &m, 1);
	assert_true(exists("file0") && exists("file127"));
	assert_non_null(getcwd(after, sizeof(after)));
	assert_string_equal(before, after);
	unmounted(rootfs, *state);
}

static void a_bind_may_be_read_only(void **state)
{
	static char rbind[] = "rbind", ro[] = "ro";
	char *options[] = { rbind, ro };
	const struct rootfs_mount m = {
		.type = "bind", .source = LAYERS "/0/fs", .options = options, .n_options = 2
	};
	struct rootfs *rootfs = mounted(*state, &m, 1);

	assert_true(exists("file0"));
	assert_int_equal(access(TARGET, W_OK), -1);
	unmounted(rootfs, *state);
}

static void a_mount_that_fails_is_named_and_the_ones_before_it_go(void **state)
{
	const struct rootfs_mount m[] = { { .type = "bind", .source = LAYERS "/0/fs" },
					  { .type = "bind", .source = "/nonexistent" } };
	struct err err = ERR_INIT;
	struct rootfs *rootfs = rootfs_new(TARGET, m, ARRAY_LEN(m), &err);

	assert_non_null(rootfs);
	assert_int_equal(rootfs_mount(rootfs, *state, &err), -1);
	assert_non_null(strstr(err.text, "'/nonexistent'"));
	assert_true(exists("file0"));
	unmounted(rootfs, *state);
}

/* Last: it takes the journal away. */
static void a_cleanup_takes_the_mounts_off(void **state)
{
	const struct rootfs_mount m[] = { { .type = "bind", .source = LAYERS "/0/fs" },
					  { .type = "bind", .source = LAYERS "/1/fs" } };
	struct rootfs *rootfs = mounted(*state, m, ARRAY_LEN(m));
	struct err err = ERR_INIT;

	assert_true(exists("file1") && !exists("file0"));
	assert_int_equal(sandbox_cleanup(SID, &err), 0);
	assert_false(exists("file0") || exists("file1"));
	rootfs_free(rootfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_overlay_of_many_layers_fits),
		cmocka_unit_test(a_bind_may_be_read_only),
		cmocka_unit_test(a_mount_that_fails_is_named_and_the_ones_before_it_go),
		cmocka_unit_test(a_cleanup_takes_the_mounts_off),
	};

	return cmocka_run_group_tests(tests, own_namespace, end);
}
