/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_steps.c - each step of a container's creation fails once, and nothing is left
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "tests/integration/agent/drive.h"

static void fail_at(const char *step)
{
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	Grpc__Storage storage = GRPC__STORAGE__INIT, *storages[] = { &storage };
	static char id[] = "c", driver[] = "bind";
	scoped_free char *variable = xasprintf("fail:%s", step);
	struct census before, after;

	setenv("KATA_TEST_STEP", variable, 1);
	drive_start();
	unsetenv("KATA_TEST_STEP");
	drive_create_sandbox();
	before = drive_census();
	req.container_id = req.exec_id = id;
	req.oci = drive_spec(id, ARGS("/bin/sleep", "1000"));
	storage.driver = driver;
	storage.source = drive.rootfs;
	storage.mount_point = req.oci->root->path;
	req.storages = storages;
	req.n_storages = 1;
	drive_fails("CreateContainer", &req.base, ERR_INTERNAL, step);
	protobuf_c_message_free_unpacked(&req.oci->base, NULL);
	after = drive_census();
	assert_int_equal(drive_compare(&before, &after), 0);
	drive_stop();
}

static void a_step_that_fails_leaves_nothing(void **state)
{
	static const char *const steps[] = {
		"check request", "add storages", "make bundle",        "take spec",
		"make cgroup",   "launch init",  "keep namespaces", "run prestart hooks",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		fail_at(steps[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_that_fails_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
