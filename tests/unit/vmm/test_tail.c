/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include "engine/vmm/tail.h"
#include "lib/base/mem.h"

struct bench {
	struct event_base *base;
	struct tail *tail;
	int wr;
	char **lines;
};

static void on_line(void *arg, const char *line)
{
	struct bench *b = arg;

	strv_add(&b->lines, line);
}

static void begin(struct bench *b, size_t keep, size_t max_line)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	*b = (struct bench){ .base = event_base_new(), .wr = p[1] };
	b->tail = tail_new(b->base, p[0], (struct tail_limits){ keep, max_line }, on_line, b);
}

static void say(struct bench *b, const char *text, size_t len)
{
	assert_int_equal(write(b->wr, text, len), (ssize_t)len);
	event_base_loop(b->base, EVLOOP_ONCE);
}

static void end(struct bench *b)
{
	tail_free(b->tail);
	if (b->wr >= 0)
		close(b->wr);
	strv_free(b->lines);
	event_base_free(b->base);
}

static void expect_text(struct bench *b, const char *want)
{
	char *text = tail_text(b->tail);

	assert_string_equal(text, want);
	free(text);
}

static void lines_are_told_whole_wherever_they_were_cut(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 100, 100);
	say(&b, "he", 2);
	assert_int_equal(strv_len(b.lines), 0);
	say(&b, "llo\r\n\nwor", 9);
	say(&b, "ld\n", 3);
	assert_int_equal(strv_len(b.lines), 2);
	assert_string_equal(b.lines[0], "hello");
	assert_string_equal(b.lines[1], "world");
	end(&b);
}

static void a_line_that_is_too_long_comes_in_pieces(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 100, 4);
	say(&b, "abcdefghij\n", 11);
	assert_int_equal(strv_len(b.lines), 3);
	assert_string_equal(b.lines[0], "abcd");
	assert_string_equal(b.lines[2], "ij");
	end(&b);
}

static void a_nul_byte_does_not_hide_the_rest(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 100, 100);
	say(&b, "a\0b\n", 4);
	assert_string_equal(b.lines[0], "a b");
	expect_text(&b, "a\\x00b\n");
	end(&b);
}

static void only_the_end_is_remembered(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 3000, 100);
	for (int i = 0; i < 1000; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "%08d\n", i);

		say(&b, text, (size_t)n);
	}
	char *text = tail_text(b.tail);
	assert_int_equal(strlen(text), 3000);
	assert_string_equal(text + 3000 - 9, "00000999\n");
	assert_non_null(strstr(text, "00000700\n"));
	assert_null(strstr(text, "00000600\n"));
	free(text);
	end(&b);
}

static void draining_reads_what_the_dead_left_behind(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 100, 100);
	assert_int_equal(write(b.wr, "last words", 10), 10);
	close(b.wr);
	b.wr = -1;
	tail_drain(b.tail);
	tail_drain(b.tail);
	expect_text(&b, "last words");
	assert_string_equal(b.lines[0], "last words");
	assert_int_equal(event_base_loop(b.base, EVLOOP_NONBLOCK), 1); /* nothing is watched */
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_told_whole_wherever_they_were_cut),
		cmocka_unit_test(a_line_that_is_too_long_comes_in_pieces),
		cmocka_unit_test(a_nul_byte_does_not_hide_the_rest),
		cmocka_unit_test(only_the_end_is_remembered),
		cmocka_unit_test(draining_reads_what_the_dead_left_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
