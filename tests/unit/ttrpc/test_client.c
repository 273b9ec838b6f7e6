/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/frame.h"
#include "pair.h"

struct answer {
	bool over;
	size_t n_times;
	struct err err;
	int status;
	struct ttrpc_client *free_this; /* in the callback */
	uint64_t cancel_this;
};

static void on_done(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct answer *a = arg;

	a->over = true;
	a->n_times++;
	if (err)
		a->err = *err;
	else
		a->status = (int)((const Grpc__HealthCheckResponse *)(const void *)resp)->status;
	if (a->cancel_this)
		ttrpc_client_cancel(a->free_this, a->cancel_this);
	else
		ttrpc_client_free(a->free_this);
}

static uint64_t check(struct ttrpc_client *client, const char *argument, uint32_t timeout_ms,
		      struct answer *answer)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;

	req.service = (char *)(uintptr_t)argument;
	return ttrpc_client_call(client, &grpc__health__descriptor, "Check", &req.base, timeout_ms,
				 on_done, answer);
}

struct closing {
	bool over;
	size_t n_times;
	struct err why;
	struct ttrpc_client *free_this;
};

static void on_close(void *arg, const struct err *why)
{
	struct closing *c = arg;

	c->over = true;
	c->n_times++;
	c->why = *why;
	ttrpc_client_free(c->free_this);
}

static void a_call_is_answered(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client = ttrpc_client_new(pair->base, take_fd(&pair->fd), NULL, NULL);
	struct answer a = { 0 };

	check(client, "xx", 1000, &a);
	assert_false(a.over);
	loop_until(pair->base, &a.over);
	assert_int_equal(a.err.code, ERR_OK);
	assert_int_equal(a.status, 2);
	ttrpc_client_free(client);
}

static void a_thousand_pipelined_calls_are_each_answered_once(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client = ttrpc_client_new(pair->base, take_fd(&pair->fd), NULL, NULL);
	struct answer *answers = xcalloc(1000, sizeof(*answers));

	for (int i = 0; i < 1000; i++)
		check(client, i % 2 ? "x" : "xx", 0, &answers[i]);
	for (int i = 0; i < 1000; i++)
		loop_until(pair->base, &answers[i].over);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(answers[i].n_times, 1);
		assert_int_equal(answers[i].err.code, ERR_OK);
		assert_int_equal(answers[i].status, i % 2 ? 1 : 2);
	}
	ttrpc_client_free(client);
	free(answers);
}

static void an_answer_may_come_late_and_out_of_order(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client = ttrpc_client_new(pair->base, take_fd(&pair->fd), NULL, NULL);
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;
	struct answer a = { 0 }, b = { 0 };

	check(client, "keep", 0, &a);
	check(client, "x", 0, &b);
	loop_until(pair->base, &b.over);
	assert_false(a.over);
	assert_int_equal(pair->n_kept, 1);
	resp.status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	ttrpc_reply(take_ptr(&pair->kept[0]), &resp.base);
	loop_until(pair->base, &a.over);
	assert_int_equal(a.status, 1);
	ttrpc_client_free(client);
}

static void a_deadline_ends_a_call_and_its_late_answer_is_dropped(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client;
	struct answer a = { 0 }, b = { 0 };
	Ttrpc__Response late = TTRPC__RESPONSE__INIT;
	int fds[2];

	make_sockets(fds);
	client = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	check(client, "x", 20, &a);
	loop_until(pair->base, &a.over);
	assert_int_equal(a.err.code, ERR_TIMEOUT);
	assert_string_equal(a.err.text, "Check: no answer within 20 ms");
	put_response(fds[1], 1, &late.base);
	check(client, "x", 0, &b);
	put_response(fds[1], 3, &late.base);
	loop_until(pair->base, &b.over);
	assert_int_equal(a.n_times, 1);
	assert_int_equal(b.err.code, ERR_OK);
	ttrpc_client_free(client);
	close(fds[1]);
}

static void a_closed_connection_fails_every_call_then_tells_its_owner(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client;
	struct closing closing = { 0 };
	struct answer a = { 0 }, b = { 0 }, later = { 0 };
	int fds[2];

	make_sockets(fds);
	client = ttrpc_client_new(pair->base, fds[0], on_close, &closing);
	check(client, "x", 0, &a);
	check(client, "x", 0, &b);
	close(fds[1]);
	loop_until(pair->base, &closing.over);
	assert_true(a.over && b.over);
	assert_int_equal(a.err.code, ERR_UNAVAILABLE);
	assert_int_equal(b.err.code, ERR_UNAVAILABLE);
	assert_int_equal(closing.why.code, ERR_UNAVAILABLE);
	check(client, "x", 0, &later);
	assert_false(later.over);
	loop_until(pair->base, &later.over);
	assert_int_equal(later.err.code, ERR_UNAVAILABLE);
	assert_int_equal(closing.n_times, 1);
	ttrpc_client_free(client);
}

