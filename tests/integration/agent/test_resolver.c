/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_resolver.c - the agent's name server, with the test as the programs that ask and as the
 * supervisor
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/dns/address.h"
#include "lib/dns/message.h"
#include "lib/ttrpc/client.h"
#include "resolver.pb-c.h"
#include "tests/integration/agent/drive.h"

#define SERVER    "127.0.0.11"
#define QUERY_LEN 19
#define IN_FLIGHT 256 /* RESOLVER_QUERIES_MAX, RESOLVER_CONN_MAX of agent/resolver.h */
#define ON_CONN   16

static int supervisor = -1; /* one connection for all calls, which come one after another */

static const uint8_t question[QUERY_LEN] = { 0x12, 0x34, 1, 0,   0, 1, 0, 0, 0, 0,
					     0,    0,    1, 'a', 0, 0, 1, 0, 1 };

static ProtobufCMessage *call(const char *method, const ProtobufCMessage *req, struct err *err)
{
	if (supervisor < 0)
		supervisor = drive_connect();
	return ttrpc_client_call_wait(supervisor, &kata__guest__resolver__descriptor, method, req,
				      2000, err);
}

static void do_call(const char *method, const ProtobufCMessage *req)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *resp = call(method, req, &err);

	if (!resp)
		fail_msg("%s: %s", method, err.text);
	protobuf_c_message_free_unpacked(resp, NULL);
}

static void listen_at(const char *address)
{
	Kata__Guest__ListenRequest req = KATA__GUEST__LISTEN_REQUEST__INIT;
	scoped_free char *copy = xstrdup(address);

	req.address = copy;
	do_call("Listen", &req.base);
}

static Kata__Guest__Query *next(void)
{
	Kata__Guest__NextRequest req = KATA__GUEST__NEXT_REQUEST__INIT;
	struct err err = ERR_INIT;
	Kata__Guest__Query *query = (void *)call("Next", &req.base, &err);

	if (!query)
		fail_msg("Next: %s", err.text);
	return query;
}

static void answer(uint64_t id, uint8_t *message, size_t len)
{
	Kata__Guest__AnswerRequest req = KATA__GUEST__ANSWER_REQUEST__INIT;

	req.id = id;
	req.message = (ProtobufCBinaryData){ .data = message, .len = len };
	do_call("Answer", &req.base);
}

/* The question itself as an answer, with something behind it. */
static void answer_well(const Kata__Guest__Query *query, size_t more)
{
	scoped_free uint8_t *message = xcalloc(1, query->message.len + more);

	memcpy(message, query->message.data, query->message.len);
	memset(message + query->message.len, 'x', more);
	message[2] |= 0x80;
	answer(query->id, message, query->message.len + more);
}

static void serve_one(size_t more)
{
	Kata__Guest__Query *query = next();

	answer_well(query, more);
	kata__guest__query__free_unpacked(query, NULL);
}

static int open_client(int type)
{
	const struct timeval limit = { .tv_sec = 5 };
	struct dns_address server;
	int fd;

	assert_true(dns_loopback_parse(SERVER, &server));
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(connect(fd, &server.any, server.len), 0);
	return fd;
}

static void ask(int fd, uint16_t id)
{
	uint8_t query[QUERY_LEN];

	memcpy(query, question, sizeof(query));
	query[0] = (uint8_t)(id >> 8);
	query[1] = (uint8_t)id;
	assert_int_equal(send(fd, query, sizeof(query), 0), sizeof(query));
}

static void ask_framed(int fd, uint16_t id)
{
	uint8_t query[DNS_LENGTH_LEN + QUERY_LEN];

	dns_length_write(query, QUERY_LEN);
	memcpy(query + DNS_LENGTH_LEN, question, QUERY_LEN);
	query[2] = (uint8_t)(id >> 8);
	query[3] = (uint8_t)id;
	assert_int_equal(send(fd, query, sizeof(query), 0), sizeof(query));
}

static size_t read_frame(int fd, uint8_t *buf, size_t size)
{
	uint8_t length[DNS_LENGTH_LEN];
	size_t len;

	assert_int_equal(recv(fd, length, sizeof(length), MSG_WAITALL), sizeof(length));
	len = (size_t)length[0] << 8 | length[1];
	assert_true(len <= size);
	assert_int_equal(recv(fd, buf, len, MSG_WAITALL), len);
	return len;
}

