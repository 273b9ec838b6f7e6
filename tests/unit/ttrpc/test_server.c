/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/frame.h"
#include "pair.h"

/* The next answer must be for this stream, with this code; true when the text contains `part`. */
static bool answer_is(struct pair *pair, int fd, uint32_t want_stream, int want_code,
		      const char *part)
{
	uint32_t stream;
	Ttrpc__Response *resp = get_response(pair->base, fd, &stream);
	bool found = resp->status && strstr(resp->status->message, part);

	assert_int_equal(stream, want_stream);
	assert_int_equal(resp->status ? resp->status->code : 0, want_code);
	message_free(&resp->base);
	return found || !part[0];
}

static void assert_still_serves(struct pair *pair, uint32_t stream)
{
	put_check(pair->fd, stream, "x");
	assert_true(answer_is(pair, pair->fd, stream, ERR_OK, ""));
}

static void an_unknown_service_or_method_is_named(void **state)
{
	struct pair *pair = *state;

	put_request(pair->fd, 1, "grpc.Nonsense", "Check", NULL);
	assert_true(answer_is(pair, pair->fd, 1, ERR_UNIMPLEMENTED, "'grpc.Nonsense'"));
	put_request(pair->fd, 3, "grpc.Health", "Frobnicate", NULL);
	assert_true(answer_is(pair, pair->fd, 3, ERR_UNIMPLEMENTED, "'Frobnicate'"));
	put_request(pair->fd, 5, "grpc.Health", "Version", NULL);
	assert_true(answer_is(pair, pair->fd, 5, ERR_UNIMPLEMENTED, "'Version'"));
	assert_still_serves(pair, 7);
}

static void a_malformed_request_is_invalid_and_the_connection_stays(void **state)
{
	struct pair *pair = *state;
	Ttrpc__Request bad = TTRPC__REQUEST__INIT;
	uint8_t junk[] = { 0x0a, 0xff, 0x01 };
	uint8_t packed[64];

	put_frame(pair->fd, 1, TTRPC_REQUEST, 0, junk, sizeof(junk));
	assert_true(answer_is(pair, pair->fd, 1, ERR_INVALID, "malformed"));
	bad.service = (char *)(uintptr_t) "grpc.Health";
	bad.method = (char *)(uintptr_t) "Check";
	bad.payload.data = junk;
	bad.payload.len = sizeof(junk);
	put_frame(pair->fd, 3, TTRPC_REQUEST, 0, packed, ttrpc__request__pack(&bad, packed));
	assert_true(answer_is(pair, pair->fd, 3, ERR_INVALID, "Check: read message"));
	assert_int_equal(pair->n_checks, 0);
	assert_still_serves(pair, 5);
}

static void an_empty_request_is_answered(void **state)
{
	struct pair *pair = *state;

	put_frame(pair->fd, 1, TTRPC_REQUEST, 0, NULL, 0);
	assert_true(answer_is(pair, pair->fd, 1, ERR_UNIMPLEMENTED, "service ''"));
}

static void a_header_of_four_gigabytes_is_answered_and_holds_no_memory(void **state)
{
	static const uint8_t header[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9, TTRPC_REQUEST, 0 };
	struct pair *pair = *state;
	scoped_free uint8_t *junk = xcalloc(1, 65536);

	put_bytes(pair->fd, header, sizeof(header));
	assert_true(answer_is(pair, pair->fd, 9, ERR_EXHAUSTED, "4294967295"));
	for (int i = 0; i < 200; i++) {
		put_bytes(pair->fd, junk, 65536);
		loop_idle(pair->base);
	}
	assert_int_equal(pair->n_closed, 0);
}

