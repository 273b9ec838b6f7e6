/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/modules.h"
#include "lib/base/defs.h"

static const char list_text[] =
	"# comment\n"
	"kernel/virtio/virtio_pci.ko pci:v00001AF4d*sv*sd*bc*sc*i* kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko\n"
	"kernel/virtio/virtio.ko -\n"
	"kernel/virtio/virtio_ring.ko -\n"
	"\n"
	"kernel/net/9pnet_virtio.ko  virtio:d00000009v*\tkernel/net/9pnet.ko\n"
	"kernel/net/9pnet.ko -\n"
	"kernel/fs/9p.ko fs-9p|other kernel/net/9pnet.ko\n";

static struct modules *must_parse(const char *text)
{
	struct err err = ERR_INIT;
	struct modules *m = modules_parse(text, &err);

	assert_non_null(m);
	return m;
}

static void dependencies_come_before_what_needs_them(void **state)
{
	struct modules *m = must_parse(list_text);
	size_t n;
	scoped_free const char **want =
		modules_want(m, "pci:v00001AF4d00001043sv00001AF4sd00000040bc07sc80i00", &n);

	(void)state;
	assert_int_equal(n, 3);
	assert_string_equal(want[0], "kernel/virtio/virtio.ko");
	assert_string_equal(want[1], "kernel/virtio/virtio_ring.ko");
	assert_string_equal(want[2], "kernel/virtio/virtio_pci.ko");
	modules_free(m);
}

static void each_alias_of_a_line_counts(void **state)
{
	struct modules *m = must_parse(list_text);
	size_t n;
	scoped_free const char **one = modules_want(m, "fs-9p", &n);
	scoped_free const char **two = NULL;

	(void)state;
	assert_int_equal(n, 2);
	assert_string_equal(one[1], "kernel/fs/9p.ko");
	two = modules_want(m, "other", &n);
	assert_int_equal(n, 2);
	modules_free(m);
}

static void a_dash_is_no_alias(void **state)
{
	struct modules *m = must_parse(list_text);
	size_t n;
	scoped_free const char **want = modules_want(m, "-", &n);

	(void)state;
	assert_int_equal(n, 0);
	modules_free(m);
}

static void check_refused(const char *text, const char *why)
{
	struct err err = ERR_INIT;

	assert_null(modules_parse(text, &err));
	assert_non_null(strstr(err.text, why));
}

static void broken_lists_are_refused_with_their_line(void **state)
{
	(void)state;
	check_refused("a.ko -\nb.ko\n", "line 2: no aliases");
	check_refused("/etc/a.ko -\n", "no module path");
	check_refused("../a.ko -\n", "no module path");
	check_refused("a -\n", "no module path");
	check_refused("a.ko - b.ko\n", "'b.ko', which is not listed");
}

static void a_name_that_is_not_listed_is_not_found(void **state)
{
	struct modules *m = must_parse(list_text);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(modules_load_name(m, "nothing", NULL, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	modules_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dependencies_come_before_what_needs_them),
		cmocka_unit_test(each_alias_of_a_line_counts),
		cmocka_unit_test(a_dash_is_no_alias),
		cmocka_unit_test(broken_lists_are_refused_with_their_line),
		cmocka_unit_test(a_name_that_is_not_listed_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