static void a_close_is_kept_for_a_while_and_then_told(void **state)
{
	struct pair *pair = *state;
	struct closing closing = { .over = false };
	struct answer a = { 0 };
	int fds[2];

	make_sockets(fds);
	closing.free_this = ttrpc_client_new(pair->base, fds[0], on_close, &closing);
	ttrpc_client_linger(closing.free_this, 20);
	check(closing.free_this, "", 0, &a);
	close(fds[1]);
	loop_idle(pair->base);
	assert_false(a.over);
	loop_until(pair->base, &closing.over);
	assert_int_equal(a.n_times, 1);
	assert_int_equal(a.err.code, ERR_UNAVAILABLE);
}

static void who_knows_why_it_closed_may_tell_meanwhile(void **state)
{
	struct pair *pair = *state;
	struct closing closing = { .over = false };
	struct err why = ERR_INIT;
	struct answer a = { 0 };
	int fds[2];

	make_sockets(fds);
	closing.free_this = ttrpc_client_new(pair->base, fds[0], on_close, &closing);
	ttrpc_client_linger(closing.free_this, 60000);
	check(closing.free_this, "", 0, &a);
	close(fds[1]);
	loop_idle(pair->base);
	err_set(&why, ERR_INTERNAL, "the machine burnt down");
	ttrpc_client_abort(closing.free_this, &why);
	assert_false(a.over);
	loop_until(pair->base, &closing.over);
	assert_int_equal(a.n_times, 1);
	assert_int_equal(closing.n_times, 1);
	assert_int_equal(a.err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(a.err.text, "burnt down"));
}

static void the_client_may_be_freed_when_its_connection_closes(void **state)
{
	struct pair *pair = *state;
	struct closing closing = { 0 };
	int fds[2];

	make_sockets(fds);
	closing.free_this = ttrpc_client_new(pair->base, fds[0], on_close, &closing);
	close(fds[1]);
	loop_until(pair->base, &closing.over);
	loop_idle(pair->base);
	assert_int_equal(closing.n_times, 1);
}

static void the_client_may_be_freed_by_the_first_of_many_failing_calls(void **state)
{
	struct pair *pair = *state;
	struct answer a = { 0 }, b = { 0 };
	struct closing closing = { 0 };
	int fds[2];

	make_sockets(fds);
	a.free_this = ttrpc_client_new(pair->base, fds[0], on_close, &closing);
	check(a.free_this, "x", 0, &a);
	check(a.free_this, "x", 1000, &b);
	close(fds[1]);
	loop_until(pair->base, &a.over);
	loop_idle(pair->base);
	assert_false(b.over);
	assert_false(closing.over);
}

static void the_client_may_be_freed_by_an_answer_with_more_behind_it(void **state)
{
	struct pair *pair = *state;
	struct answer a = { 0 }, b = { 0 };
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	int fds[2];

	make_sockets(fds);
	a.free_this = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	check(a.free_this, "x", 0, &a);
	check(a.free_this, "x", 0, &b);
	put_response(fds[1], 1, &resp.base);
	put_response(fds[1], 3, &resp.base);
	loop_until(pair->base, &a.over);
	loop_idle(pair->base);
	assert_int_equal(a.err.code, ERR_OK);
	assert_false(b.over);
	close(fds[1]);
}

static void the_client_may_be_freed_by_a_deadline(void **state)
{
	struct pair *pair = *state;
	struct answer a = { 0 };
	int fds[2];

	make_sockets(fds);
	a.free_this = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	check(a.free_this, "x", 5, &a);
	loop_until(pair->base, &a.over);
	loop_idle(pair->base);
	assert_int_equal(a.err.code, ERR_TIMEOUT);
	close(fds[1]);
}

static void a_callback_may_cancel_another_call(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client = ttrpc_client_new(pair->base, take_fd(&pair->fd), NULL, NULL);
	struct answer a = { 0 }, b = { 0 }, c = { 0 };

	a.free_this = client;
	check(client, "x", 0, &a);
	a.cancel_this = check(client, "xx", 0, &b);
	check(client, "xx", 0, &c);
	loop_until(pair->base, &c.over);
	assert_true(a.over);
	assert_false(b.over);
	ttrpc_client_cancel(client, a.cancel_this);
	ttrpc_client_cancel(client, 12345);
	ttrpc_client_free(client);
}

