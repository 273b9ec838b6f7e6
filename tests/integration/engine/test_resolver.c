/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's half of name resolution: a guest that the test plays on one side, the pod's name
 * server on the other. Runs as root in a network namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/agent/agent.h"
#include "engine/resource/resolver.h"
#include "health.pb-c.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/dns/address.h"
#include "lib/dns/message.h"
#include "lib/ttrpc/server.h"
#include "lib/ttrpc/unix.h"
#include "resolver.pb-c.h"

#define QUERY_LEN 19
#define KEPT_MAX  (2 * RESOLVER_FLIGHT_MAX)

static const uint8_t question[QUERY_LEN] = { 0x12, 0x34, 1, 0,   0, 1, 0, 0, 0, 0,
					     0,    0,    1, 'a', 0, 0, 1, 0, 1 };

struct world {
	struct event_base *base;
	char dir[64], path[96], conf[96], address[128];
	struct ttrpc_server *server;
	struct ttrpc_service services[2];
	struct agent *agent;
	struct resolver *resolver;
	bool dialed;
	/* the guest */
	char listens[64];
	unsigned int n_listens, n_nexts_max;
	struct ttrpc_call *kept[KEPT_MAX];
	size_t n_kept;
	uint64_t last_id;
	bool floods; /* every Next is answered at once */
	bool deaf;   /* no Answer is acknowledged */
	uint64_t answered_id;
	size_t answered_len;
	unsigned int n_answers;
	/* what the sandbox was told */
	unsigned int n_warnings;
	struct err warning;
	/* the name server */
	int udp_fd;
	struct event *udp;
	unsigned int n_asked;
	struct dns_address asker;
	uint8_t asked[512];
};

/* --- the guest --- */

static void on_check(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;

	(void)req, (void)arg;
	ttrpc_reply(call, &resp.base);
}

static void on_listen(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Kata__Guest__ListenRequest *req = (const void *)msg;
	Kata__Guest__ListenResponse resp = KATA__GUEST__LISTEN_RESPONSE__INIT;
	struct world *w = arg;

	snprintf(w->listens, sizeof(w->listens), "%s", req->address);
	w->n_listens++;
	ttrpc_reply(call, &resp.base);
}

static void give(struct world *w, struct ttrpc_call *call, const uint8_t *message, size_t len,
		 bool over_tcp)
{
	Kata__Guest__Query resp = KATA__GUEST__QUERY__INIT;

	resp.id = ++w->last_id;
	resp.message = (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)message, .len = len };
	resp.over_tcp = over_tcp;
	ttrpc_reply(call, &resp.base);
}

static void on_next(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	struct world *w = arg;

	(void)msg;
	if (w->floods) {
		give(w, call, question, sizeof(question), false);
		return;
	}
	assert_true(w->n_kept < KEPT_MAX);
	w->kept[w->n_kept++] = call;
	w->n_nexts_max = MAX(w->n_nexts_max, (unsigned int)w->n_kept);
}

static void on_answer(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Kata__Guest__AnswerRequest *req = (const void *)msg;
	Kata__Guest__AnswerResponse resp = KATA__GUEST__ANSWER_RESPONSE__INIT;
	struct world *w = arg;

	w->answered_id = req->id;
	w->answered_len = req->message.len;
	w->n_answers++;
	if (w->deaf)
		w->kept[w->n_kept++] = call;
	else
		ttrpc_reply(call, &resp.base);
}

static const struct ttrpc_method health[] = { { "Check", on_check } };
static const struct ttrpc_method methods[] = { { "Listen", on_listen },
					       { "Next", on_next },
					       { "Answer", on_answer } };

static void query_from_guest(struct world *w, const uint8_t *message, size_t len, bool over_tcp)
{
	assert_true(w->n_kept > 0);
	give(w, w->kept[--w->n_kept], message, len, over_tcp);
}

/* --- the name server --- */

static void on_asked(evutil_socket_t fd, short what, void *arg)
{
	struct world *w = arg;

	(void)what;
	w->asker.len = sizeof(w->asker.v6);
	assert_int_equal(recvfrom(fd, w->asked, sizeof(w->asked), 0, &w->asker.any, &w->asker.len),
			 QUERY_LEN);
	w->n_asked++;
}

static int open_server(int type)
{
	const int yes = 1;
	struct dns_address at;
	int fd;

	assert_true(dns_loopback_parse(RESOLVER_DOCKER, &at));
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(fd, &at.any, at.len), 0);
	return fd;
}

