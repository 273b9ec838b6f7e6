/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a process's exit is told: after its output, after the answer of its start, and what may be
 * done with it in between.
 */
#include "fake_agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/agent/agent.h"
#include "engine/sandbox_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

struct told {
	bool over;
	struct err err;
};

struct world {
	struct fake_agent agent;
	struct sandbox sandbox;
	struct container container;
	struct told dialed, started, other;
	char story[64]; /* what was told, in order */
	char out[128];
	int out_fd;
};

static void on_told(void *arg, const struct err *err)
{
	struct told *told = arg;

	assert_false(told->over);
	*told = (struct told){ .over = true };
	if (err)
		told->err = *err;
}

static bool is_told(void *arg)
{
	return ((struct told *)arg)->over;
}

static void on_started(void *arg, const struct err *err)
{
	struct world *w = arg;

	strcat(w->story, err ? "no start," : "start,");
	on_told(&w->started, err);
}

static void on_exited(void *arg, struct process *p)
{
	struct world *w = arg;

	assert_ptr_equal(p, w->container.init);
	strcat(w->story, "exit,");
}

static void on_lost(void *arg, const struct err *why)
{
	(void)arg, (void)why;
}

/* A container whose init nobody knows yet, with a FIFO that is read. */
static int setup_bare(void **state)
{
	struct world *w = xnew(struct world);
	struct sandbox *sb = &w->sandbox;
	struct container *c = &w->container;

	fake_agent_setup(&w->agent);
	*sb = (struct sandbox){ .base = w->agent.base,
				.state = SANDBOX_UP,
				.events = { .exited = on_exited },
				.events_arg = w };
	loggers_init(&sb->loggers, sb->base, NULL);
	list_init(&sb->containers);
	sb->agent = agent_new(sb->base, on_lost, w);
	snprintf(w->out, sizeof(w->out), "unix://%s", w->agent.path);
	agent_dial(sb->agent, w->out, 5000, on_told, &w->dialed);
	turn_until(sb->base, is_told, &w->dialed);
	assert_int_equal(w->dialed.err.code, ERR_OK);
	*c = (struct container){ .sandbox = sb, .id = xstrdup("c1"), .status = CONTAINER_CREATED };
	list_init(&c->execs);
	c->init = process_new(c, "");
	snprintf(w->out, sizeof(w->out), "%s/out", w->agent.dir);
	assert_int_equal(mkfifo(w->out, 0600), 0);
	w->out_fd = open(w->out, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	*state = w;
	return 0;
}

/* The guest has the init. */
static int setup(void **state)
{
	struct err err = ERR_INIT;
	struct world *w;

	setup_bare(state);
	w = *state;
	assert_int_equal(
		process_open_io(w->container.init, &(struct stdio_request){ .out = w->out }, &err),
		0);
	process_watch(w->container.init);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	process_free(w->container.init);
	free(w->container.id);
	loggers_done(&w->sandbox.loggers);
	agent_free(w->sandbox.agent);
	settle(w->agent.base);
	fake_agent_teardown(&w->agent);
	close_fd(&w->out_fd);
	free(w);
	return 0;
}

static void start(struct world *w)
{
	process_start(w->container.init, on_started, w);
	fake_started(&w->agent);
	turn_until(w->agent.base, is_told, &w->started);
}

static void end_streams(struct world *w)
{
	fake_eof(&w->agent, 0);
	fake_eof(&w->agent, 1);
}

static bool has_exited(void *arg)
{
	return process_exit(((struct world *)arg)->container.init)->set;
}

/* More than the FIFO holds: there is something to be waited for. */
static void say_much(struct world *w)
{
	static const char much[200000];

	fake_say(&w->agent, 0, much, sizeof(much));
	wait_until_full(w->agent.base, w->out_fd);
}

static bool has_ended(void *arg)
{
	return ((struct world *)arg)->container.init->ended;
}

/* The end is known, and not told yet. */
static void end_untold(struct world *w, int status)
{
	end_streams(w);
	fake_exit(&w->agent, status);
	turn_until(w->agent.base, has_ended, w);
	assert_false(has_exited(w));
}

static bool has_read_all(void *arg)
{
	struct world *w = arg;
	char buf[65536];

	while (read(w->out_fd, buf, sizeof(buf)) > 0)
		;
	return has_exited(w);
}

static void the_exit_is_told_after_the_output(void **state)
{
	struct world *w = *state;

	start(w);
	say_much(w);
	end_untold(w, 7);
	assert_int_equal(container_status(&w->container), CONTAINER_RUNNING);
	turn_until(w->agent.base, has_read_all, w);
	assert_int_equal(process_exit(w->container.init)->info.status, 7);
	assert_int_equal(container_status(&w->container), CONTAINER_STOPPED);
	assert_string_equal(w->story, "start,exit,");
}

static void a_signal_while_output_is_written_finds_an_ended_process(void **state)
{
	struct world *w = *state;

	start(w);
	say_much(w);
	end_untold(w, 7);
	process_signal(w->container.init, SIGKILL, false, on_told, &w->other);
	turn_until(w->agent.base, is_told, &w->other);
	assert_int_equal(w->other.err.code, ERR_OK);
	w->other.over = false;
	process_signal(w->container.init, SIGUSR1, false, on_told, &w->other);
	turn_until(w->agent.base, is_told, &w->other);
	assert_int_equal(w->other.err.code, ERR_STATE);
	assert_int_equal(w->agent.n_signals, 0);
	w->other.over = false;
	process_resize(w->container.init, 1, 1, on_told, &w->other);
	turn_until(w->agent.base, is_told, &w->other);
	assert_int_equal(w->other.err.code, ERR_STATE);
}

static void the_exit_is_told_after_the_start(void **state)
{
	struct world *w = *state;

	process_start(w->container.init, on_started, w);
	end_untold(w, 3);
	settle(w->agent.base);
	assert_false(has_exited(w));
	fake_started(&w->agent);
	turn_until(w->agent.base, has_exited, w);
	assert_string_equal(w->story, "start,exit,");
}

static void a_lost_machine_ends_a_start_first(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;

	process_start(w->container.init, on_started, w);
	settle(w->agent.base);
	err_set(&why, ERR_UNAVAILABLE, "gone");
	w->sandbox.state = SANDBOX_LOST;
	process_lose(w->container.init, 255);
	agent_abort(w->sandbox.agent, &why);
	turn_until(w->agent.base, has_exited, w);
	assert_int_equal(process_exit(w->container.init)->info.status, 255);
	assert_string_equal(w->story, "no start,exit,");
}

static void a_lost_machine_keeps_what_was_read(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;

	start(w);
	say_much(w);
	err_set(&why, ERR_UNAVAILABLE, "gone");
	w->sandbox.state = SANDBOX_LOST;
	process_lose(w->container.init, 255);
	agent_abort(w->sandbox.agent, &why);
	settle(w->agent.base);
	assert_false(has_exited(w));
	turn_until(w->agent.base, has_read_all, w);
	assert_string_equal(w->story, "start,exit,");
}

static void a_delete_tells_the_exit_that_was_held_back(void **state)
{
	struct world *w = *state;

	start(w);
	say_much(w);
	end_untold(w, 7);
	process_set_exit(w->container.init, 255);
	assert_true(has_exited(w));
	assert_int_equal(process_exit(w->container.init)->info.status, 7);
}

static void the_start_of_a_deleted_process_is_answered_all_the_same(void **state)
{
	struct world *w = *state;

	process_start(w->container.init, on_started, w);
	settle(w->agent.base);
	process_free(w->container.init);
	w->container.init = process_new(&w->container, "");
	fake_started(&w->agent);
	turn_until(w->agent.base, is_told, &w->started);
	assert_string_equal(w->story, "exit,start,");
}

/* A logger that is never ready: its exec is asked for, and deleted before anything came of it. */
static void an_exec_deleted_while_its_logger_starts_is_answered(void **state)
{
	struct world *w = *state;
	const struct stdio_request req = { .out = "binary:///usr/bin/tail?-f=/dev/null" };
	struct process *p = process_new(&w->container, "e1");
	struct err err = ERR_INIT;

	assert_int_equal(process_open_io(p, &req, &err), 0);
	process_on_opened(p, on_told, &w->other);
	process_start(p, on_started, w);
	turn_until(w->agent.base, is_told, &w->started);
	assert_int_equal(w->started.err.code, ERR_STATE);
	assert_false(w->other.over);
	process_free(p);
	turn_until(w->agent.base, is_told, &w->other);
	assert_int_equal(w->other.err.code, ERR_CANCELLED);
}

/* Its streams are closed by then: a second start would have nowhere to write to. */
static void an_exec_that_could_not_be_started_is_not_started_again(void **state)
{
	struct world *w = *state;
	struct process *p = process_new(&w->container, "e1");
	struct err err = ERR_INIT;

	p->process = xnew(Grpc__Process);
	*p->process = (Grpc__Process)GRPC__PROCESS__INIT;
	assert_int_equal(process_open_io(p, &(struct stdio_request){ .out = w->out }, &err), 0);
	err_set(&err, ERR_NOT_FOUND, "no such program");
	process_start(p, on_started, w);
	fake_not_started(&w->agent, &err);
	turn_until(w->agent.base, is_told, &w->started);
	assert_int_equal(w->started.err.code, ERR_NOT_FOUND);
	process_start(p, on_told, &w->other);
	turn_until(w->agent.base, is_told, &w->other);
	assert_int_equal(w->other.err.code, ERR_STATE);
	assert_non_null(strstr(w->other.err.text, "could not be started before"));
	process_free(p);
}

static bool has_size(void *arg)
{
	return ((struct world *)arg)->agent.rows;
}

/* The guest does not have an exec before its start. */
static void the_size_of_a_terminal_is_kept_until_the_guest_has_it(void **state)
{
	struct world *w = *state;
	const struct stdio_request req = { .terminal = true, .out = w->out };
	struct process *p = process_new(&w->container, "e1");
	struct err err = ERR_INIT;

	p->process = xnew(Grpc__Process);
	*p->process = (Grpc__Process)GRPC__PROCESS__INIT;
	assert_int_equal(process_open_io(p, &req, &err), 0);
	process_resize(p, 25, 80, on_told, &w->other);
	turn_until(w->agent.base, is_told, &w->other);
	assert_int_equal(w->other.err.code, ERR_OK);
	assert_int_equal(w->agent.rows, 0);
	process_start(p, on_started, w);
	fake_started(&w->agent);
	turn_until(w->agent.base, has_size, w);
	assert_int_equal(w->agent.rows, 25);
	assert_int_equal(w->agent.columns, 80);
	w->sandbox.events.exited = NULL;
	process_free(p);
}

static void what_has_no_terminal_has_no_size(void **state)
{
	struct world *w = *state;

	process_resize(w->container.init, 25, 80, on_told, &w->other);
	turn_until(w->agent.base, is_told, &w->other);
	assert_int_equal(w->other.err.code, ERR_OK);
	settle(w->agent.base);
	assert_int_equal(w->agent.rows, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_exit_is_told_after_the_output),
		TEST(a_signal_while_output_is_written_finds_an_ended_process),
		TEST(the_exit_is_told_after_the_start),
		TEST(a_lost_machine_ends_a_start_first),
		TEST(a_lost_machine_keeps_what_was_read),
		TEST(a_delete_tells_the_exit_that_was_held_back),
		cmocka_unit_test_setup_teardown(
			the_size_of_a_terminal_is_kept_until_the_guest_has_it, setup_bare,
			teardown),
		cmocka_unit_test_setup_teardown(an_exec_deleted_while_its_logger_starts_is_answered,
						setup_bare, teardown),
		cmocka_unit_test_setup_teardown(
			an_exec_that_could_not_be_started_is_not_started_again, setup_bare,
			teardown),
		TEST(what_has_no_terminal_has_no_size),
		TEST(the_start_of_a_deleted_process_is_answered_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
