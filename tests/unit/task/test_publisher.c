/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_publisher.c - events on their way to a containerd that refuses, stalls, dies and comes back
 */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "events.pb-c.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/server.h"
#include "lib/ttrpc/unix.h"
#include "task/publisher.h"
#include "task_events.pb-c.h"

#define DEADLINE_MS 5000

typedef Containerd__Services__Events__Ttrpc__V1__ForwardRequest ForwardRequest;
typedef Containerd__Services__Events__Ttrpc__V1__Empty Empty;

enum mood { ANSWER, HOLD, REFUSE, SAY_UNAVAILABLE };

struct world {
	struct event_base *base;
	struct ttrpc_service service;
	struct ttrpc_server *server; /* NULL: containerd is not there */
	struct publisher *publisher;
	char dir[64], socket[80];
	enum mood mood;
	struct ttrpc_call *held;
	char seen[256]; /* the ids of the events, in the order in which they came */
	size_t n_seen;
	char last[256]; /* "NAMESPACE TOPIC TYPE" */
	uint64_t last_at_ns;
	char dropped[256]; /* topics */
	size_t n_dropped, n_waits, n_nowhere, n_flushed;
	char why[ERR_TEXT_MAX];
};

static void note(char *list, size_t size, const char *word)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? " " : "", word);
}

static void on_hung_up(void *arg)
{
	((struct world *)arg)->held = NULL;
}

static void answer(struct ttrpc_call *call)
{
	Empty resp = CONTAINERD__SERVICES__EVENTS__TTRPC__V1__EMPTY__INIT;

	ttrpc_reply(call, &resp.base);
}

static void in_its_mood(struct world *w, struct ttrpc_call *call)
{
	struct err err = ERR_INIT;

	switch (w->mood) {
	case ANSWER:
		answer(call);
		break;
	case HOLD:
		assert_null(w->held); /* one at a time */
		w->held = call;
		ttrpc_call_on_cancel(call, on_hung_up, w);
		break;
	case REFUSE:
		err_set(&err, ERR_INVALID, "namespace is bad");
		ttrpc_fail(call, &err);
		break;
	case SAY_UNAVAILABLE:
		err_set(&err, ERR_UNAVAILABLE, "not ready");
		ttrpc_fail(call, &err);
		break;
	}
}

static void on_forward(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const ForwardRequest *req = (const void *)msg;
	const ProtobufCBinaryData *value = &req->envelope->event->value;
	Containerd__Events__TaskOOM *oom =
		containerd__events__task_oom__unpack(NULL, value->len, value->data);
	struct world *w = arg;

	assert_non_null(oom);
	note(w->seen, sizeof(w->seen), oom->container_id);
	w->n_seen++;
	snprintf(w->last, sizeof(w->last), "%s %s %s", req->envelope->namespace_,
		 req->envelope->topic, req->envelope->event->type_url);
	w->last_at_ns = (uint64_t)req->envelope->timestamp->seconds * NS_PER_SEC +
			(uint64_t)req->envelope->timestamp->nanos;
	protobuf_c_message_free_unpacked(&oom->base, NULL);
	in_its_mood(w, call);
}

static void containerd_comes(struct world *w)
{
	struct err err = ERR_INIT;

	w->server = ttrpc_server_new(w->base, &w->service, 1);
	assert_int_equal(ttrpc_server_listen(w->server, unix_listen(w->socket, &err), &err), 0);
}

static void containerd_goes(struct world *w)
{
	ttrpc_server_free(take_ptr(&w->server));
	(void)unlink(w->socket);
}

static void on_log(void *arg, const char *topic, const struct err *why)
{
	struct world *w = arg;

	if (!why) {
		assert_non_null(topic);
		w->n_nowhere++;
		return;
	}
	snprintf(w->why, sizeof(w->why), "%s", why->text);
	if (topic) {
		note(w->dropped, sizeof(w->dropped), topic);
		w->n_dropped++;
	} else {
		w->n_waits++;
	}
}