static void start_server(struct world *w)
{
	w->udp_fd = open_server(SOCK_DGRAM);
	w->udp = event_new(w->base, w->udp_fd, EV_READ | EV_PERSIST, on_asked, w);
	event_add(w->udp, NULL);
}

static void answer_as_server(struct world *w, uint16_t id, size_t more)
{
	uint8_t message[1024] = { 0 };

	memcpy(message, question, sizeof(question));
	message[0] = (uint8_t)(id >> 8);
	message[1] = (uint8_t)id;
	message[2] |= 0x80;
	assert_int_equal(
		sendto(w->udp_fd, message, QUERY_LEN + more, 0, &w->asker.any, w->asker.len),
		QUERY_LEN + more);
}

/* --- the world --- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void turn_for(struct world *w, unsigned int ms)
{
	const struct timeval often = { .tv_usec = 2000 };
	uint64_t end = clock_mono_ns() + ms * NS_PER_MS;
	struct event *tick = event_new(w->base, -1, EV_PERSIST, on_tick, NULL);

	event_add(tick, &often);
	while (clock_mono_ns() < end)
		event_base_loop(w->base, EVLOOP_ONCE);
	event_free(tick);
}

#define TURN_UNTIL(w, condition)                                        \
	do {                                                            \
		uint64_t end_ = clock_mono_ns() + 8 * NS_PER_SEC;       \
		while (!(condition)) {                                  \
			if (clock_mono_ns() > end_)                     \
				fail_msg("never came: %s", #condition); \
			turn_for(w, 2);                                 \
		}                                                       \
	} while (0)

static void on_lost(void *arg, const struct err *why)
{
	(void)arg, (void)why;
}

static void on_dialed(void *arg, const struct err *err)
{
	assert_null(err);
	((struct world *)arg)->dialed = true;
}

static void on_warned(void *arg, const struct err *why)
{
	struct world *w = arg;

	w->n_warnings++;
	w->warning = *why;
}

static void write_conf(struct world *w, const char *text)
{
	FILE *file = fopen(w->conf, "w"); /* in place, as docker does */

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void start_agent(struct world *w, size_t n_services)
{
	struct err err = ERR_INIT;
	int fd;

	w->services[0] = (struct ttrpc_service){
		.desc = &grpc__health__descriptor, .methods = health, .n_methods = 1, .arg = w
	};
	w->services[1] = (struct ttrpc_service){ .desc = &kata__guest__resolver__descriptor,
						 .methods = methods,
						 .n_methods = ARRAY_LEN(methods),
						 .arg = w };
	fd = unix_listen(w->path, &err);
	assert_true(fd >= 0);
	w->server = ttrpc_server_new(w->base, w->services, n_services);
	assert_int_equal(ttrpc_server_listen(w->server, fd, &err), 0);
	w->agent = agent_new(w->base, on_lost, w);
	snprintf(w->address, sizeof(w->address), "unix://%s", w->path);
	agent_dial(w->agent, w->address, 5000, on_dialed, w);
	TURN_UNTIL(w, w->dialed);
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	if (getuid() != 0)
		skip();
	(void)signal(SIGPIPE, SIG_IGN);
	w->base = event_base_new();
	w->udp_fd = -1;
	strcpy(w->dir, "/tmp/test_resolver.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/agent.sock", w->dir);
	snprintf(w->conf, sizeof(w->conf), "%s/resolv.conf", w->dir);
	write_conf(w, "nameserver " RESOLVER_DOCKER "\n");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;

	resolver_free(w->resolver);
	agent_free(w->agent);
	ttrpc_server_free(w->server);
	while (w->n_kept > 0)
		ttrpc_fail(w->kept[--w->n_kept], &err); /* to nobody */
	if (w->udp)
		event_free(w->udp);
	close_fd(&w->udp_fd);
	event_base_free(w->base);
	assert_int_equal(dir_remove(w->dir, &err), 0);
	free(w);
	return 0;
}

/* What comes and goes with a network. */
static void change_network(void)
{
	assert_int_equal(
		system("ip address add 127.9.9.9 dev lo && ip address delete 127.9.9.9/32 dev lo"),
		0);
}