static void what_follows_an_oversized_frame_is_served(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_header h = { .data_len = TTRPC_DATA_MAX + 1,
				  .stream = 1,
				  .type = TTRPC_REQUEST };
	scoped_free uint8_t *junk = xcalloc(1, 65536);
	uint8_t buf[TTRPC_HEADER_LEN];

	ttrpc_header_write(buf, &h);
	put_bytes(pair->fd, buf, sizeof(buf));
	assert_true(answer_is(pair, pair->fd, 1, ERR_EXHAUSTED, "4194305"));
	for (size_t i = 0; i < TTRPC_DATA_MAX / 65536; i++) {
		put_bytes(pair->fd, junk, 65536);
		loop_idle(pair->base);
	}
	put_bytes(pair->fd, junk, 1);
	assert_still_serves(pair, 3);
}

static void a_frame_of_the_largest_size_is_served(void **state)
{
	struct pair *pair = *state;
	struct ttrpc_header h = { .data_len = TTRPC_DATA_MAX, .stream = 1, .type = TTRPC_REQUEST };
	scoped_free uint8_t *data = xcalloc(1, TTRPC_DATA_MAX);
	uint8_t buf[TTRPC_HEADER_LEN];

	/* An unknown field that fills the frame: key 15, length in four bytes. */
	memcpy(data, "\x7a\xfb\xff\xff\x01", 5);
	ttrpc_header_write(buf, &h);
	put_bytes(pair->fd, buf, sizeof(buf));
	for (size_t at = 0; at < TTRPC_DATA_MAX; at += 65536) {
		put_bytes(pair->fd, data + at, 65536);
		loop_idle(pair->base);
	}
	assert_true(answer_is(pair, pair->fd, 1, ERR_UNIMPLEMENTED, "service ''"));
}

static void a_truncated_frame_and_a_close_are_clean(void **state)
{
	struct pair *pair = *state;

	for (size_t len = 1; len < 14; len++) {
		static const uint8_t frame[] = { 0, 0, 0, 5, 0, 0, 0, 1, 1, 0, 'a', 'b', 'c', 'd' };
		struct err err = ERR_INIT;
		int fds[2];

		make_sockets(fds);
		assert_int_equal(ttrpc_server_serve(pair->server, fds[0], NULL, NULL, &err), 0);
		put_bytes(fds[1], frame, len);
		loop_idle(pair->base);
		close(fds[1]);
		loop_idle(pair->base);
	}
	assert_int_equal(pair->n_checks, 0);
	close_fd(&pair->fd);
	loop_idle(pair->base);
	assert_int_equal(pair->n_closed, 1);
}

static void other_frame_types_and_even_streams_do_no_harm(void **state)
{
	struct pair *pair = *state;

	put_frame(pair->fd, 1, TTRPC_RESPONSE, 0, "abc", 3);
	put_frame(pair->fd, 1, TTRPC_DATA, 0, "abc", 3);
	put_frame(pair->fd, 1, 0, 0, "abc", 3);
	put_frame(pair->fd, 1, 255, 255, NULL, 0);
	put_check(pair->fd, 2, "x");
	assert_true(answer_is(pair, pair->fd, 2, ERR_INVALID, "odd"));
	put_frame(pair->fd, 3, TTRPC_REQUEST, TTRPC_FLAG_REMOTE_OPEN, NULL, 0);
	assert_true(answer_is(pair, pair->fd, 3, ERR_UNIMPLEMENTED, "streaming"));
	assert_still_serves(pair, 5);
}

static void a_stream_in_use_cannot_be_opened_again(void **state)
{
	struct pair *pair = *state;

	put_check(pair->fd, 1, "keep");
	put_check(pair->fd, 1, "keep");
	assert_true(answer_is(pair, pair->fd, 1, ERR_INVALID, "in use"));
	assert_int_equal(pair->n_kept, 1);
}

static void calls_over_the_limit_are_refused(void **state)
{
	struct pair *pair = *state;

	for (uint32_t i = 0; i < TTRPC_CALLS_MAX; i++) {
		put_check(pair->fd, 2 * i + 1, "keep");
		if (i % 64 == 63)
			loop_idle(pair->base);
	}
	assert_int_equal(ttrpc_server_calls(pair->server), TTRPC_CALLS_MAX);
	put_check(pair->fd, 100001, "x");
	assert_true(answer_is(pair, pair->fd, 100001, ERR_EXHAUSTED, "4096 calls"));
}

