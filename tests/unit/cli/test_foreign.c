/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/foreign.h"
#include "engine/config/config.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

static const struct config usual = { .path = NULL };

static int check(const char *type, const char *path, struct err *err)
{
	scoped_free char *own_type = xstrdup(type);
	scoped_free char *own_path = xstrdup(path);
	char network[] = "network", none[] = "";
	Grpc__LinuxNamespace ns = GRPC__LINUX_NAMESPACE__INIT;
	Grpc__LinuxNamespace net = GRPC__LINUX_NAMESPACE__INIT;
	Grpc__LinuxNamespace *list[] = { &ns, &net };
	Grpc__Linux lx = GRPC__LINUX__INIT;
	Grpc__Spec spec = GRPC__SPEC__INIT;

	ns.type = own_type;
	ns.path = own_path;
	net.type = network;
	net.path = none;
	lx.namespaces = list;
	lx.n_namespaces = 2;
	spec.linux = &lx;
	return foreign_check(&usual, &spec, err);
}

static void a_namespace_of_a_process_is_refused_by_its_name(void **state)
{
	static const char *const types[] = { "pid", "ipc", "uts" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		scoped_free char *path = xasprintf("/proc/17/ns/%s", types[i]);
		struct err err = ERR_INIT;

		assert_int_equal(check(types[i], path, &err), -1);
		assert_int_equal(err.code, ERR_UNIMPLEMENTED);
		assert_non_null(strstr(err.text, path));
	}
}

static void new_namespaces_and_pinned_ones_pass(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(check("pid", "", &err), 0);
	assert_int_equal(check("ipc", "/var/run/ipcns/a", &err), 0);
	assert_int_equal(check("network", "/run/netns/a", &err), 0);
	assert_int_equal(check("user", "/proc/17/ns/user", &err), 0);
	assert_int_equal(check("pid", "/proc/x/ns/pid", &err), 0);
}

static void the_network_of_a_process_passes_unless_it_stands_for_another_vm(void **state)
{
	scoped_free char *path = xasprintf("/proc/%d/ns/net", (int)getpid());
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(check("network", path, &err), 0);
	assert_int_equal(prctl(PR_SET_NAME, "kata-shim"), 0);
	assert_int_equal(check("network", path, &err), -1);
	assert_non_null(strstr(err.text, "outside of this container's virtual machine"));
}

static void the_callers_network_is_refused_unless_nothing_of_it_is_taken(void **state)
{
	const struct config no_new_netns = { .runtime = { .disable_new_netns = true } };
	Grpc__Linux lx = GRPC__LINUX__INIT;
	Grpc__Spec spec = GRPC__SPEC__INIT;
	struct err err = ERR_INIT;

	(void)state;
	spec.linux = &lx;
	assert_int_equal(foreign_check(&usual, &spec, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_non_null(strstr(err.text, "it is the host's own"));
	assert_int_equal(foreign_check(&no_new_netns, &spec, &err), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_namespace_of_a_process_is_refused_by_its_name),
		cmocka_unit_test(new_namespaces_and_pinned_ones_pass),
		cmocka_unit_test(the_network_of_a_process_passes_unless_it_stands_for_another_vm),
		cmocka_unit_test(the_callers_network_is_refused_unless_nothing_of_it_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
