/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/exit_latch.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct waiter {
	struct exit_waiter base;
	struct str *trace;
	char name;
	struct exit_latch *latch;
	struct exit_waiter *cancel_this;
};

static void on_exit_told(struct exit_waiter *w, const struct exit_info *info)
{
	struct waiter *waiter = container_of(w, struct waiter, base);

	str_addf(waiter->trace, "%c%d", waiter->name, info->status);
	if (waiter->cancel_this)
		exit_latch_cancel(waiter->latch, waiter->cancel_this);
	free(waiter);
}

static struct waiter *waiter_new(struct exit_latch *latch, struct str *trace, char name)
{
	struct waiter *w = xnew(struct waiter);

	*w = (struct waiter){
		.base.fn = on_exit_told, .trace = trace, .name = name, .latch = latch
	};
	return w;
}

static void every_waiter_is_told_oldest_first_and_may_free_itself(void **state)
{
	const struct exit_info info = { .status = 7, .at_ns = 5 };
	struct exit_latch latch = { 0 };
	struct str trace = { 0 };

	(void)state;
	for (char name = 'a'; name <= 'c'; name++)
		assert_false(exit_latch_wait(&latch, &waiter_new(&latch, &trace, name)->base));
	exit_latch_set(&latch, &info);
	assert_string_equal(str_get(&trace), "a7b7c7");
	str_done(&trace);
}

static void who_comes_late_reads_the_same_status(void **state)
{
	const struct exit_info info = { .status = 137 }, other = { .status = 1 };
	struct exit_latch latch = { 0 };
	struct exit_waiter late = { 0 };

	(void)state;
	exit_latch_set(&latch, &info);
	exit_latch_set(&latch, &other);
	assert_true(exit_latch_wait(&latch, &late));
	assert_true(exit_latch_wait(&latch, &late));
	assert_int_equal(latch.info.status, 137);
	exit_latch_cancel(&latch, &late);
}

static void a_waiter_that_left_is_not_told(void **state)
{
	const struct exit_info info = { .status = 0 };
	struct exit_latch latch = { 0 };
	struct str trace = { 0 };
	struct waiter *a = waiter_new(&latch, &trace, 'a'), *b = waiter_new(&latch, &trace, 'b'),
		      *c = waiter_new(&latch, &trace, 'c');

	(void)state;
	assert_false(exit_latch_wait(&latch, &a->base));
	assert_false(exit_latch_wait(&latch, &b->base));
	assert_false(exit_latch_wait(&latch, &c->base));
	exit_latch_cancel(&latch, &b->base);
	a->cancel_this = &c->base;
	exit_latch_set(&latch, &info);
	assert_string_equal(str_get(&trace), "a0");
	free(b);
	free(c);
	str_done(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_waiter_is_told_oldest_first_and_may_free_itself),
		cmocka_unit_test(who_comes_late_reads_the_same_status),
		cmocka_unit_test(a_waiter_that_left_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