static void answers_nobody_asked_for_are_passed_over(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client;
	struct answer a = { 0 };
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	int fds[2];

	make_sockets(fds);
	client = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	check(client, "x", 0, &a);
	put_response(fds[1], 2, &resp.base);
	put_response(fds[1], 77, &resp.base);
	put_response(fds[1], 0, &resp.base);
	put_frame(fds[1], 1, TTRPC_REQUEST, 0, "abc", 3);
	put_frame(fds[1], 1, TTRPC_DATA, 0, "abc", 3);
	put_frame(fds[1], 1, 200, 0xff, "abc", 3);
	loop_idle(pair->base);
	assert_false(a.over);
	put_response(fds[1], 1, &resp.base);
	put_response(fds[1], 1, &resp.base);
	loop_until(pair->base, &a.over);
	loop_idle(pair->base);
	assert_int_equal(a.n_times, 1);
	ttrpc_client_free(client);
	close(fds[1]);
}

static void a_malformed_answer_fails_its_call_only(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client;
	struct answer a = { 0 }, b = { 0 }, c = { 0 };
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	uint8_t bad[] = { 0xff, 0xff, 0xff };
	int fds[2];

	make_sockets(fds);
	client = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	check(client, "x", 0, &a);
	check(client, "x", 0, &b);
	check(client, "x", 0, &c);
	put_frame(fds[1], 1, TTRPC_RESPONSE, 0, bad, sizeof(bad));
	resp.payload.data = bad;
	resp.payload.len = sizeof(bad);
	put_response(fds[1], 3, &resp.base);
	resp.payload.len = 0;
	put_response(fds[1], 5, &resp.base);
	loop_until(pair->base, &c.over);
	assert_int_equal(a.err.code, ERR_INTERNAL);
	assert_int_equal(b.err.code, ERR_INTERNAL);
	assert_int_equal(c.err.code, ERR_OK);
	ttrpc_client_free(client);
	close(fds[1]);
}

static void an_oversized_answer_fails_its_call_and_is_skipped(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client;
	struct answer a = { 0 }, b = { 0 };
	struct ttrpc_header h = { .data_len = TTRPC_DATA_MAX + 1,
				  .stream = 1,
				  .type = TTRPC_RESPONSE };
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	scoped_free uint8_t *zeros = xcalloc(1, 4096);
	uint8_t buf[TTRPC_HEADER_LEN];
	int fds[2];

	make_sockets(fds);
	client = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	check(client, "x", 0, &a);
	check(client, "x", 0, &b);
	ttrpc_header_write(buf, &h);
	put_bytes(fds[1], buf, sizeof(buf));
	loop_until(pair->base, &a.over);
	assert_int_equal(a.err.code, ERR_EXHAUSTED);
	for (size_t i = 0; i < TTRPC_DATA_MAX / 4096; i++) {
		put_bytes(fds[1], zeros, 4096);
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
	}
	put_bytes(fds[1], zeros, 1);
	put_response(fds[1], 3, &resp.base);
	loop_until(pair->base, &b.over);
	assert_int_equal(b.err.code, ERR_OK);
	ttrpc_client_free(client);
	close(fds[1]);
}

static void an_error_text_is_cut_and_made_printable(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client;
	struct answer a = { 0 }, b = { 0 }, c = { 0 };
	Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
	Ttrpc__Status status = TTRPC__STATUS__INIT;
	char text[5000];
	int fds[2];

	make_sockets(fds);
	client = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	check(client, "x", 0, &a);
	check(client, "x", 0, &b);
	check(client, "x", 0, &c);
	resp.status = &status;
	status.code = 5;
	status.message = (char *)(uintptr_t) "no \033[2Jsuch\n%s thing\xc2\x9b";
	put_response(fds[1], 1, &resp.base);
	status.code = 2;
	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	status.message = text;
	put_response(fds[1], 3, &resp.base);
	status.code = -7;
	status.message = (char *)(uintptr_t) "";
	put_response(fds[1], 5, &resp.base);
	loop_until(pair->base, &c.over);
	assert_int_equal(a.err.code, ERR_NOT_FOUND);
	assert_string_equal(a.err.text, "no ?[2Jsuch %s thing??");
	assert_int_equal(b.err.code, ERR_INTERNAL);
	assert_int_equal(strlen(b.err.text), ERR_TEXT_MAX - 1);
	assert_int_equal(c.err.code, ERR_INTERNAL);
	assert_string_equal(c.err.text, "error -7 without a text");
	ttrpc_client_free(client);
	close(fds[1]);
}

static void a_truncated_answer_and_a_close_fail_the_call(void **state)
{
	struct pair *pair = *state;
	struct closing closing = { 0 };
	struct answer a = { 0 };
	int fds[2];

	make_sockets(fds);
	closing.free_this = ttrpc_client_new(pair->base, fds[0], on_close, &closing);
	check(closing.free_this, "x", 0, &a);
	put_bytes(fds[1], "\0\0\0\5\0\0\0\1\2\0ab", 12);
	loop_idle(pair->base);
	assert_false(a.over);
	close(fds[1]);
	loop_until(pair->base, &closing.over);
	assert_int_equal(a.err.code, ERR_UNAVAILABLE);
}

