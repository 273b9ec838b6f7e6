/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qmp.c - the client against a peer that we play by hand over a socket pair
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/vmm/qmp.h"
#include "lib/base/mem.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"

struct bench {
	struct event_base *base;
	struct qmp *qmp;
	int peer;
	size_t n_done, n_closed, n_events;
	char order[64];     /* one letter a finished command */
	struct err done_err, closed_err;
	char event[64];
	bool free_in_done, free_in_event, again_in_done;
};

struct tagged {
	struct bench *b;
	char tag;
};

static void on_event(void *arg, const char *name, struct json_object *data)
{
	struct bench *b = arg;

	(void)data;
	b->n_events++;
	snprintf(b->event, sizeof(b->event), "%s", name);
	if (b->free_in_event) {
		qmp_free(b->qmp);
		b->qmp = NULL;
	}
}

static void on_closed(void *arg, const struct err *why)
{
	struct bench *b = arg;

	b->n_closed++;
	b->closed_err = *why;
}

static void on_done(void *arg, struct json_object *result, const struct err *err)
{
	struct tagged *t = arg;
	struct bench *b = t->b;

	(void)result;
	b->order[b->n_done++] = t->tag;
	b->done_err = err ? *err : ERR_INIT;
	if (b->free_in_done) {
		qmp_free(b->qmp);
		b->qmp = NULL;
	} else if (b->again_in_done) {
		b->again_in_done = false;
		qmp_execute(b->qmp, "again", NULL, -1, 0, on_done, t);
	}
}

static int setup(void **state)
{
	const struct qmp_events events = { on_event, on_closed };
	struct bench *b = xnew(struct bench);
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	b->base = event_base_new();
	b->peer = sv[1];
	assert_int_equal(fcntl(b->peer, F_SETFL, O_NONBLOCK), 0);
	b->qmp = qmp_new(b->base, sv[0], &events, b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	qmp_free(b->qmp);
	if (b->peer >= 0)
		close(b->peer);
	event_base_free(b->base);
	free(b);
	return 0;
}

/* Everything that can happen without waiting. */
static void turn(struct bench *b)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(b->base, EVLOOP_NONBLOCK);
}