static int setup(void **state)
{
	static const struct ttrpc_method methods[] = { { "Forward", on_forward } };
	struct world *w = xnew(struct world);

	w->base = event_base_new();
	strcpy(w->dir, "/tmp/publisher-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->socket, sizeof(w->socket), "%s/events.sock", w->dir);
	w->service = (struct ttrpc_service){
		.desc = &containerd__services__events__ttrpc__v1__events__descriptor,
		.methods = methods,
		.n_methods = 1,
		.arg = w
	};
	w->publisher = publisher_new(w->base, w->socket, on_log, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;

	publisher_free(w->publisher);
	ttrpc_server_free(w->server);
	event_base_free(w->base);
	assert_int_equal(dir_remove(w->dir, &err), 0);
	free(w);
	return 0;
}

static void happen(struct world *w, const char *topic, const char *id)
{
	Containerd__Events__TaskOOM oom = CONTAINERD__EVENTS__TASK_OOM__INIT;

	oom.container_id = unconst(id);
	publisher_send(w->publisher, "k8s.io", topic, &oom.base);
}

static void turn(struct world *w)
{
	for (int i = 0; i < 30; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void wait_for(struct world *w, const size_t *counter, size_t n)
{
	const uint64_t end = clock_mono_ns() + DEADLINE_MS * NS_PER_MS;
	const struct timeval late = { .tv_sec = DEADLINE_MS / 1000 };

	event_base_loopexit(w->base, &late); /* it may have nothing to wait for */
	while (*counter < n && clock_mono_ns() < end)
		event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(*counter, n);
	turn(w);
}

static void events_arrive_in_order_as_what_they_are(void **state)
{
	struct world *w = *state;
	const uint64_t before = clock_real_ns();

	containerd_comes(w);
	happen(w, "/tasks/create", "a");
	happen(w, "/tasks/start", "b");
	happen(w, "/tasks/oom", "c");
	wait_for(w, &w->n_seen, 3);
	assert_string_equal(w->seen, "a b c");
	assert_string_equal(w->last, "k8s.io /tasks/oom containerd.events.TaskOOM");
	assert_true(w->last_at_ns >= before && w->last_at_ns <= clock_real_ns());
	assert_int_equal(publisher_n_waiting(w->publisher), 0);
	assert_int_equal(w->n_dropped + w->n_waits, 0);
}

static void the_next_event_waits_for_the_answer_however_late(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	w->mood = HOLD;
	happen(w, "/t", "a");
	happen(w, "/t", "b");
	wait_for(w, &w->n_seen, 1);
	happen(w, "/t", "c");
	turn(w);
	assert_string_equal(w->seen, "a");
	w->mood = ANSWER;
	answer(take_ptr(&w->held));
	wait_for(w, &w->n_seen, 3);
	assert_string_equal(w->seen, "a b c");
}

static void events_wait_for_a_containerd_that_is_away(void **state)
{
	struct world *w = *state;
	uint64_t happened_by;

	happen(w, "/t", "a");
	happen(w, "/t", "b");
	happened_by = clock_real_ns();
	turn(w);
	assert_int_equal(w->n_waits, 1); /* logged once */
	containerd_comes(w);
	wait_for(w, &w->n_seen, 2);
	assert_string_equal(w->seen, "a b");
	assert_true(w->last_at_ns <= happened_by);
	assert_int_equal(w->n_waits, 1);
	assert_int_equal(publisher_n_waiting(w->publisher), 0);
}

static void what_was_not_answered_is_sent_again_after_a_restart(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	happen(w, "/t", "a");
	wait_for(w, &w->n_seen, 1);
	w->mood = HOLD;
	happen(w, "/t", "b");
	happen(w, "/t", "c");
	wait_for(w, &w->n_seen, 2);
	containerd_goes(w);
	turn(w);
	assert_int_equal(w->n_waits, 1);
	w->mood = ANSWER;
	containerd_comes(w);
	wait_for(w, &w->n_seen, 4);
	assert_string_equal(w->seen, "a b b c");
	assert_int_equal(w->n_dropped, 0);
}

static void a_restart_while_nothing_waits_goes_unnoticed(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	happen(w, "/t", "a");
	wait_for(w, &w->n_seen, 1);
	containerd_goes(w);
	turn(w);
	containerd_comes(w);
	happen(w, "/t", "b");
	wait_for(w, &w->n_seen, 2);
	assert_string_equal(w->seen, "a b");
	assert_int_equal(w->n_waits, 0);
}

static void an_event_that_is_refused_makes_way_for_the_next(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	w->mood = REFUSE;
	happen(w, "/tasks/bad", "a");
	wait_for(w, &w->n_dropped, 1);
	assert_string_equal(w->dropped, "/tasks/bad");
	assert_string_equal(w->why, "namespace is bad");
	w->mood = ANSWER;
	happen(w, "/t", "b");
	wait_for(w, &w->n_seen, 2);
	assert_string_equal(w->seen, "a b");
	assert_int_equal(w->n_dropped, 1);
}

static void a_containerd_that_is_not_ready_is_asked_again(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	w->mood = SAY_UNAVAILABLE;
	happen(w, "/t", "a");
	wait_for(w, &w->n_waits, 1);
	w->mood = ANSWER;
	wait_for(w, &w->n_seen, 2);
	assert_string_equal(w->seen, "a a");
	assert_int_equal(publisher_n_waiting(w->publisher), 0);
}

static void happen_numbered(struct world *w, int first, int n)
{
	for (int i = first; i < first + n; i++) {
		char topic[16], id[16];

		snprintf(topic, sizeof(topic), "/%d", i);
		snprintf(id, sizeof(id), "%d", i);
		happen(w, topic, id);
	}
}

static void a_full_queue_drops_the_oldest(void **state)
{
	struct world *w = *state;

	happen_numbered(w, 0, PUBLISHER_QUEUE_MAX + 2);
	assert_string_equal(w->dropped, "/0 /1");
	assert_int_equal(publisher_n_waiting(w->publisher), PUBLISHER_QUEUE_MAX);
	w->mood = HOLD;
	containerd_comes(w);
	wait_for(w, &w->n_seen, 1);
	assert_string_equal(w->seen, "2");
}

static void a_full_queue_does_not_drop_what_is_under_way(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	w->mood = HOLD;
	happen_numbered(w, 0, PUBLISHER_QUEUE_MAX);
	wait_for(w, &w->n_seen, 1);
	happen(w, "/last", "last");
	assert_string_equal(w->dropped, "/1");
	answer(take_ptr(&w->held));
	wait_for(w, &w->n_seen, 2);
	assert_string_equal(w->seen, "0 2");
	assert_int_equal(publisher_n_waiting(w->publisher), PUBLISHER_QUEUE_MAX - 1);
}

static void on_flushed(void *arg)
{
	((struct world *)arg)->n_flushed++;
}

static void a_flush_ends_with_the_last_answer(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	w->mood = HOLD;
	happen(w, "/t", "a");
	publisher_flush(w->publisher, DEADLINE_MS, on_flushed, w);
	wait_for(w, &w->n_seen, 1);
	assert_int_equal(w->n_flushed, 0);
	answer(take_ptr(&w->held));
	wait_for(w, &w->n_flushed, 1);
	assert_int_equal(w->n_waits, 0);
}

static void a_flush_of_nothing_ends_from_the_loop(void **state)
{
	struct world *w = *state;

	publisher_flush(w->publisher, DEADLINE_MS, on_flushed, w);
	assert_int_equal(w->n_flushed, 0);
	turn(w);
	assert_int_equal(w->n_flushed, 1);
}

static void a_flush_gives_up_in_time(void **state)
{
	struct world *w = *state;

	happen(w, "/t", "a");
	publisher_flush(w->publisher, 1, on_flushed, w);
	wait_for(w, &w->n_flushed, 1);
	assert_non_null(strstr(w->why, "of 1 event"));
}

static void without_an_address_events_are_only_logged(void **state)
{
	struct world *w = *state;
	struct publisher *p = publisher_new(w->base, "", on_log, w);
	Containerd__Events__TaskOOM oom = CONTAINERD__EVENTS__TASK_OOM__INIT;

	publisher_send(p, "k8s.io", "/t", &oom.base);
	assert_int_equal(w->n_nowhere, 1);
	publisher_flush(p, DEADLINE_MS, on_flushed, w);
	turn(w);
	assert_int_equal(w->n_flushed, 1);
	publisher_free(p);
}

static void what_waits_at_the_end_is_no_leak(void **state)
{
	struct world *w = *state;

	containerd_comes(w);
	w->mood = HOLD;
	happen(w, "/t", "a");
	happen(w, "/t", "b");
	wait_for(w, &w->n_seen, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_arrive_in_order_as_what_they_are),
		TEST(the_next_event_waits_for_the_answer_however_late),
		TEST(events_wait_for_a_containerd_that_is_away),
		TEST(what_was_not_answered_is_sent_again_after_a_restart),
		TEST(a_restart_while_nothing_waits_goes_unnoticed),
		TEST(an_event_that_is_refused_makes_way_for_the_next),
		TEST(a_containerd_that_is_not_ready_is_asked_again),
		TEST(a_full_queue_drops_the_oldest),
		TEST(a_full_queue_does_not_drop_what_is_under_way),
		TEST(a_flush_ends_with_the_last_answer),
		TEST(a_flush_of_nothing_ends_from_the_loop),
		TEST(a_flush_gives_up_in_time),
		TEST(without_an_address_events_are_only_logged),
		TEST(what_waits_at_the_end_is_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
