/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/resource/volume.h"
#include "lib/base/defs.h"

/* A host of paths that say what they are. */
static mode_t type_by_name(void *arg, const char *path)
{
	(void)arg;
	if (strstr(path, "missing"))
		return 0;
	if (strstr(path, "socket"))
		return S_IFSOCK;
	if (strstr(path, "fifo"))
		return S_IFIFO;
	if (strstr(path, "disk") || strstr(path, "null"))
		return S_IFBLK;
	return strstr(path, "file") ? S_IFREG : S_IFDIR;
}

struct fixture {
	Grpc__Spec spec;
	Grpc__Mount mount;
	Grpc__Mount *mounts[1];
	char *options[3];
};

static const Grpc__Spec *with(struct fixture *f, char *type, char *source, char *destination,
			      char *option)
{
	static char rbind[] = "rbind";

	grpc__spec__init(&f->spec);
	grpc__mount__init(&f->mount);
	f->mount.type = type;
	f->mount.source = source;
	f->mount.destination = destination;
	f->options[0] = option ? option : rbind;
	f->mount.options = f->options;
	f->mount.n_options = 1;
	f->mounts[0] = &f->mount;
	f->spec.mounts = f->mounts;
	f->spec.n_mounts = 1;
	return &f->spec;
}

#define TOKEN "0123456789ab"

static int plan(const Grpc__Spec *spec, struct volumes *ret, struct err *err)
{
	return volumes_plan(spec, "c1", TOKEN, type_by_name, NULL, ret, err);
}

static void a_directory_becomes_a_place_in_the_share(void **state)
{
	struct fixture f;
	struct volumes v;
	struct err err = ERR_INIT;
	char type[] = "bind", source[] = "/srv/data", destination[] = "/data";

	(void)state;
	assert_int_equal(plan(with(&f, type, source, destination, NULL), &v, &err), 0);
	assert_int_equal(v.n, 1);
	assert_string_equal(v.list[0].host_path, "/srv/data");
	assert_string_equal(v.list[0].name, "c1-0123456789ab0000-data");
	assert_string_equal(v.list[0].guest_path,
			    "/run/kata-containers/shared/containers/c1-0123456789ab0000-data");
	assert_false(v.list[0].read_only);
	assert_true(v.list[0].recursive);
	volumes_done(&v);
}

static void read_only_is_planned_for_the_host_side(void **state)
{
	struct fixture f;
	struct volumes v;
	struct err err = ERR_INIT;
	char type[] = "bind", source[] = "/srv/file", destination[] = "/etc/x", ro[] = "ro";

	(void)state;
	assert_int_equal(plan(with(&f, type, source, destination, ro), &v, &err), 0);
	assert_true(v.list[0].read_only);
	assert_false(v.list[0].recursive);
	volumes_done(&v);
}

static void dev_shm_is_the_sandboxes(void **state)
{
	struct fixture f;
	struct volumes v;
	struct err err = ERR_INIT;
	char type[] = "bind", source[] = "/var/lib/x/shm", destination[] = "/dev/shm";

	(void)state;
	assert_int_equal(plan(with(&f, type, source, destination, NULL), &v, &err), 0);
	assert_int_equal(v.n, 1);
	assert_null(v.list[0].host_path);
	assert_string_equal(v.list[0].guest_path, "/run/kata-containers/sandbox/shm");
	volumes_done(&v);
}

static void what_the_guest_has_itself_is_left_alone(void **state)
{
	static const struct {
		const char *type, *source;
	} cases[] = {
		{ "proc", "proc" },   { "tmpfs", "tmpfs" },     { "bind", "/proc/version" },
		{ "bind", "/sys/fs" }, { "bind", "/dev/null" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		struct volumes v;
		struct err err = ERR_INIT;
		char type[16], source[32], destination[] = "/x", nosuid[] = "nosuid";

		strcpy(type, cases[i].type);
		strcpy(source, cases[i].source);
		assert_int_equal(plan(with(&f, type, source, destination, nosuid), &v, &err), 0);
		assert_int_equal(v.n, 0);
		volumes_done(&v);
	}
}

static void what_cannot_cross_into_a_machine_is_refused_by_name(void **state)
{
	static const struct {
		const char *source, *word;
	} cases[] = {
		{ "/run/socket", "a socket" },
		{ "/run/fifo", "a FIFO" },
		{ "/srv/disk", "a device" },
		{ "/srv/missing", "no such file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;
		struct volumes v;
		struct err err = ERR_INIT;
		char type[] = "bind", source[32], destination[] = "/x";

		strcpy(source, cases[i].source);
		assert_int_equal(plan(with(&f, type, source, destination, NULL), &v, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, cases[i].word));
		assert_non_null(strstr(err.text, cases[i].source));
	}
}

/* A neighbour whose name only begins like /proc is no part of it. */
static void a_prefix_is_not_a_directory(void **state)
{
	struct fixture f;
	struct volumes v;
	struct err err = ERR_INIT;
	char type[] = "bind", source[] = "/process", destination[] = "/x";

	(void)state;
	assert_int_equal(plan(with(&f, type, source, destination, NULL), &v, &err), 0);
	assert_int_equal(v.n, 1);
	volumes_done(&v);
}

static void an_overlay_is_made_on_the_host_of_its_own_options(void **state)
{
	struct fixture f;
	struct volumes v;
	struct err err = ERR_INIT;
	char type[] = "overlay", source[] = "/srv/merge", destination[] = "/o";
	char lower[] = "lowerdir=/a:/b", upper[] = "upperdir=/u", propagation[] = "private";

	(void)state;
	(void)with(&f, type, source, destination, lower);
	f.options[1] = propagation;
	f.options[2] = upper;
	f.mount.n_options = 3;
	assert_int_equal(plan(&f.spec, &v, &err), 0);
	assert_int_equal(v.n, 1);
	assert_string_equal(v.list[0].overlay, "lowerdir=/a:/b,upperdir=/u");
	assert_string_equal(v.list[0].guest_path,
			    "/run/kata-containers/shared/containers/c1-0123456789ab0000-merge");
	assert_false(v.list[0].read_only);
	volumes_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_becomes_a_place_in_the_share),
		cmocka_unit_test(read_only_is_planned_for_the_host_side),
		cmocka_unit_test(dev_shm_is_the_sandboxes),
		cmocka_unit_test(what_the_guest_has_itself_is_left_alone),
		cmocka_unit_test(what_cannot_cross_into_a_machine_is_refused_by_name),
		cmocka_unit_test(a_prefix_is_not_a_directory),
		cmocka_unit_test(an_overlay_is_made_on_the_host_of_its_own_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