static void say(struct bench *b, const char *text)
{
	assert_int_equal(send(b->peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turn(b);
}

static void expect_sent(struct bench *b, const char *want)
{
	char buf[4096];
	ssize_t n;

	turn(b);
	n = recv(b->peer, buf, sizeof(buf) - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	assert_string_equal(buf, want);
}

static void greet(struct bench *b)
{
	say(b, GREETING);
	expect_sent(b, "{\"execute\":\"qmp_capabilities\",\"id\":0}\n");
	say(b, "{\"return\": {}, \"id\": 0}\r\n");
}

static void commands_wait_for_a_late_greeting(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	qmp_execute(b->qmp, "query-status", NULL, -1, 0, on_done, &t);
	expect_sent(b, "");
	greet(b);
	expect_sent(b, "{\"execute\":\"query-status\",\"id\":1}\n");
	assert_int_equal(b->n_done, 0);
	say(b, "{\"return\": {}, \"id\": 1}\n");
	assert_int_equal(b->n_done, 1);
	assert_int_equal(b->done_err.code, ERR_OK);
}

static void answers_are_matched_by_id_with_events_between(void **state)
{
	struct bench *b = *state;
	struct tagged a = { b, 'a' }, c = { b, 'c' };

	greet(b);
	qmp_execute(b->qmp, "one", "{\"x\":1}", -1, 0, on_done, &a);
	qmp_execute(b->qmp, "two", NULL, -1, 0, on_done, &c);
	expect_sent(b, "{\"execute\":\"one\",\"arguments\":{\"x\":1},\"id\":1}\n"
		       "{\"execute\":\"two\",\"id\":2}\n");
	say(b, "{\"event\": \"RESUME\"}\n{\"id\": 2, \"error\": {\"desc\": \"bad\"}}\n{\"retu");
	assert_string_equal(b->order, "c");
	assert_int_equal(b->done_err.code, ERR_INTERNAL);
	assert_string_equal(b->done_err.text, "QEMU: bad");
	say(b, "rn\": 0, \"id\": 1}\n");
	assert_string_equal(b->order, "ca");
	assert_string_equal(b->event, "RESUME");
	assert_int_equal(b->n_closed, 0);
}

static void a_deadline_fails_one_command_and_its_late_answer_is_dropped(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	greet(b);
	qmp_execute(b->qmp, "slow", NULL, -1, 20, on_done, &t);
	while (b->n_done == 0)
		event_base_loop(b->base, EVLOOP_ONCE);
	assert_int_equal(b->done_err.code, ERR_TIMEOUT);
	assert_non_null(strstr(b->done_err.text, "'slow'"));
	say(b, "{\"return\": {}, \"id\": 1}\n");
	assert_int_equal(b->n_done, 1);
	assert_int_equal(b->n_closed, 0);
}

static void a_peer_that_goes_away_fails_what_is_pending_first(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	greet(b);
	qmp_execute(b->qmp, "one", NULL, -1, 0, on_done, &t);
	turn(b);
	close(b->peer);
	b->peer = -1;
	turn(b);
	assert_int_equal(b->n_done, 1);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	assert_int_equal(b->n_closed, 1);
	/* Later ones fail from the loop. */
	qmp_execute(b->qmp, "two", NULL, -1, 0, on_done, &t);
	assert_int_equal(b->n_done, 1);
	turn(b);
	assert_int_equal(b->n_done, 2);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	assert_int_equal(b->n_closed, 1);
}

static void a_line_without_end_closes_the_link(void **state)
{
	static char junk[65536];
	struct bench *b = *state;

	greet(b);
	memset(junk, ' ', sizeof(junk));
	for (size_t sent = 0; sent < 2u << 20 && b->n_closed == 0;) {
		ssize_t n = send(b->peer, junk, sizeof(junk), MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		turn(b);
	}
	assert_int_equal(b->n_closed, 1);
	assert_non_null(strstr(b->closed_err.text, "more than 1048576 bytes"));
}

static void lies_close_the_link(void **state)
{
	struct bench *b = *state;

	greet(b);
	say(b, "{\"return\": {}, \"id\": 99}\n");
	assert_int_equal(b->n_closed, 1);
	assert_non_null(strstr(b->closed_err.text, "never sent"));
}

static void a_peer_that_does_not_greet_is_no_qemu(void **state)
{
	struct bench *b = *state;

	say(b, "{\"event\": \"SHUTDOWN\"}\n");
	assert_int_equal(b->n_closed, 1);
	assert_int_equal(b->n_events, 0);
}

static void a_refused_negotiation_closes_the_link(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	qmp_execute(b->qmp, "one", NULL, -1, 0, on_done, &t);
	say(b, GREETING);
	say(b, "{\"error\": {\"desc\": \"no\"}, \"id\": 0}\n");
	assert_int_equal(b->n_closed, 1);
	assert_int_equal(b->n_done, 1);
}

static void too_many_pending_commands_are_refused_from_the_loop(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	greet(b);
	for (int i = 0; i <= QMP_PENDING_MAX; i++)
		qmp_execute(b->qmp, "one", NULL, -1, 0, on_done, &t);
	assert_int_equal(b->n_done, 0);
	turn(b);
	assert_int_equal(b->n_done, 1);
	assert_int_equal(b->done_err.code, ERR_EXHAUSTED);
}

static void the_client_may_be_freed_in_any_callback(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	greet(b);
	b->free_in_event = true;
	qmp_execute(b->qmp, "one", NULL, -1, 0, on_done, &t);
	turn(b);
	say(b, "{\"event\": \"STOP\"}\n{\"return\": {}, \"id\": 1}\n");
	assert_null(b->qmp);
	assert_int_equal(b->n_done, 0);
}

static void the_client_may_be_freed_in_an_answer_and_in_a_failure(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	greet(b);
	b->free_in_done = true;
	qmp_execute(b->qmp, "one", NULL, -1, 0, on_done, &t);
	qmp_execute(b->qmp, "two", NULL, -1, 0, on_done, &t);
	turn(b);
	close(b->peer);
	b->peer = -1;
	turn(b);
	assert_null(b->qmp);
	assert_int_equal(b->n_done, 1); /* "two" was dropped with the client */
	assert_int_equal(b->n_closed, 0);
}

static void a_command_may_follow_from_an_answer(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };

	greet(b);
	b->again_in_done = true;
	qmp_execute(b->qmp, "one", NULL, -1, 0, on_done, &t);
	expect_sent(b, "{\"execute\":\"one\",\"id\":1}\n");
	say(b, "{\"return\": {}, \"id\": 1}\n");
	expect_sent(b, "{\"execute\":\"again\",\"id\":2}\n");
}

static void a_descriptor_travels_with_its_command(void **state)
{
	struct bench *b = *state;
	struct tagged t = { b, 'a' };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char buf[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	int p[2], fd;

	greet(b);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	qmp_execute(b->qmp, "getfd", "{\"fdname\":\"x\"}", p[1], 0, on_done, &t);
	close(p[1]); /* borrowed for the call only */
	turn(b);
	assert_true(recvmsg(b->peer, &msg, 0) > 0);
	assert_int_equal(msg.msg_controllen, sizeof(control.buf));
	memcpy(&fd, CMSG_DATA(&control.align), sizeof(fd));
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(read(p[0], buf, 2), 1);
	assert_int_equal(read(p[0], buf, 1), 0); /* no copy stayed with us */
	close(p[0]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(commands_wait_for_a_late_greeting),
		T(answers_are_matched_by_id_with_events_between),
		T(a_deadline_fails_one_command_and_its_late_answer_is_dropped),
		T(a_peer_that_goes_away_fails_what_is_pending_first),
		T(a_line_without_end_closes_the_link),
		T(lies_close_the_link),
		T(a_peer_that_does_not_greet_is_no_qemu),
		T(a_refused_negotiation_closes_the_link),
		T(too_many_pending_commands_are_refused_from_the_loop),
		T(the_client_may_be_freed_in_any_callback),
		T(the_client_may_be_freed_in_an_answer_and_in_a_failure),
		T(a_command_may_follow_from_an_answer),
		T(a_descriptor_travels_with_its_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
