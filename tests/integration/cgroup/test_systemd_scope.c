/* SPDX-License-Identifier: Apache-2.0 */
/* The systemd driver of lib/cgroup against a systemd that is played (systemd_player.h). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/systemd.h"
#include "systemd_player.h"

#define SKIPPED 77

struct fixture {
	char dir[64], bus[80];
	pid_t player, member;
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-systemd-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->bus, sizeof(f->bus), "%s/bus", f->dir);
	f->member = fork();
	if (f->member == 0)
		for (;;)
			pause();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	(void)kill(f->member, SIGKILL);
	(void)waitpid(f->member, NULL, 0);
	(void)unlink(f->bus);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static void remove_group(const char *path)
{
	struct err err = ERR_INIT;
	struct cgroup *cg = cgroup_open(path, &err);

	if (!cg || cgroup_remove(cg, 5000, &err) < 0)
		fail_msg("%s", err.text);
	cgroup_free(cg);
}

static void a_scope_is_started_and_the_process_is_in_its_group(void **state)
{
	struct fixture *f = *state;
	scoped_free pid_t *pids = NULL;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	size_t n;

	f->player = player_start(f->bus, PLAY_GOOD);
	cg = cgroup_create_systemd(PLAYER_SCOPE, f->member, &err);
	if (!cg)
		fail_msg("%s", err.text);
	assert_int_equal(player_result(f->player), PLAYER_ASKED_AS_SAID);
	assert_int_equal(cgroup_pids(cg, &pids, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], f->member);
	assert_int_equal(cgroup_signal(cg, SIGKILL, &err), 0);
	cgroup_free(cg);
	remove_group("/test.slice/test-kata.slice/docker-c1.scope");
	remove_group("/test.slice");
}

static void a_job_that_fails_is_an_error_with_its_result(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	f->player = player_start(f->bus, PLAY_JOB_FAILS);
	assert_null(cgroup_create_systemd(PLAYER_SCOPE, f->member, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "'timeout'"));
	assert_int_equal(player_result(f->player), PLAYER_ASKED_AS_SAID);
}

static void systemds_own_words_are_passed_on(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	f->player = player_start(f->bus, PLAY_REFUSE);
	assert_null(cgroup_create_systemd(PLAYER_SCOPE, f->member, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "Unit is there already."));
	assert_int_equal(player_result(f->player), PLAYER_ASKED_AS_SAID);
}

static void no_bus_is_an_error_that_says_so(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1), 0);
	assert_null(cgroup_create_systemd(PLAYER_SCOPE, f->member, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "system bus"));
}

#define with_fixture(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(a_scope_is_started_and_the_process_is_in_its_group),
		with_fixture(a_job_that_fails_is_an_error_with_its_result),
		with_fixture(systemds_own_words_are_passed_on),
		with_fixture(no_bus_is_an_error_that_says_so),
	};

	if (geteuid() != 0 || !player_can_play()) {
		fprintf(stderr, "needs root and libsystemd\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
