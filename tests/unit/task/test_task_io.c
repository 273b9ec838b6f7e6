/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of a task: what reaches the engine of Create, Exec, CloseIO, ResizePty, and what
 * State tells of them.
 */
#include "world.h"

#include <string.h>

static char in[] = "/in", out[] = "/out", errors[] = "/err";

static void streams_by_path_reach_the_engine(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct answer a;

	init_create(&req, w, c1);
	req.stdin = in;
	req.stdout = out;
	req.stderr = errors;
	ask(w, "Create", &req.base, &a);
	fake_end("up", NULL);
	fake_end("create c1 </in>/out 2>/err", NULL);
	expect_done(w, &a);
}

static void empty_streams_are_carried_where_the_front_end_says_so(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct answer a;

	create(w, c1); /* "create c1": not carried */
	tasks_carry_streams(w->tasks, "k8s.io");
	init_create(&req, w, c2);
	req.terminal = true;
	ask(w, "Create", &req.base, &a);
	fake_end("create c2 tty <> 2>", NULL);
	expect_done(w, &a);
}

static void an_exec_has_streams_of_its_own(void **state)
{
	struct world *w = *state;
	char url[] = "types.containerd.io/opencontainers/runtime-spec/1/Process";
	char json[] = "{\"args\":[\"ls\"],\"cwd\":\"/\"}";
	Containerd__Task__V2__Any any = CONTAINERD__TASK__V2__ANY__INIT;
	struct answer a;

	create(w, c1);
	any.type_url = url;
	any.value.data = (uint8_t *)json;
	any.value.len = strlen(json);
	ask(w, "Exec",
	    REQUEST(ExecProcessRequest, exec_process_request, .id = c1, .exec_id = e1, .stdin = in,
		    .stdout = out, .stderr = empty, .terminal = true, .spec = &any),
	    &a);
	fake_end("exec c1/e1 ls tty </in>/out 2>", NULL);
	expect_done(w, &a);
}

static void the_state_tells_where_the_streams_go(void **state)
{
	static const struct stdio_request streams = {
		.terminal = true, .in = "/in", .out = "/out", .err = ""
	};
	struct world *w = *state;
	Containerd__Task__V2__StateResponse *resp;
	struct answer a;

	create(w, c1);
	the_container(c1)->init.stdio = &streams;
	ask(w, "State", REQUEST(StateRequest, state_request, .id = c1, .exec_id = empty), &a);
	assert_true(a.over && a.resp);
	resp = (void *)a.resp;
	assert_true(resp->terminal);
	assert_string_equal(resp->stdin, "/in");
	assert_string_equal(resp->stdout, "/out");
	assert_string_equal(resp->stderr, "");
	forget(&a);
}

static void a_terminal_is_resized_to_rows_and_columns(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask(w, "ResizePty",
	    REQUEST(ResizePtyRequest, resize_pty_request, .id = c1, .exec_id = empty, .width = 80,
		    .height = 25),
	    &a);
	fake_end("resize c1/ 25x80", NULL);
	expect_done(w, &a);
	ask(w, "ResizePty",
	    REQUEST(ResizePtyRequest, resize_pty_request, .id = c2, .exec_id = empty), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "c2");
}

static void close_io_closes_the_input_it_names(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask(w, "CloseIO",
	    REQUEST(CloseIORequest, close_iorequest, .id = c1, .exec_id = empty, .stdin = true),
	    &a);
	fake_end("close stdin c1/", NULL);
	expect_done(w, &a);
	ask(w, "CloseIO", REQUEST(CloseIORequest, close_iorequest, .id = c1, .exec_id = empty), &a);
	expect_done(w, &a);
	ask(w, "CloseIO", REQUEST(CloseIORequest, close_iorequest, .id = c1, .exec_id = e1), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "e1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streams_by_path_reach_the_engine),
		TEST(empty_streams_are_carried_where_the_front_end_says_so),
		TEST(an_exec_has_streams_of_its_own),
		TEST(the_state_tells_where_the_streams_go),
		TEST(a_terminal_is_resized_to_rows_and_columns),
		TEST(close_io_closes_the_input_it_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
