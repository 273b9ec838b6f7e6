/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "shim/shim.h"

static void expect_name(const char *namespace, const char *id, const char *expected)
{
	scoped_free char *name = shim_sandbox_name(namespace, id);

	assert_string_equal(name, expected);
}

static void a_sandbox_has_the_name_that_all_tools_expect(void **state)
{
	(void)state;
	expect_name("default", "c1", "c1");
	expect_name("k8s.io", "0123abcd", "0123abcd");
	expect_name("moby", "0123abcd", "0123abcd");
	expect_name("", "c1", "c1"); /* CRI-O may give none */
}

static void one_id_in_two_namespaces_is_two_sandboxes(void **state)
{
	(void)state;
	expect_name("team-a", "c1", "team-a-c1");
	expect_name("team-b", "c1", "team-b-c1");
}

/* The sum is sha256sum's of "/run/containerd/containerd.sock/default/c1". */
static void the_socket_is_where_containerds_own_shims_have_theirs(void **state)
{
	scoped_free char *path =
		shim_socket_path("/run/containerd/containerd.sock", "default", "c1");

	(void)state;
	assert_string_equal(path, "/run/containerd/s/"
				  "d25aa4ef11a84e954e74a5bcff06557d0b6ea8d0c00243896f29826694bbd888");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sandbox_has_the_name_that_all_tools_expect),
		cmocka_unit_test(one_id_in_two_namespaces_is_two_sandboxes),
		cmocka_unit_test(the_socket_is_where_containerds_own_shims_have_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