static void start_resolver(struct world *w)
{
	static char destination[] = "/etc/resolv.conf";
	Grpc__Mount mount = GRPC__MOUNT__INIT, *mounts[] = { &mount };
	Grpc__Spec spec = GRPC__SPEC__INIT;

	mount.destination = destination;
	mount.source = w->conf;
	spec.mounts = mounts;
	spec.n_mounts = 1;
	w->resolver = resolver_new(w->base, w->agent, &spec, on_warned, w);
	assert_non_null(w->resolver);
}

static void start_all(struct world *w)
{
	start_agent(w, 2);
	start_resolver(w);
	TURN_UNTIL(w, w->n_kept == RESOLVER_NEXTS);
}

static void a_query_reaches_the_server_that_resolv_conf_names(void **state)
{
	struct world *w = *state;

	start_server(w);
	start_all(w);
	assert_string_equal(w->listens, RESOLVER_DOCKER);
	query_from_guest(w, question, sizeof(question), false);
	TURN_UNTIL(w, w->n_asked == 1);
	assert_memory_equal(w->asked, question, sizeof(question));
	answer_as_server(w, 0x9999, 0); /* of another query: passed over */
	answer_as_server(w, 0x1234, 200);
	TURN_UNTIL(w, w->n_answers == 1);
	assert_int_equal(w->answered_id, 1);
	assert_int_equal(w->answered_len, QUERY_LEN + 200);
	TURN_UNTIL(w, w->n_kept == RESOLVER_NEXTS); /* and the next one is asked for */
	assert_int_equal(w->n_nexts_max, RESOLVER_NEXTS);
	assert_int_equal(w->n_warnings, 0);
}

static void a_query_over_tcp_goes_over_tcp(void **state)
{
	uint8_t answer[DNS_LENGTH_LEN + QUERY_LEN], got[DNS_LENGTH_LEN + QUERY_LEN];
	scoped_fd int listen_fd = open_server(SOCK_STREAM);
	scoped_fd int fd = -1;
	struct world *w = *state;

	assert_int_equal(listen(listen_fd, 1), 0);
	start_all(w);
	query_from_guest(w, question, sizeof(question), true);
	turn_for(w, 50);
	fd = accept(listen_fd, NULL, NULL);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
	assert_int_equal(got[1], QUERY_LEN);
	assert_memory_equal(got + DNS_LENGTH_LEN, question, QUERY_LEN);
	memcpy(answer, got, sizeof(got));
	answer[DNS_LENGTH_LEN + 2] |= 0x80;
	assert_int_equal(send(fd, answer, 5, 0), 5); /* in pieces */
	turn_for(w, 10);
	assert_int_equal(w->n_answers, 0);
	assert_int_equal(send(fd, answer + 5, sizeof(answer) - 5, 0), sizeof(answer) - 5);
	TURN_UNTIL(w, w->n_answers == 1);
	assert_int_equal(w->answered_len, QUERY_LEN);
}

static void where_nobody_listens_there_is_no_answer_at_once(void **state)
{
	uint64_t began = clock_mono_ns();
	struct world *w = *state;

	start_all(w);
	query_from_guest(w, question, sizeof(question), false);
	query_from_guest(w, question, sizeof(question), true);
	TURN_UNTIL(w, w->n_answers == 2);
	assert_int_equal(w->answered_len, 0);
	assert_true(clock_mono_ns() - began < 2 * NS_PER_SEC);
}

static void a_server_that_is_silent_is_given_up_after_its_time(void **state)
{
	struct world *w = *state;

	start_server(w);
	start_all(w);
	query_from_guest(w, question, sizeof(question), false);
	turn_for(w, RESOLVER_ANSWER_MS - 500);
	assert_int_equal(w->n_answers, 0);
	TURN_UNTIL(w, w->n_answers == 1);
	assert_int_equal(w->answered_len, 0);
}

static void a_flood_of_queries_stays_below_the_limit(void **state)
{
	struct world *w = *state;

	start_server(w);
	w->floods = true;
	start_agent(w, 2);
	start_resolver(w);
	TURN_UNTIL(w, w->n_asked == RESOLVER_FLIGHT_MAX);
	turn_for(w, 300);
	assert_int_equal(w->n_asked, RESOLVER_FLIGHT_MAX);
	w->floods = false;
	answer_as_server(w, 0x1234, 0); /* one ends, one more is asked for */
	TURN_UNTIL(w, w->n_answers == 1 && w->n_kept == 1);
}

