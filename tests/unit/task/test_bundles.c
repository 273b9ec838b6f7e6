/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "proxy/proxy.h"

struct world {
	struct event_base *base;
	struct bundles *bundles;
	char dir[64], gone[64];
};

static void on_gone(void *arg, const char *id)
{
	struct world *w = arg;

	strcat(w->gone, id); /* each of two once */
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	strcpy(w->dir, "/tmp/test_bundles.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->base = event_base_new();
	w->bundles = bundles_new(w->base, on_gone, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;

	bundles_free(w->bundles);
	event_base_free(w->base);
	assert_int_equal(dir_remove(w->dir, &err), 0);
	free(w);
	return 0;
}

static void make_bundle(struct world *w, const char *id)
{
	scoped_free char *dir = xasprintf("%s/%s", w->dir, id);
	scoped_free char *file = xasprintf("%s/config.json", dir);
	struct err err = ERR_INIT;

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(file_replace(file, "{}", 2, 0600, &err), 0);
	bundles_watch(w->bundles, id, dir);
}

/* Longer than the grace. */
static void turn(struct world *w)
{
	const struct timeval while_ = { .tv_sec = 1, .tv_usec = 200000 };

	event_base_loopexit(w->base, &while_);
	event_base_dispatch(w->base);
}

static void a_bundle_that_is_removed_is_told_once(void **state)
{
	struct world *w = *state;
	scoped_free char *one = xasprintf("%s/one", w->dir);
	struct err err = ERR_INIT;

	make_bundle(w, "one");
	make_bundle(w, "two");
	assert_int_equal(dir_remove(one, &err), 0);
	turn(w);
	assert_string_equal(w->gone, "one");
	assert_int_equal(mkdir(one, 0700), 0);
	assert_int_equal(dir_remove(one, &err), 0);
	turn(w);
	assert_string_equal(w->gone, "one");
}

static void a_bundle_that_only_changes_is_not(void **state)
{
	struct world *w = *state;
	scoped_free char *file = xasprintf("%s/one/config.json", w->dir);
	struct err err = ERR_INIT;

	make_bundle(w, "one");
	assert_int_equal(file_replace(file, "[]", 2, 0600, &err), 0);
	assert_int_equal(unlink(file), 0);
	turn(w);
	assert_string_equal(w->gone, "");
}

static void a_bundle_that_went_before_is_told_too(void **state)
{
	struct world *w = *state;

	bundles_watch(w->bundles, "early", "/nonexistent/bundle");
	turn(w);
	assert_string_equal(w->gone, "early");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_bundle_that_is_removed_is_told_once),
		TEST(a_bundle_that_only_changes_is_not),
		TEST(a_bundle_that_went_before_is_told_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
