/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/flow.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Steps write one letter each: capitals when they run, small ones when they are undone. */
struct owner {
	struct flow flow;
	struct str trace;
	char fails, waits; /* the step that does */
	size_t n_done;
	struct err err;
	bool free_in_done;
};

static enum flow_next run(struct owner *o, char step, struct err *err)
{
	str_addf(&o->trace, "%c", step);
	if (o->fails == step) {
		err_set(err, ERR_DENIED, "no");
		return FLOW_FAIL;
	}
	return o->waits == step ? FLOW_WAIT : FLOW_NEXT;
}

#define RUN(name, letter)                                              \
	static enum flow_next run_##name(void *owner, struct err *err) \
	{                                                              \
		return run(owner, letter, err);                        \
	}
#define UNDO(name)                                               \
	static void undo_##name(void *owner)                     \
	{                                                        \
		str_add(&((struct owner *)owner)->trace, #name); \
	}
RUN(a, 'A')
UNDO(a) RUN(b, 'B') UNDO(b) RUN(c, 'C') RUN(d, 'D') UNDO(d)

	static const struct flow_step steps[] = {
		{ "do a", run_a, undo_a },
		{ "do b", run_b, undo_b },
		{ "do c", run_c, NULL },
		{ "do d", run_d, undo_d },
	};

static void on_done(void *owner, const struct err *err)
{
	struct owner *o = owner;

	o->n_done++;
	if (err)
		o->err = *err;
	if (o->free_in_done) {
		str_done(&o->trace);
		free(o);
	}
}

static struct owner *owner_new(char fails, char waits)
{
	struct owner *o = xnew(struct owner);

	o->fails = fails;
	o->waits = waits;
	o->flow = (struct flow){
		.steps = steps, .n_steps = ARRAY_LEN(steps), .owner = o, .done = on_done
	};
	return o;
}

static void assert_ended(struct owner *o, const char *trace, const char *error)
{
	assert_int_equal(o->n_done, 1);
	assert_string_equal(str_get(&o->trace), trace);
	assert_string_equal(o->err.text, error);
	str_done(&o->trace);
	free(o);
}

static void steps_run_in_order(void **state)
{
	struct owner *o = owner_new(0, 0);

	(void)state;
	flow_start(&o->flow);
	assert_ended(o, "ABCD", "");
}

static void a_failure_undoes_what_was_entered_newest_first(void **state)
{
	struct owner *o = owner_new('D', 0);

	(void)state;
	flow_start(&o->flow);
	assert_int_equal(o->err.code, ERR_DENIED);
	assert_ended(o, "ABCDdba", "do d: no");
	o = owner_new('A', 0);
	flow_start(&o->flow);
	assert_ended(o, "Aa", "do a: no");
}

static void a_step_that_waits_is_resumed(void **state)
{
	struct owner *o = owner_new(0, 'B');

	(void)state;
	flow_start(&o->flow);
	assert_string_equal(str_get(&o->trace), "AB");
	assert_int_equal(o->n_done, 0);
	flow_resume(&o->flow, NULL);
	assert_ended(o, "ABCD", "");
}

static void a_wait_that_fails_undoes_its_own_step_too(void **state)
{
	struct owner *o = owner_new(0, 'B');
	struct err why = ERR_INIT;

	(void)state;
	err_set(&why, ERR_TIMEOUT, "no answer");
	flow_start(&o->flow);
	flow_resume(&o->flow, &why);
	assert_int_equal(o->err.code, ERR_TIMEOUT);
	assert_ended(o, "ABba", "do b: no answer");
}

static void an_abort_fails_a_wait_and_is_nothing_otherwise(void **state)
{
	struct owner *o = owner_new(0, 'C');
	struct err why = ERR_INIT;

	(void)state;
	err_set(&why, ERR_UNAVAILABLE, "the machine is gone");
	flow_start(&o->flow);
	flow_abort(&o->flow, &why);
	flow_abort(&o->flow, &why);
	assert_ended(o, "ABCba", "do c: the machine is gone");
}

static void the_owner_may_be_freed_when_it_is_done(void **state)
{
	struct owner *o = owner_new('B', 0);

	(void)state;
	o->free_in_done = true;
	flow_start(&o->flow);
	o = owner_new(0, 'D');
	o->free_in_done = true;
	flow_start(&o->flow);
	flow_resume(&o->flow, NULL);
}

static void every_step_entered_is_timed(void **state)
{
	struct owner *o = owner_new(0, 'C');

	(void)state;
	flow_start(&o->flow);
	for (uint64_t end = clock_mono_ns() + 2 * NS_PER_MS; clock_mono_ns() < end;)
		; /* two milliseconds for the clock to see */
	flow_resume(&o->flow, NULL);
	assert_true(o->flow.took_ns[2] >= 2000000);
	assert_ended(o, "ABCD", "");
}

static void a_test_may_make_one_step_fail(void **state)
{
	struct owner *o = owner_new(0, 0);

	(void)state;
	setenv("KATA_TEST_STEP", "fail:do c", 1);
	flow_start(&o->flow);
	unsetenv("KATA_TEST_STEP");
	assert_ended(o, "ABba", "do c: made to fail by KATA_TEST_STEP");
	o = owner_new(0, 0);
	setenv("KATA_TEST_STEP", "fail:do", 1);
	flow_start(&o->flow);
	unsetenv("KATA_TEST_STEP");
	assert_ended(o, "ABCD", "");
}

static void a_flow_that_never_waits_returns_its_end(void **state)
{
	struct owner *o = owner_new(0, 0);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(flow_run(&o->flow, &err), 0);
	assert_string_equal(str_get(&o->trace), "ABCD");
	assert_int_equal(err.code, ERR_OK);
	str_done(&o->trace);
	o->fails = 'B';
	assert_int_equal(flow_run(&o->flow, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_string_equal(err.text, "do b: no");
	assert_string_equal(str_get(&o->trace), "ABba");
	assert_int_equal(o->n_done, 0);
	str_done(&o->trace);
	free(o);
}

static int status_of_child_with(const char *test_step, int options)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct owner *o = owner_new(0, 0);

		setenv("KATA_TEST_STEP", test_step, 1);
		flow_start(&o->flow);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, options), pid);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	return status;
}

static void a_test_may_kill_or_stop_the_process_at_a_step(void **state)
{
	int status = status_of_child_with("kill:do b", 0);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	status = status_of_child_with("stop:do b", WUNTRACED);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	assert_int_equal(status_of_child_with("kill:do x", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_run_in_order),
		cmocka_unit_test(a_failure_undoes_what_was_entered_newest_first),
		cmocka_unit_test(a_step_that_waits_is_resumed),
		cmocka_unit_test(a_wait_that_fails_undoes_its_own_step_too),
		cmocka_unit_test(an_abort_fails_a_wait_and_is_nothing_otherwise),
		cmocka_unit_test(the_owner_may_be_freed_when_it_is_done),
		cmocka_unit_test(every_step_entered_is_timed),
		cmocka_unit_test(a_test_may_make_one_step_fail),
		cmocka_unit_test(a_flow_that_never_waits_returns_its_end),
		cmocka_unit_test(a_test_may_kill_or_stop_the_process_at_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