static void an_answer_after_the_close_goes_nowhere(void **state)
{
	struct pair *pair = *state;
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;

	put_check(pair->fd, 1, "keep");
	loop_idle(pair->base);
	close_fd(&pair->fd);
	loop_idle(pair->base);
	assert_int_equal(pair->n_closed, 1);
	assert_int_equal(ttrpc_server_calls(pair->server), 0);
	ttrpc_reply(take_ptr(&pair->kept[0]), &resp.base);
}

static void an_answer_after_the_server_was_freed_goes_nowhere(void **state)
{
	struct pair *pair = *state;
	struct err err = ERR_INIT;

	put_check(pair->fd, 1, "keep");
	loop_idle(pair->base);
	ttrpc_server_free(take_ptr(&pair->server));
	err_set(&err, ERR_STATE, "too late");
	ttrpc_fail(take_ptr(&pair->kept[0]), &err);
}

static void on_cancel(void *arg)
{
	++*(int *)arg;
}

static void a_close_tells_whoever_keeps_a_call(void **state)
{
	struct pair *pair = *state;
	int n = 0, taken_back = 0;

	put_check(pair->fd, 1, "keep");
	put_check(pair->fd, 3, "keep");
	loop_idle(pair->base);
	ttrpc_call_on_cancel(pair->kept[0], on_cancel, &n);
	ttrpc_call_on_cancel(pair->kept[1], on_cancel, &taken_back);
	ttrpc_call_on_cancel(pair->kept[1], NULL, NULL);
	close_fd(&pair->fd);
	loop_idle(pair->base);
	assert_int_equal(n, 1);
	assert_int_equal(taken_back, 0);
	pair->kept[0] = NULL; /* gone; the other is still ours to end */
}

static void who_asks_after_the_close_is_told_from_the_loop(void **state)
{
	struct pair *pair = *state;
	int n = 0;

	put_check(pair->fd, 1, "keep");
	loop_idle(pair->base);
	close_fd(&pair->fd);
	loop_idle(pair->base);
	ttrpc_call_on_cancel(take_ptr(&pair->kept[0]), on_cancel, &n);
	assert_int_equal(n, 0);
	loop_idle(pair->base);
	assert_int_equal(n, 1);
}

struct ender {
	struct ttrpc_call *other;
	int n;
};

static void on_cancel_end_other(void *arg)
{
	struct ender *e = arg;
	struct err err = ERR_INIT;

	e->n++;
	err_set(&err, ERR_CANCELLED, "ended by its sibling");
	ttrpc_fail(e->other, &err);
}

static void a_cancelled_call_may_end_its_siblings(void **state)
{
	struct pair *pair = *state;
	struct ender e = { 0 };

	put_check(pair->fd, 1, "keep");
	put_check(pair->fd, 3, "keep");
	loop_idle(pair->base);
	e.other = pair->kept[1];
	ttrpc_call_on_cancel(pair->kept[0], on_cancel_end_other, &e);
	pair->n_kept = 0;
	close_fd(&pair->fd);
	loop_idle(pair->base);
	assert_int_equal(e.n, 1);
}

static void the_callers_deadline_ends_a_call(void **state)
{
	struct pair *pair = *state;
	Ttrpc__Request req = TTRPC__REQUEST__INIT;
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;
	uint8_t packed[64];
	int n = 0;

	req.service = (char *)(uintptr_t) "grpc.Health";
	req.method = (char *)(uintptr_t) "Check";
	req.payload.data = (uint8_t *)(uintptr_t) "\x0a\x04keep";
	req.payload.len = 6;
	req.timeout_nano = 20000000;
	put_frame(pair->fd, 1, TTRPC_REQUEST, 0, packed, ttrpc__request__pack(&req, packed));
	put_frame(pair->fd, 3, TTRPC_REQUEST, 0, packed, ttrpc__request__pack(&req, packed));
	loop_idle(pair->base);
	assert_int_equal(pair->n_kept, 2);
	ttrpc_call_on_cancel(pair->kept[0], on_cancel, &n);
	assert_true(answer_is(pair, pair->fd, 1, ERR_TIMEOUT, "Check"));
	assert_true(answer_is(pair, pair->fd, 3, ERR_TIMEOUT, "Check"));
	assert_int_equal(n, 1);
	pair->kept[0] = NULL;
	ttrpc_reply(take_ptr(&pair->kept[1]), &resp.base); /* not sent twice */
	assert_still_serves(pair, 5);
}

