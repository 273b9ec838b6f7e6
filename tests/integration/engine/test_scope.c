/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox's group as a scope, against a systemd that is played. This program is its own
 * helper, as kata-proxy is.
 */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/resource/scope.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"
#include "systemd_player.h"

#define SKIPPED     77
#define DEADLINE_S  20
#define SCOPE_GROUP "/test.slice/test-kata.slice/docker-c1.scope"

struct fixture {
	char dir[64], bus[80];
	struct event_base *base;
	bool told;
	struct err err;
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-scope-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->bus, sizeof(f->bus), "%s/bus", f->dir);
	f->base = event_base_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	event_base_free(f->base);
	(void)unlink(f->bus);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static void on_done(void *arg, const struct err *err)
{
	struct fixture *f = arg;

	f->told = true;
	if (err)
		f->err = *err;
	event_base_loopbreak(f->base);
}

static struct scope_call *make(struct fixture *f)
{
	const struct timeval deadline = { .tv_sec = DEADLINE_S };
	struct err err = ERR_INIT;
	struct scope_call *call = scope_make(f->base, PLAYER_SCOPE, on_done, f, &err);

	if (!call)
		fail_msg("%s", err.text);
	assert_false(f->told); /* never from inside the call */
	event_base_loopexit(f->base, &deadline);
	event_base_dispatch(f->base);
	assert_true(f->told);
	return call;
}

static void expect_members(struct cgroup *cg, size_t want)
{
	scoped_free pid_t *pids = NULL;
	struct err err = ERR_INIT;
	size_t n;

	assert_int_equal(cgroup_pids(cg, &pids, &n, &err), 0);
	assert_int_equal(n, want);
	if (want)
		assert_int_equal(pids[0], getpid());
}

static void the_asking_process_is_in_the_scope_and_can_leave_it(void **state)
{
	struct fixture *f = *state;
	pid_t player = player_start(f->bus, PLAY_GOOD);
	struct scope_call *call = make(f);
	struct err err = ERR_INIT;
	scoped_free char *path = scope_path(PLAYER_SCOPE, &err);
	struct cgroup *cg;

	assert_int_equal(player_result(player), PLAYER_ASKED_AS_SAID);
	if (f->err.code)
		fail_msg("%s", f->err.text);
	assert_string_equal(path, SCOPE_GROUP);
	cg = cgroup_open(path, &err);
	assert_non_null(cg);
	expect_members(cg, 1);
	assert_int_equal(cgroup_return_pid(cg, getpid(), &err), 0);
	expect_members(cg, 0);
	assert_int_equal(cgroup_remove(cg, 5000, &err), 0);
	cgroup_free(cg);
	scope_call_free(call);
	cg = cgroup_open("/test.slice", &err);
	assert_int_equal(cgroup_remove(cg, 5000, &err), 0);
	cgroup_free(cg);
}

static void the_helpers_words_are_the_error(void **state)
{
	struct fixture *f = *state;
	pid_t player = player_start(f->bus, PLAY_REFUSE);
	struct scope_call *call = make(f);

	assert_int_equal(player_result(player), PLAYER_ASKED_AS_SAID);
	assert_int_equal(f->err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(f->err.text, "docker-c1.scope"));
	assert_non_null(strstr(f->err.text, "Unit is there already."));
	scope_call_free(call);
}

static void a_call_that_is_dropped_is_silent(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct scope_call *call;

	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere", 1), 0);
	call = scope_make(f->base, PLAYER_SCOPE, on_done, f, &err);
	assert_non_null(call);
	scope_call_free(call);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_false(f->told);
}

static void only_systemds_form_asks_for_a_scope(void **state)
{
	(void)state;
	assert_true(scope_is_asked("system.slice:docker:c1"));
	assert_true(scope_is_asked("::c1"));
	assert_false(scope_is_asked("/docker/c1"));
	assert_false(scope_is_asked("/a:b:c"));
	assert_false(scope_is_asked("docker/c1"));
	assert_false(scope_is_asked(""));
}

#define with_fixture(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		with_fixture(the_asking_process_is_in_the_scope_and_can_leave_it),
		with_fixture(the_helpers_words_are_the_error),
		with_fixture(a_call_that_is_dropped_is_silent),
		cmocka_unit_test(only_systemds_form_asks_for_a_scope),
	};
	int helper = scope_helper_main(argc, argv);

	if (helper >= 0)
		return helper;
	if (geteuid() != 0 || !player_can_play()) {
		fprintf(stderr, "needs root and libsystemd\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
