/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fake_qmp.c - our side against QEMUs that are slow, broken or hostile (fake_qemu.c)
 */
#include "bench.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"

static const char *fake_program;

static int setup(void **state)
{
	*state = bench_new();
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

static void start(struct bench *b, const char *play)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", b->dir, play);
	assert_int_equal(symlink(fake_program, path), 0);
	bench_set(&b->config->hypervisor.path, path);
	bench_start(b, -1);
}

static void a_late_greeting_is_waited_for(void **state)
{
	struct bench *b = *state;

	start(b, "late");
	bench_make_ready(b);
	BENCH_ASK(b, vmm_check, 2000);
	assert_int_equal(b->done_err.code, ERR_OK);
}

static void no_greeting_ends_with_the_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start_ns;

	start(b, "silent");
	start_ns = clock_mono_ns();
	BENCH_ASK(b, vmm_ready, 300);
	assert_int_equal(b->done_err.code, ERR_TIMEOUT);
	assert_true(clock_mono_ns() - start_ns < 5000 * NS_PER_MS);
	assert_false(b->lost);
	bench_stop(b);
}

static void a_line_of_two_mebibytes_is_the_end_of_it(void **state)
{
	struct bench *b = *state;

	start(b, "long");
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "more than 1048576 bytes");
	bench_stop(b);
}

static void a_death_in_mid_conversation_tells_status_and_last_words(void **state)
{
	struct bench *b = *state;

	start(b, "dies");
	BENCH_ASK(b, vmm_ready, 10000);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	bench_expect_text(&b->done_err, "exited with status 1");
	bench_expect_text(&b->done_err, "\\x1b[31mcannot go on");
	bench_run_until(b, &b->lost);
}

static void an_answer_to_nothing_is_the_end_of_it(void **state)
{
	struct bench *b = *state;

	start(b, "lies");
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "never sent");
	bench_stop(b);
}

static void a_guest_stopped_by_an_internal_error_is_lost(void **state)
{
	struct bench *b = *state;

	start(b, "internal-error");
	bench_make_ready(b);
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "internal-error");
	bench_stop(b);
}

static void a_guest_that_is_held_is_not_taken_for_a_lost_one(void **state)
{
	struct bench *b = *state;

	b->start_paused = true;
	start(b, "held");
	bench_make_ready(b);
	BENCH_ASK(b, vmm_check, 5000);
	assert_int_equal(b->done_err.code, ERR_OK);
	BENCH_ASK(b, vmm_resume, 5000);
	assert_int_equal(b->done_err.code, ERR_OK);
	BENCH_ASK(b, vmm_check, 5000);
	assert_int_equal(b->done_err.code, ERR_OK);
	assert_false(b->lost);
	bench_stop(b);
}

/* The same words without having been asked to wait. */
static void a_guest_that_does_not_start_by_itself_is_a_failure(void **state)
{
	struct bench *b = *state;

	start(b, "held");
	BENCH_ASK(b, vmm_ready, 5000);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	bench_expect_text(&b->done_err, "prelaunch");
	bench_run_until(b, &b->lost);
	bench_stop(b);
}

static void a_panicked_guest_is_lost_while_qemu_lives(void **state)
{
	struct bench *b = *state;

	start(b, "panics");
	bench_make_ready(b);
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "guest panicked");
	assert_int_equal(vmm_pid(b->vmm, NULL), b->pid);
	bench_stop(b);
}

/* A clean quit is an end like any other. */
static void a_clean_quit_is_lost(void **state)
{
	struct bench *b = *state;

	start(b, "quits");
	bench_make_ready(b);
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "told to quit");
	bench_expect_text(&b->lost_err, "exited with status 0");
}

static void a_closed_link_is_lost_though_the_process_lives(void **state)
{
	struct bench *b = *state;

	start(b, "hangs-up");
	bench_make_ready(b);
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "connection closed");
	bench_stop(b);
}

static void a_console_that_is_flooded_does_not_stop_the_rest(void **state)
{
	struct bench *b = *state;
	char *tail;

	start(b, "floods");
	bench_make_ready(b);
	for (int i = 0; i < 20; i++) {
		BENCH_ASK(b, vmm_check, 3000);
		assert_int_equal(b->done_err.code, ERR_OK);
	}
	assert_true(b->n_lines > 100);
	tail = vmm_console_tail(b->vmm);
	assert_true(strlen(tail) <= VMM_CONSOLE_KEEP + 4096);
	free(tail);
	bench_stop(b);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	fake_program = argv[1];
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_late_greeting_is_waited_for),
		T(no_greeting_ends_with_the_deadline),
		T(a_line_of_two_mebibytes_is_the_end_of_it),
		T(a_death_in_mid_conversation_tells_status_and_last_words),
		T(an_answer_to_nothing_is_the_end_of_it),
		T(a_guest_stopped_by_an_internal_error_is_lost),
		T(a_guest_that_is_held_is_not_taken_for_a_lost_one),
		T(a_guest_that_does_not_start_by_itself_is_a_failure),
		T(a_panicked_guest_is_lost_while_qemu_lives),
		T(a_clean_quit_is_lost),
		T(a_closed_link_is_lost_though_the_process_lives),
		T(a_console_that_is_flooded_does_not_stop_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