static void an_answer_that_is_too_large_becomes_an_error(void **state)
{
	struct pair *pair = *state;
	scoped_free uint8_t *large = xcalloc(1, TTRPC_DATA_MAX);

	put_check(pair->fd, 1, "keep");
	loop_idle(pair->base);
	ttrpc_reply_raw(take_ptr(&pair->kept[0]), large, TTRPC_DATA_MAX);
	assert_true(answer_is(pair, pair->fd, 1, ERR_EXHAUSTED, "Check: answer of 4194304"));
}

static void a_peer_that_does_not_read_is_not_read(void **state)
{
	struct pair *pair = *state;
	scoped_free uint8_t *large = xcalloc(1, 3u << 20);
	size_t before;
	uint32_t stream;
	Ttrpc__Response *resp;

	put_check(pair->fd, 1, "keep");
	put_check(pair->fd, 3, "keep");
	loop_idle(pair->base);
	ttrpc_reply_raw(take_ptr(&pair->kept[0]), large, 3u << 20);
	assert_false(ttrpc_server_flushed(pair->server));
	/* One frame may pass before the loop looks; those behind it wait. */
	for (uint32_t i = 0; i < 20; i++)
		put_check(pair->fd, 5 + 2 * i, "x");
	loop_idle(pair->base);
	before = pair->n_checks;
	assert_true(before <= 3);
	loop_idle(pair->base);
	assert_int_equal(pair->n_checks, before);
	resp = get_response(pair->base, pair->fd, &stream);
	assert_int_equal(stream, 1);
	assert_int_equal(resp->payload.len, 3u << 20);
	message_free(&resp->base);
	for (uint32_t i = 0; i < 20; i++)
		assert_true(answer_is(pair, pair->fd, 5 + 2 * i, ERR_OK, ""));
	assert_int_equal(pair->n_checks, 22);
}

static void on_flushed(void *arg)
{
	*(bool *)arg = true;
}

static void flushed_is_told_once_everything_is_written(void **state)
{
	struct pair *pair = *state;
	scoped_free uint8_t *large = xcalloc(1, 3u << 20);
	bool flushed = false, again = false;
	uint32_t stream;

	put_check(pair->fd, 1, "keep");
	loop_idle(pair->base);
	ttrpc_reply_raw(take_ptr(&pair->kept[0]), large, 3u << 20);
	ttrpc_server_on_flushed(pair->server, on_flushed, &flushed);
	loop_idle(pair->base);
	assert_false(flushed);
	message_free(&get_response(pair->base, pair->fd, &stream)->base);
	loop_until(pair->base, &flushed);
	assert_true(ttrpc_server_flushed(pair->server));
	ttrpc_server_on_flushed(pair->server, on_flushed, &again);
	assert_false(again);
	loop_until(pair->base, &again);
}

static void a_peer_that_goes_with_unread_answers_counts_as_flushed(void **state)
{
	struct pair *pair = *state;
	scoped_free uint8_t *large = xcalloc(1, 3u << 20);
	bool flushed = false;

	put_check(pair->fd, 1, "keep");
	loop_idle(pair->base);
	ttrpc_reply_raw(take_ptr(&pair->kept[0]), large, 3u << 20);
	ttrpc_server_on_flushed(pair->server, on_flushed, &flushed);
	close_fd(&pair->fd);
	loop_until(pair->base, &flushed);
}

static void handle_free_server(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct pair *pair = arg;
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;

	(void)req;
	pair->n_checks++;
	ttrpc_server_free(take_ptr(&pair->server));
	ttrpc_reply(call, &resp.base);
}

