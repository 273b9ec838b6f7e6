/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/pids.h"
#include "engine/sandbox_priv.h"
#include "lib/oci/spec.h"

/* A sandbox "s" with its own container, whose stand-in is 100, and containers "a", 101, and "b",
 * 102. */
struct fixture {
	struct sandbox sandbox;
	struct container containers[3];
	struct process inits[3];
	Grpc__Spec spec;
	Grpc__Linux lx;
	Grpc__LinuxNamespace ns, *list[1];
	char id[3][2], type[4], path[32];
};

static const struct container *b_with_path(struct fixture *f, const char *path)
{
	const char *ids = "sab";

	*f = (struct fixture){ .type = "pid" };
	f->sandbox.id = f->id[0];
	list_init(&f->sandbox.containers);
	grpc__spec__init(&f->spec);
	grpc__linux__init(&f->lx);
	grpc__linux_namespace__init(&f->ns);
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->ns.type = f->type;
	f->ns.path = f->path;
	f->list[0] = &f->ns;
	f->lx.namespaces = f->list;
	f->lx.n_namespaces = 1;
	f->spec.linux = &f->lx;
	for (int i = 0; i < 3; i++) {
		f->id[i][0] = ids[i];
		f->inits[i].shim_pid = 100 + i;
		f->containers[i] = (struct container){ .sandbox = &f->sandbox,
						       .id = f->id[i],
						       .first = i == 0,
						       .init = &f->inits[i],
						       .spec = &f->spec,
						       .status = CONTAINER_RUNNING };
		list_add(&f->sandbox.containers, &f->containers[i].node);
	}
	return &f->containers[2];
}

static const struct container *chosen(struct fixture *f, const char *path)
{
	const struct container *c = b_with_path(f, path), *target = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(pids_choose(c, &target, &err), 0);
	return target;
}

static void the_path_of_a_stand_in_is_its_container(void **state)
{
	struct fixture f;

	(void)state;
	assert_ptr_equal(chosen(&f, "/proc/101/ns/pid"), &f.containers[1]);
	assert_false(f.sandbox.has_own_pids);
}

static void the_sandboxs_own_container_means_the_sandbox(void **state)
{
	struct fixture f;

	(void)state;
	assert_null(chosen(&f, "/proc/100/ns/pid"));
}

static void other_paths_mean_the_sandbox(void **state)
{
	static const char *const paths[] = { "/proc/999/ns/pid", "/proc/101/ns/pid2",
					     "/proc/101/ns", "/var/run/pidns/x" };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_null(chosen(&f, paths[i]));
}

static void a_container_without_a_path_has_its_own(void **state)
{
	struct fixture f;

	(void)state;
	assert_null(chosen(&f, ""));
	assert_true(f.sandbox.has_own_pids);
}

static void the_guest_is_told_by_the_containers_directory(void **state)
{
	Grpc__Spec *spec = NULL;
	struct fixture f;

	(void)state;
	(void)b_with_path(&f, "");
	spec = spec_copy(&f.spec);
	pids_set_target(spec, "a");
	assert_int_equal(spec->linux->n_namespaces, 2);
	assert_string_equal(spec->linux->namespaces[1]->type, "pid");
	assert_string_equal(spec->linux->namespaces[1]->path, "/run/kata-containers/a/ns/pid");
	protobuf_c_message_free_unpacked(&spec->base, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_of_a_stand_in_is_its_container),
		cmocka_unit_test(the_sandboxs_own_container_means_the_sandbox),
		cmocka_unit_test(other_paths_mean_the_sandbox),
		cmocka_unit_test(a_container_without_a_path_has_its_own),
		cmocka_unit_test(the_guest_is_told_by_the_containers_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
