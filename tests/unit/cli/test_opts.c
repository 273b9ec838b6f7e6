/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/opts.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

struct got {
	const char *bundle;
	bool all;
	char **env;
};

static const struct command cmd = { .name = "test", .args = "ID", .brief = "x" };

/* The parser moves the words about and they are looked at afterwards: all is freed at the end. */
#define WORDS_MAX 32
static struct {
	char *line;
	char *words[WORDS_MAX];
} kept[64];
static size_t n_kept;

static int free_kept(void **state)
{
	(void)state;
	while (n_kept > 0)
		free(kept[--n_kept].line);
	return 0;
}

static int parse(struct got *got, bool stop, const char *line, char ***argv, int *first,
		 struct err *err)
{
	const struct opt opts[] = {
		{ "bundle", 'b', OPT_TEXT, &got->bundle, "DIR", "" },
		{ "all", 'a', OPT_FLAG, &got->all, NULL, "" },
		{ "env", 'e', OPT_LIST, &got->env, "NAME=VALUE", "" },
		{ "no-pivot", 0, OPT_IGNORE, NULL, NULL, "" },
	};
	static char program[] = "test";
	char *save = NULL;
	int n = 0;

	assert_true(n_kept < ARRAY_LEN(kept));
	kept[n_kept].line = xstrdup(line);
	*argv = kept[n_kept].words;
	(*argv)[n++] = program;
	for (char *w = strtok_r(kept[n_kept].line, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(n + 1 < WORDS_MAX);
		(*argv)[n++] = w;
	}
	n_kept++;
	*got = (struct got){ 0 };
	*err = ERR_INIT;
	return opts_parse(&cmd, opts, ARRAY_LEN(opts), stop, n, *argv, first,
			  err);
}

static void every_spelling_of_a_flag_is_understood(void **state)
{
	static const char *const lines[] = { "--bundle /b --all ID", "-b /b -a ID",
					     "-bundle /b -all ID",   "--bundle=/b --all=true ID",
					     "-b/b --all=1 ID",      "-bundle=/b -a ID" };
	struct got got;
	struct err err;
	int first;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char **argv;

		assert_int_equal(parse(&got, false, lines[i], &argv, &first, &err), 0);
		assert_string_equal(got.bundle, "/b");
		assert_true(got.all);
		assert_string_equal(argv[first], "ID");
		assert_null(argv[first + 1]);
	}
}

static void flags_may_stand_behind_the_id(void **state)
{
	struct got got;
	struct err err;
	char **argv;
	int first;

	(void)state;
	assert_int_equal(parse(&got, false, "ID --all 9 --bundle /b", &argv, &first, &err), 0);
	assert_true(got.all);
	assert_string_equal(got.bundle, "/b");
	assert_string_equal(argv[first], "ID");
	assert_string_equal(argv[first + 1], "9");
	assert_null(argv[first + 2]);
}

static void what_follows_the_id_of_exec_is_left_alone(void **state)
{
	struct got got;
	struct err err;
	char **argv;
	int first;

	(void)state;
	assert_int_equal(parse(&got, true, "-e A=1 --env B=2 ID ls --all -b", &argv, &first, &err),
			 0);
	assert_false(got.all);
	assert_int_equal(strv_len(got.env), 2);
	assert_string_equal(got.env[1], "B=2");
	assert_string_equal(argv[first], "ID");
	assert_string_equal(argv[first + 2], "--all");
	strv_free(got.env);
}

static void a_flag_can_be_switched_off(void **state)
{
	struct got got;
	struct err err;
	char **argv;
	int first;

	(void)state;
	assert_int_equal(parse(&got, false, "--all=false --no-pivot ID", &argv, &first, &err), 0);
	assert_false(got.all);
	assert_int_equal(parse(&got, false, "--all=perhaps ID", &argv, &first, &err), -1);
	assert_non_null(strstr(err.text, "--all"));
}

static void a_mistake_is_named(void **state)
{
	static const struct {
		const char *line, *named;
	} cases[] = {
		{ "--nonsense ID", "--nonsense" },
		{ "--nonsense=1 ID", "'--nonsense'" },
		{ "ID --bund /b", "--bund" },
		{ "-z ID", "-z" },
		{ "ID --bundle", "--bundle" },
		{ "ID -b", "--bundle" },
		{ "--al ID", "--al" },
	};
	struct got got;
	struct err err;
	int first;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char **argv;

		assert_int_equal(parse(&got, false, cases[i].line, &argv, &first, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.text, cases[i].named))
			fail_msg("'%s': %s", cases[i].line, err.text);
	}
}

static void a_double_dash_ends_the_flags(void **state)
{
	struct got got;
	struct err err;
	char **argv;
	int first;

	(void)state;
	assert_int_equal(parse(&got, false, "ID -- --all", &argv, &first, &err), 0);
	assert_false(got.all);
	assert_string_equal(argv[first], "ID");
	assert_string_equal(argv[first + 1], "--all");
}

static void numbers_of_flags_are_checked_whole(void **state)
{
	unsigned long long u = 7;
	long long i = 7;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(opt_u64("n", NULL, 100, &u, &err), 0);
	assert_int_equal(u, 7);
	assert_int_equal(opt_u64("n", "100", 100, &u, &err), 0);
	assert_int_equal(u, 100);
	assert_int_equal(opt_u64("n", "101", 100, &u, &err), -1);
	assert_int_equal(opt_u64("n", "1x", 100, &u, &err), -1);
	assert_int_equal(opt_i64("n", "-1", &i, &err), 0);
	assert_int_equal(i, -1);
	assert_int_equal(opt_i64("n", "", &i, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_a_flag_is_understood),
		cmocka_unit_test(flags_may_stand_behind_the_id),
		cmocka_unit_test(what_follows_the_id_of_exec_is_left_alone),
		cmocka_unit_test(a_flag_can_be_switched_off),
		cmocka_unit_test(a_mistake_is_named),
		cmocka_unit_test(a_double_dash_ends_the_flags),
		cmocka_unit_test(numbers_of_flags_are_checked_whole),
	};

	return cmocka_run_group_tests(tests, NULL, free_kept);
}