/* Another service in place of the pair's; the client's end of a connection to it. */
static int serve_instead(struct pair *pair, const struct ttrpc_service *service)
{
	struct err err = ERR_INIT;
	int fds[2];

	ttrpc_server_free(pair->server);
	pair->server = ttrpc_server_new(pair->base, service, 1);
	make_sockets(fds);
	assert_int_equal(ttrpc_server_serve(pair->server, fds[0], NULL, NULL, &err), 0);
	return fds[1];
}

static void a_handler_may_free_the_server(void **state)
{
	static const struct ttrpc_method methods[] = { { "Check", handle_free_server } };
	struct pair *pair = *state;
	const struct ttrpc_service service = {
		.desc = &grpc__health__descriptor, .methods = methods, .n_methods = 1, .arg = pair
	};
	int fd;

	fd = serve_instead(pair, &service);
	put_check(fd, 1, "x");
	put_check(fd, 3, "x");
	loop_idle(pair->base);
	assert_int_equal(pair->n_checks, 1);
	assert_null(pair->server);
	close(fd);
}

static void handle_raw(struct ttrpc_call *call, const char *method, const uint8_t *payload,
		       size_t len, uint32_t timeout_ms, void *arg)
{
	(void)arg;
	assert_int_equal(timeout_ms, 1500);
	assert_string_equal(method, "Whatever");
	ttrpc_reply_raw(call, payload, len);
}

struct raw_answer {
	bool over;
	char data[64];
	size_t len;
};

static void on_raw(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	struct raw_answer *a = arg;

	assert_null(err);
	a->over = true;
	a->len = len;
	memcpy(a->data, payload, len);
}

static void a_raw_service_passes_bytes_untouched(void **state)
{
	struct pair *pair = *state;
	const struct ttrpc_service service = { .desc = &grpc__health__descriptor,
					       .raw = handle_raw };
	struct ttrpc_client *client;
	struct raw_answer a = { 0 };
	int fd;

	fd = serve_instead(pair, &service);
	client = ttrpc_client_new(pair->base, fd, NULL, NULL);
	ttrpc_client_call_raw(client, "grpc.Health", "Whatever", (const uint8_t *)"\xff\0\x01", 3,
			      1500, on_raw, &a);
	loop_until(pair->base, &a.over);
	assert_int_equal(a.len, 3);
	assert_memory_equal(a.data, "\xff\0\x01", 3);
	ttrpc_client_free(client);
}

/* A pty stands for the serial port: its other end may close and be opened again. */
static int open_port(char name[static 64])
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, 64), 0);
	return master;
}

