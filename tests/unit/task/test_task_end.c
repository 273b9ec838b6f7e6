/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_task_end.c - how processes, containers and the sandbox end
 */
#include "world.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"

static const Containerd__Task__V2__WaitRequest *wait_request(void)
{
	static Containerd__Task__V2__WaitRequest req = CONTAINERD__TASK__V2__WAIT_REQUEST__INIT;

	req.id = c1;
	return &req;
}

static void expect_exit(struct answer *a, uint32_t status)
{
	const Containerd__Task__V2__WaitResponse *resp = (void *)a->resp;

	assert_true(a->over);
	assert_non_null(resp);
	assert_int_equal(resp->exit_status, status);
	assert_int_equal(resp->exited_at->seconds, 5);
	assert_int_equal(resp->exited_at->nanos, 7);
	forget(a);
}

static void every_wait_early_or_late_hears_the_same_exit(void **state)
{
	struct world *w = *state;
	struct answer early[3], late;

	create(w, c1);
	for (size_t i = 0; i < ARRAY_LEN(early); i++)
		ask(w, "Wait", &wait_request()->base, &early[i]);
	assert_false(early[0].over);
	set_exit(&the_container(c1)->init, 42);
	turn(w);
	for (size_t i = 0; i < ARRAY_LEN(early); i++)
		expect_exit(&early[i], 42);
	ask(w, "Wait", &wait_request()->base, &late);
	expect_exit(&late, 42);
}

static void a_wait_that_hangs_up_drops_only_itself(void **state)
{
	struct world *w = *state;
	struct answer gone = { 0 }, stays;
	struct ttrpc_client *other;
	struct err err = ERR_INIT;
	int fds[2];

	create(w, c1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ttrpc_server_serve(w->server, fds[0], NULL, NULL, &err), 0);
	other = ttrpc_client_new(w->base, fds[1], NULL, NULL);
	ttrpc_client_call(other, &containerd__task__v2__task__descriptor, "Wait",
			  &wait_request()->base, 0, on_answer, &gone);
	turn(w);
	ask(w, "Wait", &wait_request()->base, &stays);
	ttrpc_client_free(other);
	turn(w);
	assert_int_equal(ttrpc_server_calls(w->server), 1);
	set_exit(&the_container(c1)->init, 3);
	turn(w);
	assert_false(gone.over);
	expect_exit(&stays, 3);
}

static void an_operation_goes_on_when_its_caller_hangs_up(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask(w, "Pause", REQUEST(PauseRequest, pause_request, .id = c1), &a);
	ttrpc_client_free(take_ptr(&w->client));
	turn(w);
	fake_end("pause c1", NULL);
	assert_false(a.over);
}

static void a_delete_tells_the_exit_and_the_last_one_says_empty(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__DeleteResponse *resp;
	struct answer a;

	create(w, c1);
	create(w, c2);
	set_exit(&the_container(c1)->init, 9);
	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c1, .exec_id = empty), &a);
	the_container(c1)->id[0] = '\0';
	fake_end("delete c1", NULL);
	turn(w);
	resp = (void *)a.resp;
	assert_non_null(resp);
	assert_int_equal(resp->exit_status, 9);
	assert_int_equal(resp->exited_at->seconds, 5);
	forget(&a);
	assert_int_equal(w->front.n_empty, 0);
	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c2, .exec_id = empty), &a);
	the_container(c2)->id[0] = '\0';
	fake_end("delete c2 by force", NULL); /* created and never started */
	expect_done(w, &a);
	assert_int_equal(w->front.n_empty, 1);
}

static void a_delete_of_a_running_container_is_not_by_force(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;
	struct answer a;

	create(w, c1);
	the_container(c1)->status = CONTAINER_RUNNING;
	err_set(&why, ERR_STATE, "it is running");
	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c1, .exec_id = empty), &a);
	fake_end("delete c1", &why);
	expect_error(w, &a, ERR_STATE, "running");
	assert_int_equal(w->front.n_empty, 0);
}

static void on_forgotten(void *arg, const char *id, const struct err *err)
{
	struct front *front = arg;

	assert_string_equal(id, c1);
	assert_null(err);
	front->n_forgotten++;
}

static void what_is_forgotten_is_killed_and_then_deleted(void **state)
{
	struct world *w = *state;

	create(w, c1);
	tasks_forget(w->tasks, c1, true, on_forgotten, &w->front);
	turn(w);
	fake_end("signal c1/ 9 all", NULL);
	turn(w);
	assert_true(fake_is_idle());
	set_exit(&the_container(c1)->init, 137);
	turn(w);
	assert_int_equal(w->front.n_forgotten, 0);
	the_container(c1)->id[0] = '\0';
	fake_end("delete c1 by force", NULL);
	assert_int_equal(w->front.n_forgotten, 1);
}

