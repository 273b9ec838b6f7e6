/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "shim/shim.h"

/* As if the words of line had been given; they stay until the next time. */
static int parse(const char *line, struct shim_args *args, struct err *err)
{
	static char words[256];
	static char *argv[32];
	char *save = NULL;
	int argc = 0;

	*err = ERR_INIT;
	assert_true(strlen(line) < sizeof(words));
	strcpy(words, line);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	return shim_args_parse(argc, argv, args, err);
}

static void the_words_of_containerd_are_understood(void **state)
{
	struct shim_args args;
	struct err err;

	(void)state;
	assert_int_equal(parse("shim -namespace k8s.io -address=/c.sock --publish-binary "
			       "/usr/bin/containerd -id c1 -bundle /b -debug start",
			       &args, &err),
			 0);
	assert_string_equal(args.namespace, "k8s.io");
	assert_string_equal(args.address, "/c.sock");
	assert_string_equal(args.publish_binary, "/usr/bin/containerd");
	assert_string_equal(args.id, "c1");
	assert_string_equal(args.bundle, "/b");
	assert_string_equal(args.action, "start");
	assert_true(args.debug);
	shim_args_done(&args);
}

static void the_bundle_is_the_working_directory(void **state)
{
	char cwd[4096];
	struct shim_args args;
	struct err err;
	scoped_free char *below = NULL;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(parse("shim -id c1 delete", &args, &err), 0);
	assert_string_equal(args.bundle, cwd);
	shim_args_done(&args);
	assert_int_equal(parse("shim -id c1 -bundle b", &args, &err), 0);
	below = xasprintf("%s/b", cwd);
	assert_string_equal(args.bundle, below);
	shim_args_done(&args);
}

static void expect_error(const char *line, const char *text)
{
	struct shim_args args;
	struct err err;

	assert_int_equal(parse(line, &args, &err), -1);
	if (!strstr(err.text, text))
		fail_msg("'%s': %s", line, err.text);
	shim_args_done(&args);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	expect_error("shim start", "flag '-id' is required");
	expect_error("shim -id ../c1 start", "flag '-id': ");
	expect_error("shim -id c1 -namespace ../c1", "flag '-namespace': ");
	expect_error("shim -what=x", "flag '-what' is not known");
	expect_error("shim -id", "flag '-id' wants a value");
	expect_error("shim -id c1 dance", "action 'dance' is not known");
	expect_error("shim -id c1 start delete", "argument 'delete' is one too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_containerd_are_understood),
		cmocka_unit_test(the_bundle_is_the_working_directory),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