static int open_other_end(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios raw;

	assert_true(fd >= 0);
	assert_int_equal(tcgetattr(fd, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(fd, TCSANOW, &raw), 0);
	return fd;
}

static void count_wakeup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

static void on_port_closed(void *arg)
{
	++*(int *)arg;
}

static void a_port_serves_one_peer_after_another_and_rests_in_between(void **state)
{
	static const struct timeval rest = { .tv_usec = 30000 };
	struct pair *pair = *state;
	struct err err = ERR_INIT;
	char name[64];
	int port = open_port(name);
	int peer = open_other_end(name);
	size_t n_loops = 0;
	bool rested = false;
	int n_cancelled = 0, n_closed = 0;

	assert_int_equal(
		ttrpc_server_serve_port(pair->server, port, on_port_closed, &n_closed, &err), 0);
	put_check(peer, 1, "x");
	assert_true(answer_is(pair, peer, 1, ERR_OK, ""));

	/* It leaves with a call open and half a frame sent. */
	put_check(peer, 3, "keep");
	while (pair->n_kept == 0) /* a pty hands bytes over when the kernel finds the time */
		event_base_loop(pair->base, EVLOOP_ONCE);
	assert_int_equal(pair->n_kept, 1);
	ttrpc_call_on_cancel(pair->kept[0], on_cancel, &n_cancelled);
	put_bytes(peer, "\0\0\0\x7f\0\0\0", 7);
	loop_idle(pair->base);
	close(peer);
	while (n_closed == 0)
		event_base_loop(pair->base, EVLOOP_ONCE);
	assert_int_equal(n_cancelled, 1);
	assert_int_equal(n_closed, 1);
	pair->n_kept = 0;

	/* Nobody there: the loop sleeps. */
	event_base_once(pair->base, -1, EV_TIMEOUT, count_wakeup, &rested, &rest);
	while (!rested) {
		event_base_loop(pair->base, EVLOOP_ONCE);
		n_loops++;
	}
	assert_true(n_loops <= 3);

	peer = open_other_end(name);
	put_check(peer, 1, "xx");
	assert_true(answer_is(pair, peer, 1, ERR_OK, ""));
	close(peer);
}

static void a_port_may_be_served_before_its_other_end_is_open(void **state)
{
	struct pair *pair = *state;
	struct err err = ERR_INIT;
	char name[64];
	int port = open_port(name);
	int peer;

	close(open_other_end(name)); /* a pty hangs up only once it was open */
	assert_int_equal(ttrpc_server_serve_port(pair->server, port, NULL, NULL, &err), 0);
	loop_idle(pair->base);
	peer = open_other_end(name);
	put_check(peer, 1, "x");
	assert_true(answer_is(pair, peer, 1, ERR_OK, ""));
	close(peer);
	loop_idle(pair->base);
}

static void a_new_peer_of_a_port_is_known_by_its_first_stream(void **state)
{
	struct pair *pair = *state;
	struct err err = ERR_INIT;
	char name[64];
	int port = open_port(name), n_cancelled = 0;
	int peer = open_other_end(name);

	assert_int_equal(ttrpc_server_serve_port(pair->server, port, NULL, NULL, &err), 0);
	put_check(peer, 1, "keep");
	put_check(peer, 3, "x");
	assert_true(answer_is(pair, peer, 3, ERR_OK, ""));
	ttrpc_call_on_cancel(pair->kept[0], on_cancel, &n_cancelled);
	put_check(peer, 1, "xx"); /* it left and came back unseen */
	assert_true(answer_is(pair, peer, 1, ERR_OK, ""));
	assert_int_equal(n_cancelled, 1);
	pair->n_kept = 0;
	close(peer);
	loop_idle(pair->base);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_unknown_service_or_method_is_named),
		TEST(a_malformed_request_is_invalid_and_the_connection_stays),
		TEST(an_empty_request_is_answered),
		TEST(a_header_of_four_gigabytes_is_answered_and_holds_no_memory),
		TEST(what_follows_an_oversized_frame_is_served),
		TEST(a_frame_of_the_largest_size_is_served),
		TEST(a_truncated_frame_and_a_close_are_clean),
		TEST(other_frame_types_and_even_streams_do_no_harm),
		TEST(a_stream_in_use_cannot_be_opened_again),
		TEST(calls_over_the_limit_are_refused),
		TEST(an_answer_after_the_close_goes_nowhere),
		TEST(an_answer_after_the_server_was_freed_goes_nowhere),
		TEST(a_close_tells_whoever_keeps_a_call),
		TEST(who_asks_after_the_close_is_told_from_the_loop),
		TEST(a_cancelled_call_may_end_its_siblings),
		TEST(the_callers_deadline_ends_a_call),
		TEST(an_answer_that_is_too_large_becomes_an_error),
		TEST(a_peer_that_does_not_read_is_not_read),
		TEST(flushed_is_told_once_everything_is_written),
		TEST(a_peer_that_goes_with_unread_answers_counts_as_flushed),
		TEST(a_handler_may_free_the_server),
		TEST(a_raw_service_passes_bytes_untouched),
		TEST(a_port_serves_one_peer_after_another_and_rests_in_between),
		TEST(a_port_may_be_served_before_its_other_end_is_open),
		TEST(a_new_peer_of_a_port_is_known_by_its_first_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