static void what_runs_may_be_left_to_its_end(void **state)
{
	struct world *w = *state;

	create(w, c1);
	the_container(c1)->init.started = true;
	tasks_forget(w->tasks, c1, false, on_forgotten, &w->front);
	turn(w);
	assert_true(fake_is_idle());
	set_exit(&the_container(c1)->init, 0);
	turn(w);
	fake_end("delete c1 by force", NULL);
	assert_int_equal(w->front.n_forgotten, 1);
}

static void what_has_ended_is_forgotten_without_a_signal(void **state)
{
	struct world *w = *state;

	create(w, c1);
	set_exit(&the_container(c1)->init, 0);
	tasks_forget(w->tasks, c1, true, on_forgotten, &w->front);
	turn(w);
	fake_end("delete c1 by force", NULL);
	assert_int_equal(w->front.n_forgotten, 1);
}

static void what_was_deleted_meanwhile_is_forgotten_already(void **state)
{
	struct world *w = *state;

	create(w, c1);
	tasks_forget(w->tasks, c1, true, on_forgotten, &w->front);
	fake_end("signal c1/ 9 all", NULL);
	set_exit(&the_container(c1)->init, 137);
	the_container(c1)->id[0] = '\0';
	turn(w);
	assert_int_equal(w->front.n_forgotten, 1);
	tasks_forget(w->tasks, c1, true, on_forgotten, &w->front);
	turn(w);
	assert_int_equal(w->front.n_forgotten, 2);
}

static void what_is_being_forgotten_at_the_end_is_no_leak(void **state)
{
	struct world *w = *state;

	create(w, c1);
	tasks_forget(w->tasks, c1, true, on_forgotten, &w->front);
	fake_end("signal c1/ 9 all", NULL);
	assert_int_equal(w->front.n_forgotten, 0);
}

static void a_shutdown_waits_for_the_last_container(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = c1), &a);
	expect_done(w, &a);
	assert_true(fake_is_idle());
	the_container(c1)->id[0] = '\0';
	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = c1), &a);
	assert_false(a.over);
	fake_end("down", NULL);
	expect_done(w, &a);
	assert_int_equal(w->front.n_down, 1);
}

static void a_shutdown_now_takes_everything_down_and_nothing_is_made_meanwhile(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct err left = ERR_INIT;
	struct answer a, b;

	create(w, c1);
	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = c1, .now = true), &a);
	init_create(&req, w, c2);
	ask(w, "Create", &req.base, &b);
	expect_error(w, &b, ERR_STATE, "being taken down");
	tasks_down(w->tasks);
	err_set(&left, ERR_INTERNAL, "unmount '/x': busy");
	fake_end("down", &left);
	expect_error(w, &a, ERR_INTERNAL, "unmount '/x': busy");
	assert_int_equal(w->front.n_down, 1);
}

static void a_shutdown_without_a_sandbox_is_fine(void **state)
{
	struct world *w = *state;
	struct answer a;

	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = empty), &a);
	expect_done(w, &a);
	assert_int_equal(w->front.n_down, 1);
}

static void without_a_sandbox_nothing_is_found(void **state)
{
	struct world *w = *state;
	struct answer a;

	ask(w, "State", REQUEST(StateRequest, state_request, .id = c1, .exec_id = empty), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
	ask(w, "Start", REQUEST(StartRequest, start_request, .id = c1, .exec_id = empty), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
	ask(w, "Wait", &wait_request()->base, &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
	ask(w, "Pids", REQUEST(PidsRequest, pids_request, .id = c1), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_wait_early_or_late_hears_the_same_exit),
		TEST(a_wait_that_hangs_up_drops_only_itself),
		TEST(an_operation_goes_on_when_its_caller_hangs_up),
		TEST(a_delete_tells_the_exit_and_the_last_one_says_empty),
		TEST(a_delete_of_a_running_container_is_not_by_force),
		TEST(what_is_forgotten_is_killed_and_then_deleted),
		TEST(what_runs_may_be_left_to_its_end),
		TEST(what_has_ended_is_forgotten_without_a_signal),
		TEST(what_was_deleted_meanwhile_is_forgotten_already),
		TEST(what_is_being_forgotten_at_the_end_is_no_leak),
		TEST(a_shutdown_waits_for_the_last_container),
		TEST(a_shutdown_now_takes_everything_down_and_nothing_is_made_meanwhile),
		TEST(a_shutdown_without_a_sandbox_is_fine),
		TEST(without_a_sandbox_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