static void only_loopback_addresses_are_listened_at(void **state)
{
	static const char *const bad[] = { "", "0.0.0.0", "10.0.0.1", "::", "x", "127.0.0.1:53" };
	Kata__Guest__ListenRequest req = KATA__GUEST__LISTEN_REQUEST__INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped_free char *address = xstrdup(bad[i]);
		struct err err = ERR_INIT;

		req.address = address;
		assert_null(call("Listen", &req.base, &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void raise_loopback(void)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	scoped_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &req), 0);
}

static void listening_works_before_the_loopback_is_up_and_again(void **state)
{
	int fd;

	(void)state;
	listen_at(SERVER);
	listen_at(SERVER);
	raise_loopback();
	fd = open_client(SOCK_DGRAM);
	ask(fd, 7);
	serve_one(0);
	close(fd);
}

static void a_datagram_is_handed_over_and_its_answer_comes_back(void **state)
{
	int fd = open_client(SOCK_DGRAM);
	Kata__Guest__Query *query;
	uint8_t got[512];

	(void)state;
	ask(fd, 0xabcd);
	query = next();
	assert_false(query->over_tcp);
	assert_int_equal(query->message.len, QUERY_LEN);
	assert_int_equal(query->message.data[0], 0xab);
	answer_well(query, 100);
	kata__guest__query__free_unpacked(query, NULL);
	assert_int_equal(recv(fd, got, sizeof(got), 0), QUERY_LEN + 100);
	assert_int_equal(got[1], 0xcd);
	close(fd);
}

static void a_query_without_an_answer_is_told_so(void **state)
{
	int fd = open_client(SOCK_DGRAM);
	Kata__Guest__Query *query;
	uint8_t got[512];

	(void)state;
	ask(fd, 1);
	query = next();
	answer(query->id, NULL, 0);
	answer(query->id, NULL, 0); /* nobody waits any more: fine */
	kata__guest__query__free_unpacked(query, NULL);
	assert_int_equal(recv(fd, got, sizeof(got), 0), QUERY_LEN);
	assert_int_equal(got[3] & 15, 2); /* SERVFAIL */
	close(fd);
}

