/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/config/config.h"
#include "engine/resource/netns.h"
#include "lib/base/defs.h"

static int open_at(const struct config *config, const char *path, struct err *err)
{
	char type[] = "network";
	Grpc__LinuxNamespace ns = GRPC__LINUX_NAMESPACE__INIT;
	Grpc__LinuxNamespace *list[] = { &ns };
	Grpc__Linux lx = GRPC__LINUX__INIT;
	Grpc__Spec spec = GRPC__SPEC__INIT;

	ns.type = type;
	ns.path = unconst(path);
	lx.namespaces = list;
	lx.n_namespaces = 1;
	spec.linux = &lx;
	return netns_open(config, &spec, err);
}

static void the_namespace_that_we_are_in_is_refused_by_its_path(void **state)
{
	const struct config config = { .path = NULL };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(open_at(&config, "/proc/thread-self/ns/net", &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_non_null(strstr(err.text, "'/proc/thread-self/ns/net': it is the host's own"));
}

static void one_that_is_not_there_is_an_error_with_its_path(void **state)
{
	const struct config config = { .path = NULL };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(open_at(&config, "/proc/self/ns/none", &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "open network namespace '/proc/self/ns/none'"));
}

static void without_new_namespaces_it_stays_where_it_is(void **state)
{
	const struct config config = { .runtime = { .disable_new_netns = true } };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(open_at(&config, "", &err), -1);
	assert_int_equal(err.code, ERR_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_namespace_that_we_are_in_is_refused_by_its_path),
		cmocka_unit_test(one_that_is_not_there_is_an_error_with_its_path),
		cmocka_unit_test(without_new_namespaces_it_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
