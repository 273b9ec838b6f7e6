/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * check.h - the head of every test program here: one box, one outcome, and a census at the end
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

#include "box.h"
#include "lib/base/defs.h"

static struct box box;
static struct outcome out; /* large, and one at a time */

#define SH(line) "[\"/bin/sh\",\"-c\",\"" line "\"]"

#define USUAL_ENV "\"env\":[\"PATH=/bin\"],"

static inline void run(const struct recipe *r)
{
	box_run(&box, r, &out);
}

static inline void run_ok(const struct recipe *r)
{
	run(r);
	if (!out.is_started || out.status != 0)
		fail_msg("err '%s' status %d out '%s' errors '%s'", out.err.text, out.status,
			 out.out, out.errors);
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in '%s'", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' in '%s'", part, text);
}

/* The launch failed, with this code and these words, and there was no program. */
static inline void assert_refused(enum err_code code, const char *words)
{
	assert_false(out.is_started);
	assert_has(out.err.text, words);
	assert_int_equal(out.err.code, code);
}

static inline int run_box_tests(const struct CMUnitTest *tests, size_t n)
{
	struct census before, after;
	int failed;

	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	/* Mounts of other tests must not be counted, and ours not be seen. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0) {
		perror("make a mount namespace");
		return 1;
	}
	census_take(&before);
	box_make(&box);
	failed = _cmocka_run_group_tests("launch", tests, n, NULL, NULL);
	box_remove(&box);
	census_take(&after);
	/* Fewer mounts is nothing of ours: a mount point that another test removed. */
	if (before.n_fds != after.n_fds || before.n_mounts < after.n_mounts ||
	    before.n_children != after.n_children) {
		fprintf(stderr,
			"left behind: fds %zu -> %zu, mounts %zu -> %zu, children %zu -> %zu\n",
			before.n_fds, after.n_fds, before.n_mounts, after.n_mounts,
			before.n_children, after.n_children);
		return 1;
	}
	return failed;
}
