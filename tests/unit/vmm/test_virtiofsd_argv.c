/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/vmm/virtiofsd.h"
#include "lib/base/str.h"
#include "plan.h"

static char *join(char *const *v)
{
	struct str out = { 0 };

	for (; *v; v++)
		str_addf(&out, "%s%s", out.len ? " " : "", *v);
	return str_take(&out);
}

static void expect(struct config *config, enum virtiofsd_dialect dialect, const char *want)
{
	struct err err = ERR_INIT;
	char **v = virtiofsd_argv(config, dialect, "/s/shared", 20000, &err);
	char *got;

	if (!v)
		fail_msg("%s", err.text);
	got = join(v);
	assert_string_equal(got, want);
	free(got);
	strv_free(v);
}

static struct config *some_config(void)
{
	struct config *c = plan_config();

	plan_set(&c->hypervisor.virtio_fs_daemon, "/usr/libexec/virtiofsd");
	return c;
}

static void the_c_dialect_is_kept_in_its_sandbox(void **state)
{
	struct config *c = some_config();

	(void)state;
	expect(c, VIRTIOFSD_C,
	       "/usr/libexec/virtiofsd --fd=3 -o source=/s/shared -o cache=auto "
	       "-o no_posix_lock,xattr,announce_submounts,sandbox=namespace -f "
	       "--thread-pool-size=1 --rlimit-nofile=20000");
	config_free(c);
}

static void the_rust_dialect_is_kept_in_its_sandbox(void **state)
{
	struct config *c = some_config();

	(void)state;
	expect(c, VIRTIOFSD_RUST,
	       "/usr/libexec/virtiofsd --fd=3 --shared-dir=/s/shared --cache=auto --xattr "
	       "--announce-submounts --sandbox=namespace --seccomp=kill "
	       "--thread-pool-size=1 --rlimit-nofile=20000");
	config_free(c);
}

static void never_is_none_in_c_and_metadata_is_not_known_there(void **state)
{
	struct config *c = some_config();
	struct err err = ERR_INIT;
	char **v;

	(void)state;
	plan_set(&c->hypervisor.virtio_fs_cache, "never");
	v = virtiofsd_argv(c, VIRTIOFSD_C, "/s", 1024, &err);
	assert_non_null(v);
	assert_string_equal(v[5], "cache=none");
	strv_free(v);
	plan_set(&c->hypervisor.virtio_fs_cache, "metadata");
	assert_null(virtiofsd_argv(c, VIRTIOFSD_C, "/s", 1024, &err));
	assert_int_equal(err.code, ERR_INVALID);
	v = virtiofsd_argv(c, VIRTIOFSD_RUST, "/s", 1024, &err);
	assert_non_null(v);
	strv_free(v);
	config_free(c);
}

static void extra_arguments_come_last(void **state)
{
	struct config *c = some_config();
	struct err err = ERR_INIT;
	char **v;

	(void)state;
	strv_add(&c->hypervisor.virtio_fs_extra_args, "--thread-pool-size=8");
	v = virtiofsd_argv(c, VIRTIOFSD_RUST, "/s", 1u << 30, &err);
	assert_non_null(v);
	assert_string_equal(v[strv_len(v) - 1], "--thread-pool-size=8");
	assert_string_equal(v[strv_len(v) - 2], "--rlimit-nofile=1000000");
	strv_free(v);
	config_free(c);
}

static void a_comma_in_the_path_cannot_add_an_option(void **state)
{
	struct config *c = some_config();
	struct err err = ERR_INIT;

	(void)state;
	assert_null(virtiofsd_argv(c, VIRTIOFSD_C, "/s,sandbox=chroot", 1024, &err));
	assert_int_equal(err.code, ERR_INVALID);
	config_free(c);
}

static void the_help_text_tells_the_dialect(void **state)
{
	enum virtiofsd_dialect d = VIRTIOFSD_RUST;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(virtiofsd_dialect_of("  -o source=PATH  shared directory tree\n", &d, &err), 0);
	assert_int_equal(d, VIRTIOFSD_C);
	assert_int_equal(virtiofsd_dialect_of("  --shared-dir <SHARED_DIR>\n", &d, &err), 0);
	assert_int_equal(d, VIRTIOFSD_RUST);
	assert_int_equal(virtiofsd_dialect_of("Usage: cat [FILE]\n", &d, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_c_dialect_is_kept_in_its_sandbox),
		cmocka_unit_test(the_rust_dialect_is_kept_in_its_sandbox),
		cmocka_unit_test(never_is_none_in_c_and_metadata_is_not_known_there),
		cmocka_unit_test(extra_arguments_come_last),
		cmocka_unit_test(a_comma_in_the_path_cannot_add_an_option),
		cmocka_unit_test(the_help_text_tells_the_dialect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
