/* SPDX-License-Identifier: Apache-2.0 */
/* str.h, mem.h, list.h, clock.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void a_string_is_built_from_parts(void **state)
{
	struct str s = { 0 };
	scoped_free char *taken = NULL;

	(void)state;
	assert_string_equal(str_get(&s), "");
	str_add(&s, "a");
	str_addf(&s, "-%d-", 5);
	str_add_n(&s, "xyz", 2);
	assert_string_equal(str_get(&s), "a-5-xy");
	assert_int_equal(s.len, 6);
	taken = str_take(&s);
	assert_string_equal(taken, "a-5-xy");
	assert_string_equal(str_get(&s), "");
	free(str_take(&s)); /* never NULL */
}

static void what_goes_over_the_cap_is_dropped_and_remembered(void **state)
{
	struct str s = { .max = 5 };

	(void)state;
	str_add(&s, "12345");
	assert_false(s.cut);
	str_add(&s, "");
	assert_false(s.cut);
	str_add(&s, "6");
	assert_true(s.cut);
	assert_string_equal(str_get(&s), "12345");
	str_done(&s);
	assert_int_equal(s.max, 5);
}

static void numbers_are_whole_strings_in_range(void **state)
{
	static const char *const bad[] = { "",    " 1",  "1 ",
					   "+1",  "-1",  "0x1",
					   "1e3", "1.0", "99999999999999999999" };
	unsigned long long u = 77;
	long long i = 77;

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(bad); n++)
		assert_false(parse_u64(bad[n], UINT64_MAX, &u));
	assert_false(parse_u64("256", 255, &u));
	assert_int_equal(u, 77);
	assert_true(parse_u64("255", 255, &u));
	assert_int_equal(u, 255);
	assert_true(parse_u64("18446744073709551615", UINT64_MAX, &u));
	assert_true(u == UINT64_MAX);
	assert_true(parse_i64("-9223372036854775808", &i));
	assert_true(i == INT64_MIN);
	assert_false(parse_i64("-9223372036854775809", &i));
	assert_false(parse_i64("--1", &i));
	assert_false(parse_i64("-", &i));
	assert_true(i == INT64_MIN);
}

static void prefixes_and_suffixes_are_seen(void **state)
{
	(void)state;
	assert_true(str_starts("abc", "ab"));
	assert_true(str_starts("abc", ""));
	assert_false(str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc"));
	assert_false(str_ends("c", "bc"));
}

static void vectors_of_strings_grow_and_copy(void **state)
{
	scoped_strv char **v = NULL;
	scoped_strv char **copy = NULL;

	(void)state;
	assert_int_equal(strv_len(v), 0);
	strv_add(&v, "a");
	strv_addf(&v, "%d", 5);
	copy = strv_dup(v);
	assert_int_equal(strv_len(copy), 2);
	assert_string_equal(copy[1], "5");
	assert_ptr_not_equal(copy[0], v[0]);
	assert_null(copy[2]);
	strv_free(strv_dup(NULL));
}

static void an_allocation_from_outside_has_a_cap(void **state)
{
	struct err err = ERR_INIT;
	char *p = try_alloc(10, 10, &err);

	(void)state;
	assert_non_null(p);
	assert_memory_equal(p, "\0\0\0\0\0\0\0\0\0\0", 10);
	free(p);
	assert_null(try_alloc(11, 10, &err));
	assert_int_equal(err.code, ERR_EXHAUSTED);
	p = try_alloc(0, 10, &err);
	assert_non_null(p);
	free(p);
}

struct item {
	int n;
	struct list node;
};

static void a_list_keeps_its_order_and_lets_go_safely(void **state)
{
	struct item items[4];
	struct list head;
	int sum = 0, n = 0;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	for (int i = 0; i < 4; i++) {
		items[i].n = i;
		list_add(&head, &items[i].node);
	}
	list_for_each(&head, struct item, node, item)
		assert_int_equal(item->n, n++);
	list_for_each_safe(&head, struct item, node, item) {
		if (item->n % 2)
			list_remove(&item->node);
		else
			sum += item->n;
	}
	assert_int_equal(sum, 2);
	list_remove(&items[1].node); /* once more is fine */
	list_remove(&items[0].node);
	list_remove(&items[2].node);
	assert_true(list_empty(&head));
}

static void a_time_is_written_as_utc(void **state)
{
	char text[CLOCK_TEXT_MAX];

	(void)state;
	clock_format(1136214245000000000ull + 7, text);
	assert_string_equal(text, "2006-01-02T15:04:05.000000007Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_is_built_from_parts),
		cmocka_unit_test(what_goes_over_the_cap_is_dropped_and_remembered),
		cmocka_unit_test(numbers_are_whole_strings_in_range),
		cmocka_unit_test(prefixes_and_suffixes_are_seen),
		cmocka_unit_test(vectors_of_strings_grow_and_copy),
		cmocka_unit_test(an_allocation_from_outside_has_a_cap),
		cmocka_unit_test(a_list_keeps_its_order_and_lets_go_safely),
		cmocka_unit_test(a_time_is_written_as_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