static void an_answer_that_is_none_is_a_failure(void **state)
{
	Kata__Guest__AnswerRequest req = KATA__GUEST__ANSWER_REQUEST__INIT;
	int fd = open_client(SOCK_DGRAM);
	Kata__Guest__Query *query;
	struct err err = ERR_INIT;
	uint8_t got[512];

	(void)state;
	ask(fd, 1);
	query = next();
	req.id = query->id;
	req.message = query->message; /* it still asks */
	assert_null(call("Answer", &req.base, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(recv(fd, got, sizeof(got), 0), QUERY_LEN);
	assert_int_equal(got[3] & 15, 2);
	kata__guest__query__free_unpacked(query, NULL);
	close(fd);
}

static void one_connection_carries_several_queries_answered_in_any_order(void **state)
{
	static uint8_t got[DNS_MESSAGE_MAX];
	int fd = open_client(SOCK_STREAM);
	Kata__Guest__Query *first, *second;

	(void)state;
	ask_framed(fd, 1);
	ask_framed(fd, 2);
	first = next();
	second = next();
	assert_true(first->over_tcp);
	assert_int_equal(first->message.data[1], 1);
	answer_well(second, DNS_MESSAGE_MAX - QUERY_LEN);
	answer_well(first, 0);
	kata__guest__query__free_unpacked(first, NULL);
	kata__guest__query__free_unpacked(second, NULL);
	assert_int_equal(read_frame(fd, got, sizeof(got)), DNS_MESSAGE_MAX);
	assert_int_equal(got[1], 2);
	assert_int_equal(read_frame(fd, got, sizeof(got)), QUERY_LEN);
	assert_int_equal(got[1], 1);
	close(fd);
}

static void a_client_that_has_said_all_is_answered_and_the_connection_ends(void **state)
{
	uint8_t got[512];
	int fd = open_client(SOCK_STREAM);

	(void)state;
	/* More than one connection may have in flight. */
	for (uint16_t i = 0; i < 3 * ON_CONN; i++)
		ask_framed(fd, i);
	shutdown(fd, SHUT_WR);
	for (uint16_t i = 0; i < 3 * ON_CONN; i++)
		serve_one(0);
	for (uint16_t i = 0; i < 3 * ON_CONN; i++)
		assert_int_equal(read_frame(fd, got, sizeof(got)), QUERY_LEN);
	assert_int_equal(recv(fd, got, 1, 0), 0);
	close(fd);
}

static void bytes_that_are_no_query_end_a_connection(void **state)
{
	static const uint8_t no_query[] = { 0, 3, 'a', 'b', 'c' };
	int fd = open_client(SOCK_STREAM);
	uint8_t got[16];

	(void)state;
	assert_int_equal(send(fd, no_query, sizeof(no_query), 0), sizeof(no_query));
	assert_int_equal(recv(fd, got, sizeof(got), 0), 0);
	close(fd);
}

static void queries_of_a_client_that_is_gone_are_forgotten(void **state)
{
	int fd = open_client(SOCK_STREAM);
	Kata__Guest__Query *query;

	(void)state;
	ask_framed(fd, 1);
	query = next();
	ask_framed(fd, 2); /* not fetched yet */
	shutdown(fd, SHUT_RDWR);
	close(fd);
	answer_well(query, 0);
	kata__guest__query__free_unpacked(query, NULL);
	fd = open_client(SOCK_DGRAM);
	ask(fd, 3);
	for (uint8_t id = 0;
	     id != 3;) { /* the second may have been fetched before the end was seen */
		query = next();
		id = query->message.data[1];
		answer_well(query, 0);
		kata__guest__query__free_unpacked(query, NULL);
	}
	close(fd);
}

static void a_flood_is_dropped_beyond_its_limit_and_the_agent_goes_on(void **state)
{
	Kata__Guest__NextRequest req = KATA__GUEST__NEXT_REQUEST__INIT;
	int fd = open_client(SOCK_DGRAM), n = 0;
	struct err err = ERR_INIT;

	(void)state;
	for (uint16_t i = 0; i < 2 * IN_FLIGHT; i++) {
		ask(fd, i);
		if (i % 32 == 31)
			drive_do(
				"GetGuestDetails",
				&(Grpc__GuestDetailsRequest)GRPC__GUEST_DETAILS_REQUEST__INIT.base);
	}
	for (;; n++) {
		Kata__Guest__Query *query = (void *)call("Next", &req.base, &err);

		if (!query)
			break;
		answer(query->id, NULL, 0);
		kata__guest__query__free_unpacked(query, NULL);
	}
	assert_int_equal(n, IN_FLIGHT);
	assert_int_equal(err.code, ERR_TIMEOUT);
	close(supervisor); /* after a timeout it is of no more use */
	supervisor = -1;
	close(fd);
}

static void more_connections_than_the_limit_wait_for_their_turn(void **state)
{
	int fds[40];
	uint8_t got[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = open_client(SOCK_STREAM);
	ask_framed(fds[39], 1);
	for (size_t i = 0; i < 39; i++)
		close(fds[i]);
	serve_one(0);
	assert_int_equal(read_frame(fds[39], got, sizeof(got)), QUERY_LEN);
	close(fds[39]);
}

static void another_address_replaces_the_first(void **state)
{
	struct dns_address server;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	listen_at("127.0.0.12");
	assert_true(dns_loopback_parse(SERVER, &server));
	assert_int_equal(connect(fd, &server.any, server.len), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	listen_at(SERVER);
	fd = open_client(SOCK_DGRAM);
	ask(fd, 9);
	serve_one(0);
	close(fd);
}

static int stop(void **state)
{
	if (supervisor >= 0)
		close(supervisor);
	return stop_agent(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_loopback_addresses_are_listened_at),
		cmocka_unit_test(listening_works_before_the_loopback_is_up_and_again),
		cmocka_unit_test(a_datagram_is_handed_over_and_its_answer_comes_back),
		cmocka_unit_test(a_query_without_an_answer_is_told_so),
		cmocka_unit_test(an_answer_that_is_none_is_a_failure),
		cmocka_unit_test(one_connection_carries_several_queries_answered_in_any_order),
		cmocka_unit_test(a_client_that_has_said_all_is_answered_and_the_connection_ends),
		cmocka_unit_test(bytes_that_are_no_query_end_a_connection),
		cmocka_unit_test(queries_of_a_client_that_is_gone_are_forgotten),
		cmocka_unit_test(a_flood_is_dropped_beyond_its_limit_and_the_agent_goes_on),
		cmocka_unit_test(more_connections_than_the_limit_wait_for_their_turn),
		cmocka_unit_test(another_address_replaces_the_first),
	};

	return cmocka_run_group_tests(tests, start_sandbox, stop);
}
