/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/cgroup/systemd.h"

static void expect(const char *text, const char *slice, const char *name, const char *path)
{
	struct systemd_unit unit;
	struct err err = ERR_INIT;

	if (systemd_unit_parse(text, &unit, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(unit.slice, slice);
	assert_string_equal(unit.name, name);
	assert_string_equal(unit.path, path);
	systemd_unit_done(&unit);
}

static void a_scope_is_named_after_prefix_and_name(void **state)
{
	(void)state;
	expect("system.slice:docker:c1", "system.slice", "docker-c1.scope",
	       "/system.slice/docker-c1.scope");
	expect("system.slice::c1", "system.slice", "c1.scope", "/system.slice/c1.scope");
}

static void each_dash_of_a_slice_is_a_level(void **state)
{
	(void)state;
	expect("kubepods-burstable-pod1.slice:cri:c", "kubepods-burstable-pod1.slice", "cri-c.scope",
	       "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-c.scope");
}

static void no_slice_means_systems_and_a_dash_the_root(void **state)
{
	(void)state;
	expect(":docker:c1", "system.slice", "docker-c1.scope", "/system.slice/docker-c1.scope");
	expect("-.slice:docker:c1", "-.slice", "docker-c1.scope", "/docker-c1.scope");
}

static void other_texts_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "a", "a.slice:b", "a.slice:b:", "a.slice:b:c:d", "a:b:c", "a--b.slice:b:c",
		"-a.slice:b:c", "a.slice:b:../c", "a.slice:b:c d", "/a.slice:b:c", ".slice:b:c",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct systemd_unit unit;
		struct err err = ERR_INIT;

		if (systemd_unit_parse(bad[i], &unit, &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scope_is_named_after_prefix_and_name),
		cmocka_unit_test(each_dash_of_a_slice_is_a_level),
		cmocka_unit_test(no_slice_means_systems_and_a_dash_the_root),
		cmocka_unit_test(other_texts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
