/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <event2/event.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/unix.h"
#include "management/monitor.h"

#define TURNS_MAX 400

struct bench {
	struct world *w;
	struct monitor *monitor;
	char path[128];
};

static int bench_setup(void **state)
{
	struct bench *b = xnew(struct bench);
	struct err err = ERR_INIT;
	void *w = NULL;
	int fd;

	setup(&w);
	b->w = w;
	snprintf(b->path, sizeof(b->path), "%s/" MONITOR_SOCKET, b->w->dir);
	fd = unix_listen(b->path, &err);
	assert_true(fd >= 0);
	b->monitor = monitor_new(b->w->base, b->w->tasks, fd);
	assert_non_null(b->monitor);
	*state = b;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *b = *state;
	void *w = b->w;

	monitor_free(b->monitor);
	teardown(&w);
	free(b);
	return 0;
}

static int dial(const struct bench *b)
{
	struct err err = ERR_INIT;
	int fd = unix_connect(b->path, &err);

	assert_true(fd >= 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that comes until the other end closes, or, with until, until that text has come. */
static char *hear(const struct bench *b, int fd, const char *until)
{
	struct str got = { 0 };
	char buf[4096];

	for (int i = 0; i < TURNS_MAX; i++) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		ssize_t n;

		event_base_loop(b->w->base, EVLOOP_NONBLOCK);
		if (poll(&readable, 1, 5) <= 0)
			continue;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0)
			return str_take(&got);
		str_add_n(&got, buf, (size_t)n);
		if (until && strstr(str_get(&got), until))
			return str_take(&got);
	}
	fail_msg("no end after '%.200s'", str_get(&got));
	return NULL;
}

static char *ask_text(const struct bench *b, const char *request)
{
	int fd = dial(b);
	char *got;

	say(fd, request);
	got = hear(b, fd, NULL);
	close(fd);
	return got;
}

/* The answer to METHOD PATH has this status and, somewhere, these words. */
static void expect(const struct bench *b, const char *what, const char *status, const char *words)
{
	scoped_free char *request = xasprintf("%s HTTP/1.0\r\n\r\n", what);
	scoped_free char *got = ask_text(b, request);
	const char *space = strchr(got, ' ');

	if (!space || !str_starts(space + 1, status) || !strstr(got, words))
		fail_msg("%s: wanted '%s' and '%s', got '%s'", what, status, words, got);
}

static void the_agents_address_is_told(void **state)
{
	struct bench *b = *state;

	expect(b, "GET /agent-url", "503", "no virtual machine");
	create(b->w, c1);
	expect(b, "GET /agent-url", "200", "\r\n\r\nunix:///run/vc/vm/sb1/kata.sock");
}

static void debug_pages_show_steps_and_containers(void **state)
{
	struct bench *b = *state;

	expect(b, "GET /debug/vars", "200", "\"containers\":[]");
	create(b->w, c1);
	create(b->w, c2);
	expect(b, "GET /debug/timeline", "200", "do a");
	expect(b, "GET /debug/vars", "200",
	       "\"containers\":[{\"id\":\"c1\",\"status\":\"created\"},{\"id\":\"c2\"");
}

static void what_is_not_there_is_answered_with_a_list(void **state)
{
	struct bench *b = *state;

	expect(b, "GET /", "404", "/agent-url");
	expect(b, "GET /debug/pprof/", "404", "/debug/timeline");
	expect(b, "GET /metricsx", "404", "/debug/vars");
	expect(b, "GET //agent-url", "404", "");
	expect(b, "GET /../agent-url", "404", "");
}

static void what_is_known_but_not_built_is_named(void **state)
{
	struct bench *b = *state;

	expect(b, "GET /direct-volume/stats?path=a", "501", "'/direct-volume/stats'");
	expect(b, "POST /direct-volume/resize", "501", "'/direct-volume/resize'");
	expect(b, "PUT /iptables", "501", "'/iptables'");
	expect(b, "GET /ip6tables", "501", "'/ip6tables'");
	expect(b, "PUT /policy", "501", "'/policy'");
}

static void a_wrong_method_is_refused(void **state)
{
	struct bench *b = *state;

	expect(b, "POST /agent-url", "405", "Allow: GET, HEAD");
	expect(b, "DELETE /debug/vars", "405", "Allow: GET, HEAD");
	expect(b, "OPTIONS /debug/vars", "405", "Allow: GET, HEAD");
}

static void head_is_get_without_the_text(void **state)
{
	struct bench *b = *state;
	scoped_free char *got = NULL;

	create(b->w, c1);
	got = ask_text(b, "HEAD /agent-url HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(got, " 200 "));
	assert_null(strstr(got, "kata.sock"));
}

static void a_connection_may_carry_several_requests(void **state)
{
	struct bench *b = *state;
	int fd = dial(b);

	create(b->w, c1);
	for (int i = 0; i < 3; i++) {
		scoped_free char *got = NULL;

		say(fd, "GET /agent-url HTTP/1.1\r\nHost: x\r\n\r\n");
		got = hear(b, fd, "kata.sock");
		assert_non_null(strstr(got, " 200 "));
	}
	close(fd);
}

static void a_request_too_large_is_refused(void **state)
{
	struct bench *b = *state;
	scoped_free char *filler = xcalloc(MONITOR_BODY_MAX + 1, 1);
	scoped_free char *request = NULL, *got = NULL;
	int fd = dial(b);

	memset(filler, 'a', MONITOR_HEADERS_MAX);
	request = xasprintf("GET /agent-url HTTP/1.1\r\nX: %s\r\n\r\n", filler);
	say(fd, request);
	got = hear(b, fd, NULL);
	assert_null(strstr(got, " 200 "));
	close(fd);
	expect(b, "GET /agent-url", "503", ""); /* still serves */
	expect(b, "PUT /policy HTTP/1.0\r\nContent-Length: 65537\r\nX:", "413", "");
}

static void nonsense_is_answered_or_dropped(void **state)
{
	static const char *const lines[] = { "\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "GET / FTP/9\r\n\r\n",
					     "\x16\x03\x01\r\n\r\n", "GET http://[ HTTP/1.1\r\n\r\n" };
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		int fd = dial(b);
		scoped_free char *got = NULL;

		say(fd, lines[i]);
		shutdown(fd, SHUT_WR);
		got = hear(b, fd, NULL);
		assert_null(strstr(got, " 200 "));
		close(fd);
	}
	expect(b, "GET /agent-url", "503", "");
}

static void the_monitor_may_go_while_clients_are_connected(void **state)
{
	struct bench *b = *state;
	int idle = dial(b), half = dial(b);

	say(half, "GET /agent-url HT");
	turn(b->w);
	monitor_free(take_ptr(&b->monitor));
	turn(b->w);
	close(idle);
	close(half);
}

#define BENCH(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH(the_agents_address_is_told),
		BENCH(debug_pages_show_steps_and_containers),
		BENCH(what_is_not_there_is_answered_with_a_list),
		BENCH(what_is_known_but_not_built_is_named),
		BENCH(a_wrong_method_is_refused),
		BENCH(head_is_get_without_the_text),
		BENCH(a_connection_may_carry_several_requests),
		BENCH(a_request_too_large_is_refused),
		BENCH(nonsense_is_answered_or_dropped),
		BENCH(the_monitor_may_go_while_clients_are_connected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