static void an_unknown_method_fails_by_name(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client = ttrpc_client_new(pair->base, take_fd(&pair->fd), NULL, NULL);
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	struct answer a = { 0 }, b = { 0 };

	ttrpc_client_call(client, &grpc__health__descriptor, "Nonsense", &req.base, 0, on_done, &a);
	ttrpc_client_call(client, &grpc__health__descriptor, "Version", &req.base, 0, on_done, &b);
	loop_until(pair->base, &a.over);
	loop_until(pair->base, &b.over);
	assert_int_equal(a.err.code, ERR_UNIMPLEMENTED);
	assert_string_equal(a.err.text, "Nonsense: no such method in 'grpc.Health'");
	assert_int_equal(b.err.code, ERR_UNIMPLEMENTED);
	assert_string_equal(b.err.text, "method 'Version' of 'grpc.Health' is not implemented");
	ttrpc_client_free(client);
}

static void a_request_that_is_too_large_fails_before_it_is_sent(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_client *client = ttrpc_client_new(pair->base, take_fd(&pair->fd), NULL, NULL);
	scoped_free char *large = xcalloc(1, TTRPC_DATA_MAX + 2);
	struct answer a = { 0 }, b = { 0 };

	memset(large, 'x', TTRPC_DATA_MAX + 1);
	check(client, large, 0, &a);
	large[TTRPC_DATA_MAX - 2] = '\0'; /* fits alone, not in its envelope */
	check(client, large, 0, &b);
	loop_until(pair->base, &b.over);
	assert_int_equal(a.err.code, ERR_EXHAUSTED);
	assert_int_equal(b.err.code, ERR_EXHAUSTED);
	assert_int_equal(pair->n_checks, 0);
	ttrpc_client_free(client);
}

static void calls_to_a_peer_that_does_not_read_fail_in_the_end(void **state)
{
	struct pair *pair = *state;
	scoped_free char *large = xcalloc(1, (1u << 20) + 1);
	struct ttrpc_client *client;
	struct answer answers[30] = { 0 };
	int fds[2];

	memset(large, 'x', 1u << 20);
	make_sockets(fds);
	client = ttrpc_client_new(pair->base, fds[0], NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		check(client, large, 0, &answers[i]);
	loop_until(pair->base, &answers[ARRAY_LEN(answers) - 1].over);
	assert_int_equal(answers[ARRAY_LEN(answers) - 1].err.code, ERR_EXHAUSTED);
	assert_false(answers[0].over);
	ttrpc_client_free(client);
	close(fds[1]);
}

static void a_descriptor_of_no_use_shows_as_a_connection_that_closes(void **state)
{
	struct pair *pair = *state;
	struct closing closing = { 0 };
	struct answer a = { 0 };

	closing.free_this = ttrpc_client_new(pair->base, -1, on_close, &closing);
	check(closing.free_this, "x", 0, &a);
	loop_until(pair->base, &closing.over);
	assert_int_equal(a.err.code, ERR_UNAVAILABLE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_call_is_answered),
		TEST(a_thousand_pipelined_calls_are_each_answered_once),
		TEST(an_answer_may_come_late_and_out_of_order),
		TEST(a_deadline_ends_a_call_and_its_late_answer_is_dropped),
		TEST(a_closed_connection_fails_every_call_then_tells_its_owner),
		TEST(a_close_is_kept_for_a_while_and_then_told),
		TEST(who_knows_why_it_closed_may_tell_meanwhile),
		TEST(the_client_may_be_freed_when_its_connection_closes),
		TEST(the_client_may_be_freed_by_the_first_of_many_failing_calls),
		TEST(the_client_may_be_freed_by_an_answer_with_more_behind_it),
		TEST(the_client_may_be_freed_by_a_deadline),
		TEST(a_callback_may_cancel_another_call),
		TEST(answers_nobody_asked_for_are_passed_over),
		TEST(a_malformed_answer_fails_its_call_only),
		TEST(an_oversized_answer_fails_its_call_and_is_skipped),
		TEST(an_error_text_is_cut_and_made_printable),
		TEST(a_truncated_answer_and_a_close_fail_the_call),
		TEST(an_unknown_method_fails_by_name),
		TEST(a_request_that_is_too_large_fails_before_it_is_sent),
		TEST(calls_to_a_peer_that_does_not_read_fail_in_the_end),
		TEST(a_descriptor_of_no_use_shows_as_a_connection_that_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