static void a_guest_that_takes_no_answers_is_served_no_more_than_the_limit(void **state)
{
	struct world *w = *state;

	w->floods = w->deaf = true; /* nobody listens: every query ends at once */
	start_agent(w, 2);
	start_resolver(w);
	TURN_UNTIL(w, w->n_answers == RESOLVER_FLIGHT_MAX);
	turn_for(w, 300);
	assert_int_equal(w->n_answers, RESOLVER_FLIGHT_MAX);
	assert_int_equal(w->last_id, RESOLVER_FLIGHT_MAX);
}

static void a_guest_that_sends_no_query_is_served_no_more(void **state)
{
	static const uint8_t answer[QUERY_LEN] = { 0x12, 0x34, 0x81 };
	struct world *w = *state;

	start_server(w);
	start_all(w);
	query_from_guest(w, answer, sizeof(answer), false);
	TURN_UNTIL(w, w->n_warnings == 1);
	assert_int_equal(w->n_kept, RESOLVER_NEXTS - 1);
	query_from_guest(w, question, 5, false);
	query_from_guest(w, question, QUERY_LEN, false);
	turn_for(w, 100);
	assert_int_equal(w->n_warnings, 1);
	assert_int_equal(w->n_asked, 0);
	assert_int_equal(w->n_kept, RESOLVER_NEXTS - 3);
}

static void an_agent_without_the_service_is_one_warning(void **state)
{
	struct world *w = *state;

	start_agent(w, 1);
	start_resolver(w);
	TURN_UNTIL(w, w->n_warnings == 1);
	assert_int_equal(w->warning.code, ERR_UNIMPLEMENTED);
	assert_non_null(strstr(w->warning.text, "resolve names of the container"));
	write_conf(w, "nameserver 10.0.0.1\n");
	resolver_update(w->resolver);
	write_conf(w, "nameserver " RESOLVER_DOCKER "\n");
	resolver_update(w->resolver);
	turn_for(w, 300);
	assert_int_equal(w->n_warnings, 1);
}

static void the_file_is_followed(void **state)
{
	struct world *w = *state;

	write_conf(w, "nameserver 10.0.0.1\n");
	start_server(w);
	start_agent(w, 2);
	start_resolver(w);
	turn_for(w, 200);
	assert_int_equal(w->n_listens, 0);
	assert_int_equal(w->n_kept, 0);
	change_network();
	turn_for(w, 500);
	assert_int_equal(w->n_listens, 0);
	write_conf(w, "nameserver " RESOLVER_DOCKER "\n"); /* after it: the second look sees it */
	TURN_UNTIL(w, w->n_kept == RESOLVER_NEXTS);
	write_conf(w, "nameserver 10.0.0.1\n");
	change_network();
	turn_for(w, 500);
	query_from_guest(w, question, sizeof(question), false); /* a guest that does not know */
	TURN_UNTIL(w, w->n_answers == 1);
	assert_int_equal(w->answered_len, 0);
	assert_int_equal(w->n_asked, 0);
}

static void another_loopback_address_needs_somebody_there(void **state)
{
	struct world *w = *state;
	struct dns_address at;

	write_conf(w, "nameserver 127.0.0.53\n");
	start_agent(w, 2);
	start_resolver(w);
	turn_for(w, 100);
	assert_int_equal(w->n_listens, 0);
	assert_true(dns_loopback_parse("127.0.0.53", &at));
	w->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->udp_fd, &at.any, at.len), 0);
	resolver_update(w->resolver);
	TURN_UNTIL(w, w->n_listens == 1);
	assert_string_equal(w->listens, "127.0.0.53");
}

static void the_guests_end_is_nothing_to_warn_of(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;

	start_server(w);
	start_all(w);
	query_from_guest(w, question, sizeof(question), false);
	TURN_UNTIL(w, w->n_asked == 1);
	err_set(&why, ERR_UNAVAILABLE, "it is gone");
	agent_abort(w->agent, &why);
	answer_as_server(w, 0x1234, 0);
	turn_for(w, 100);
	assert_int_equal(w->n_warnings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_query_reaches_the_server_that_resolv_conf_names,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_query_over_tcp_goes_over_tcp, setup, teardown),
		cmocka_unit_test_setup_teardown(where_nobody_listens_there_is_no_answer_at_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_that_is_silent_is_given_up_after_its_time,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_of_queries_stays_below_the_limit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_guest_that_takes_no_answers_is_served_no_more_than_the_limit, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_guest_that_sends_no_query_is_served_no_more,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_agent_without_the_service_is_one_warning, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_file_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(another_loopback_address_needs_somebody_there,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_guests_end_is_nothing_to_warn_of, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
