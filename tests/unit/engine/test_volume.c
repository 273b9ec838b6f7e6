/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/resource/volume.h"
#include "lib/base/defs.h"

/* A host of paths that say what they are. */
static struct volume_facts facts_by_name(void *arg, const char *path)
{
	struct volume_facts facts = { .mode = S_IFDIR | 02775, .gid = 2000 };

	(void)arg;
	if (strstr(path, "missing"))
		facts.mode = 0;
	else if (strstr(path, "socket"))
		facts.mode = S_IFSOCK;
	else if (strstr(path, "fifo"))
		facts.mode = S_IFIFO;
	else if (strstr(path, "disk") || strstr(path, "null"))
		facts.mode = S_IFBLK;
	else if (strstr(path, "file"))
		facts.mode = S_IFREG;
	if (strstr(path, "memory"))
		facts.tmpfs_size = 1 << 20;
	return facts;
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
	return volumes_plan(spec, "c1", TOKEN, facts_by_name, NULL, ret, err);
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

#define EMPTY_DIRS "/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/"

static void an_empty_dir_in_memory_is_the_guests_tmpfs(void **state)
{
	struct fixture f;
	struct volumes v, again;
	struct err err = ERR_INIT;
	char type[] = "bind", source[] = EMPTY_DIRS "memory", destination[] = "/x", other[] = "/y";
	Grpc__Storage **list = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(plan(with(&f, type, source, destination, NULL), &v, &err), 0);
	assert_int_equal(v.n, 1);
	assert_null(v.list[0].host_path);
	assert_string_equal(v.list[0].tmpfs[0], "size=1048576");
	assert_string_equal(v.list[0].tmpfs[1], "mode=2775");
	assert_string_equal(v.list[0].tmpfs[2], "gid=2000");
	/* Another container finds the same one. */
	assert_int_equal(plan(with(&f, type, source, other, NULL), &again, &err), 0);
	assert_string_equal(again.list[0].guest_path, v.list[0].guest_path);
	volumes_add_storages(&v, &list, &n);
	assert_int_equal(n, 1);
	assert_string_equal(list[0]->driver, "ephemeral");
	assert_string_equal(list[0]->mount_point, v.list[0].guest_path);
	assert_int_equal(list[0]->n_options, 3);
	protobuf_c_message_free_unpacked(&list[0]->base, NULL);
	free(list);
	volumes_done(&again);
	volumes_done(&v);
}

/* On disk, a part of one, and a tmpfs that is no kubelet's. */
static void other_directories_stay_the_hosts(void **state)
{
	static const char *const sources[] = { EMPTY_DIRS "disc", EMPTY_DIRS "memory/part",
					       EMPTY_DIRS, "/mnt/memory" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct fixture f;
		struct volumes v;
		struct err err = ERR_INIT;
		char type[] = "bind", source[100], destination[] = "/x";

		strcpy(source, sources[i]);
		assert_int_equal(plan(with(&f, type, source, destination, NULL), &v, &err), 0);
		assert_non_null(v.list[0].host_path);
		assert_null(v.list[0].tmpfs);
		volumes_done(&v);
	}
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
		cmocka_unit_test(an_empty_dir_in_memory_is_the_guests_tmpfs),
		cmocka_unit_test(other_directories_stay_the_hosts),
		cmocka_unit_test(an_overlay_is_made_on_the_host_of_its_own_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
