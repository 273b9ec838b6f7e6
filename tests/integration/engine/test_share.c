/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared directory with real mounts. Needs root; lives in a mount namespace of its own
 * with its own /run.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/persist/cleanup.h"
#include "engine/persist/journal.h"
#include "engine/resource/share.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define SID       "test-share"
#define EXPORTED  SHARE_HOST_DIR "/" SID "/shared"
#define DATA      "/run/data"

static size_t count_mounts(void)
{
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	assert_int_equal(file_read("/proc/self/mountinfo", 4u << 20, &text, NULL, &err), 0);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

static int own_namespace(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
		return -1;
	if (dir_make(RUN_SANDBOXES "/" SID, 0700, &err) < 0 || dir_make(DATA "/sub", 0755, &err) < 0)
		return -1;
	return file_replace(DATA "/file", "old", 3, 0644, &err);
}

struct fixture {
	struct journal *journal;
	struct share *share;
	size_t mounts_before;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct err err = ERR_INIT;

	f->mounts_before = count_mounts();
	f->journal = journal_create(RUN_SANDBOXES "/" SID, &err);
	f->share = f->journal ? share_new(SID, f->journal, &err) : NULL;
	if (!f->share)
		fprintf(stderr, "setup: %s\n", err.text);
	*state = f;
	return f->share ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	int r = share_remove(f->share, &err);

	journal_free(f->journal);
	if (r < 0)
		fprintf(stderr, "teardown: %s\n", err.text);
	/* The replay of an ended sandbox's journal has nothing to do and takes the rest away. */
	if (r == 0)
		r = sandbox_cleanup(SID, &err);
	if (count_mounts() != f->mounts_before || access(SHARE_HOST_DIR "/" SID, F_OK) == 0)
		r = -1;
	free(f);
	return dir_make(RUN_SANDBOXES "/" SID, 0700, &err) < 0 ? -1 : r;
}

static void place(struct fixture *f, const char *from, const char *name, bool read_only)
{
	struct err err = ERR_INIT;

	if (share_place(f->share, from, name, read_only, true, &err) < 0)
		fail_msg("%s", err.text);
}

static void what_is_placed_appears_in_the_exported_directory(void **state)
{
	place(*state, DATA, "c1/rootfs", false);
	assert_int_equal(access(EXPORTED "/c1/rootfs/file", F_OK), 0);
	assert_int_equal(mkdir(EXPORTED "/c1/rootfs/new", 0755), 0);
	assert_int_equal(rmdir(DATA "/new"), 0);
}

static void the_top_of_the_exported_directory_is_read_only(void **state)
{
	place(*state, DATA, "c1/rootfs", false);
	assert_int_equal(mkdir(EXPORTED "/evil", 0755), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(symlink("/etc", EXPORTED "/c1/evil"), -1);
	assert_int_equal(errno, EROFS);
}

/* CVE-2020-28914: the flag must be on the mount that is exported. */
static void cve_2020_28914_read_only_holds_for_the_guest(void **state)
{
	place(*state, DATA, "c1-ro", true);
	assert_int_equal(open(EXPORTED "/c1-ro/file", O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(mkdir(EXPORTED "/c1-ro/sub/x", 0755), -1);
	assert_int_equal(errno, EROFS);
}

static void a_mount_below_a_read_only_tree_is_read_only_too(void **state)
{
	assert_int_equal(mount("tmpfs", DATA "/sub", "tmpfs", 0, NULL), 0);
	place(*state, DATA, "c1-ro", true);
	assert_int_equal(mkdir(EXPORTED "/c1-ro/sub/x", 0755), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(umount2(DATA "/sub", MNT_DETACH), 0);
}

static void a_file_can_be_placed(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	scoped_free char *text = NULL;

	place(f, DATA "/file", "c1-file", true);
	assert_int_equal(file_read(EXPORTED "/c1-file", 100, &text, NULL, &err), 0);
	assert_string_equal(text, "old");
	assert_int_equal(share_take_away(f->share, "c1-file", &err), 0);
	assert_int_equal(access(EXPORTED "/c1-file", F_OK), -1);
}

static void a_device_is_refused_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(share_place(f->share, "/dev/null", "c1-null", false, false, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(access(EXPORTED "/c1-null", F_OK), -1);
}

static void what_is_taken_away_is_gone_for_the_guest_and_stays_on_the_host(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	place(f, DATA, "c1/rootfs", false);
	assert_int_equal(share_take_away(f->share, "c1/rootfs", &err), 0);
	assert_int_equal(access(EXPORTED "/c1", F_OK), -1);
	assert_int_equal(access(DATA "/file", F_OK), 0);
}

/* A supervisor that died leaves its journal; teardown finds everything gone already. */
static void the_journal_alone_is_enough_to_clean_up(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	place(f, DATA, "c1/rootfs", false);
	place(f, DATA "/file", "c1-file", true);
	if (sandbox_cleanup(SID, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(count_mounts(), f->mounts_before);
	assert_int_equal(access(RUN_SANDBOXES "/" SID, F_OK), -1);
	assert_int_equal(access(DATA "/file", F_OK), 0);
	if (sandbox_cleanup(SID, &err) < 0)
		fail_msg("a second time: %s", err.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_placed_appears_in_the_exported_directory,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_top_of_the_exported_directory_is_read_only,
						setup, teardown),
		cmocka_unit_test_setup_teardown(cve_2020_28914_read_only_holds_for_the_guest, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_mount_below_a_read_only_tree_is_read_only_too,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_can_be_placed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_device_is_refused_and_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			what_is_taken_away_is_gone_for_the_guest_and_stays_on_the_host, setup,
			teardown),
		cmocka_unit_test_setup_teardown(the_journal_alone_is_enough_to_clean_up, setup,
						teardown),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, own_namespace, NULL);
}
