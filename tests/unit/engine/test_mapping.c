/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/persist/mapping.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

static int make_root(void **state)
{
	char *root = xstrdup("/tmp/mapping-XXXXXX");

	*state = root;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	struct err err = ERR_INIT;
	int r = dir_remove(*state, &err);

	free(*state);
	return r;
}

static void a_container_is_found_again(void **state)
{
	struct err err = ERR_INIT;
	struct mapping m;

	assert_int_equal(mapping_add(*state, "c1", "pod", "/b/one", &err), 0);
	assert_int_equal(mapping_find(*state, "c1", &m, &err), 0);
	assert_string_equal(m.cid, "c1");
	assert_string_equal(m.sid, "pod");
	assert_string_equal(m.bundle, "/b/one");
	assert_true(m.created_at_ns > 0);
	mapping_done(&m);
}

static void an_id_can_be_claimed_only_once(void **state)
{
	struct err err = ERR_INIT;
	struct mapping m;

	assert_int_equal(mapping_add(*state, "c1", "c1", "/b", &err), 0);
	assert_int_equal(mapping_add(*state, "c1", "other", "/other", &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(mapping_find(*state, "c1", &m, &err), 0);
	assert_string_equal(m.sid, "c1");
	mapping_done(&m);
}

static void the_layout_is_that_of_kata(void **state)
{
	scoped_free char *dir = xasprintf("%s/containers-mapping/c1/pod", (char *)*state);
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(mapping_add(*state, "c1", "pod", "/b", &err), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

static void what_is_not_there_is_not_found(void **state)
{
	struct err err = ERR_INIT;
	struct mapping m;

	assert_int_equal(mapping_find(*state, "c1", &m, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.text, "Container ID (c1) does not exist");
}

static void removing_leaves_nothing_and_may_be_repeated(void **state)
{
	scoped_free char *dir = xasprintf("%s/containers-mapping", (char *)*state);
	struct err err = ERR_INIT;
	struct mapping m;

	assert_int_equal(mapping_add(*state, "c1", "c1", "/b", &err), 0);
	assert_int_equal(mapping_remove(*state, "c1", &err), 0);
	assert_int_equal(mapping_remove(*state, "c1", &err), 0);
	assert_int_equal(mapping_find(*state, "c1", &m, &err), -1);
	assert_int_equal(rmdir(dir), 0); /* empty */
}

static void the_list_is_sorted_and_knows_no_drafts(void **state)
{
	scoped_free char *draft = xasprintf("%s/containers-mapping/.draft-1/x", (char *)*state);
	struct err err = ERR_INIT;
	struct mapping *list;
	size_t n;

	assert_int_equal(mapping_list(*state, &list, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(mapping_add(*state, "b", "pod", "/b", &err), 0);
	assert_int_equal(mapping_add(*state, "a", "pod", "/a", &err), 0);
	assert_int_equal(mapping_add(*state, "c", "c", "/c", &err), 0);
	assert_int_equal(dir_make(draft, 0700, &err), 0);
	assert_int_equal(mapping_list(*state, &list, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].cid, "a");
	assert_string_equal(list[2].cid, "c");
	mapping_list_free(list, n);
	assert_int_equal(mapping_count(*state, "pod", &n, &err), 0);
	assert_int_equal(n, 2);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(a_container_is_found_again),
		WITH_ROOT(an_id_can_be_claimed_only_once),
		WITH_ROOT(the_layout_is_that_of_kata),
		WITH_ROOT(what_is_not_there_is_not_found),
		WITH_ROOT(removing_leaves_nothing_and_may_be_repeated),
		WITH_ROOT(the_list_is_sorted_and_knows_no_drafts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
