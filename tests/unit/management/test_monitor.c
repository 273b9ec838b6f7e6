/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "engine/resource/network/network.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"
#include "lib/ttrpc/server.h"
#include "lib/ttrpc/unix.h"
#include "management/monitor.h"
#include "management/scrape.h"

#define TURNS_MAX 2000 /* of five milliseconds */

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

/* --- /metrics, with an agent at the other end --- */

struct fake_agent {
	struct ttrpc_service service;
	struct ttrpc_server *server;
	bool silent;
	struct ttrpc_call *kept[MONITOR_SCRAPES_MAX];
	size_t n_kept, n_stats;
	struct err refusal; /* of iptables, when it is set */
	bool ipv6;
	char rules[64]; /* those that were set */
};

static void get_metrics(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	static char text[] = "# TYPE kata_guest_load gauge\nkata_guest_load{item=\"load1\"} 0.5\n"
			     "kata_shim_fds 666\n";
	Grpc__Metrics resp = GRPC__METRICS__INIT;
	struct fake_agent *agent = arg;

	(void)req;
	resp.metrics = text;
	if (agent->silent)
		agent->kept[agent->n_kept++] = call;
	else
		ttrpc_reply(call, &resp.base);
}

static void stats_container(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	Grpc__StatsContainerResponse resp = GRPC__STATS_CONTAINER_RESPONSE__INIT;
	Grpc__CgroupStats stats = GRPC__CGROUP_STATS__INIT;
	Grpc__MemoryStats memory = GRPC__MEMORY_STATS__INIT;
	Grpc__MemoryData usage = GRPC__MEMORY_DATA__INIT;
	struct fake_agent *agent = arg;

	(void)req;
	agent->n_stats++;
	usage.usage = UINT64_MAX; /* a lie */
	memory.usage = &usage;
	stats.memory_stats = &memory;
	resp.cgroup_stats = &stats;
	ttrpc_reply(call, &resp.base);
}

static void get_iptables(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	static char text[] = "*filter\nCOMMIT\n";
	Grpc__GetIPTablesResponse resp = GRPC__GET_IPTABLES_RESPONSE__INIT;
	struct fake_agent *agent = arg;

	agent->ipv6 = ((const Grpc__GetIPTablesRequest *)(const void *)msg)->is_ipv6;
	resp.data = (ProtobufCBinaryData){ .data = (uint8_t *)text, .len = strlen(text) };
	if (agent->silent)
		agent->kept[agent->n_kept++] = call;
	else if (agent->refusal.code != ERR_OK)
		ttrpc_fail(call, &agent->refusal);
	else
		ttrpc_reply(call, &resp.base);
}

static void set_iptables(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__SetIPTablesRequest *req = (const void *)msg;
	Grpc__SetIPTablesResponse resp = GRPC__SET_IPTABLES_RESPONSE__INIT;
	struct fake_agent *agent = arg;

	agent->ipv6 = req->is_ipv6;
	snprintf(agent->rules, sizeof(agent->rules), "%.*s", (int)req->data.len,
		 req->data.data ? (const char *)req->data.data : "");
	ttrpc_reply(call, &resp.base);
}

static void agent_start(struct fake_agent *agent, const struct bench *b)
{
	static const struct ttrpc_method methods[] = { { "GetMetrics", get_metrics },
						       { "StatsContainer", stats_container },
						       { "GetIPTables", get_iptables },
						       { "SetIPTables", set_iptables } };
	struct err err = ERR_INIT;
	int fds[2];

	*agent = (struct fake_agent){ .service = { .desc = &grpc__agent_service__descriptor,
						   .methods = methods,
						   .n_methods = ARRAY_LEN(methods),
						   .arg = agent } };
	agent->server = ttrpc_server_new(b->w->base, &agent->service, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ttrpc_server_serve(agent->server, fds[0], NULL, NULL, &err), 0);
	fake.sandbox->agent = ttrpc_client_new(b->w->base, fds[1], NULL, NULL);
	ttrpc_client_watch(fake.sandbox->agent, fake.sandbox->events.agent_called,
			   fake.sandbox->events_arg);
}

static void agent_stop(struct fake_agent *agent)
{
	struct err err = ERR_INIT;

	ttrpc_client_free(take_ptr(&fake.sandbox->agent));
	ttrpc_server_free(agent->server);
	while (agent->n_kept > 0)
		ttrpc_fail(agent->kept[--agent->n_kept], &err);
}

static char *get_metrics_text(const struct bench *b)
{
	return ask_text(b, "GET /metrics HTTP/1.0\r\n\r\n");
}

static void assert_in(const char *text, const char *part, bool wanted)
{
	if (!!strstr(text, part) != wanted)
		fail_msg("'%s' is %s in:\n%s", part, wanted ? "not" : "wrongly", text);
}

static void without_a_guest_the_metrics_are_the_hosts(void **state)
{
	struct bench *b = *state;
	scoped_free char *got = get_metrics_text(b);

	assert_in(got, " 200 ", true);
	assert_in(got, "Content-Type: text/plain; version=0.0.4", true);
	assert_in(got, "\nkata_shim_threads 1\n", true);
	assert_in(got, "kata_guest_", false);
	assert_in(got, "pod_overhead", false);
}

static void metrics_are_the_hosts_then_the_guests(void **state)
{
	struct bench *b = *state;
	struct fake_agent agent;
	scoped_free char *got = NULL, *again = NULL;

	create(b->w, c1);
	create(b->w, c2);
	the_container(c1)->status = CONTAINER_RUNNING;
	the_container(c2)->status = CONTAINER_STOPPED;
	agent_start(&agent, b);
	got = get_metrics_text(b);
	assert_in(got, "kata_guest_load{item=\"load1\"} 0.5\n", true);
	assert_in(got, "kata_shim_fds 666", false);
	assert_in(got,
		  "kata_shim_rpc_durations_histogram_milliseconds_count{action=\"create\"} 2\n",
		  true);
	assert_int_equal(agent.n_stats, 1);
	assert_in(got, "kata_shim_pod_overhead_memory_in_bytes 0\n", true);
	assert_in(got, "kata_shim_pod_overhead_cpu ", true);
	assert_in(got,
		  "kata_shim_agent_rpc_durations_histogram_milliseconds_count"
		  "{action=\"grpc.GetMetricsRequest\"} 1\n",
		  true);
	again = get_metrics_text(b);
	assert_in(again, "{action=\"grpc.StatsContainerRequest\"} 2\n", true);
	agent_stop(&agent);
}

/* Eight are collected at once, one more is refused; a client that has gone is not waited for. */
static void a_silent_guest_holds_nobody_else_up(void **state)
{
	struct bench *b = *state;
	struct fake_agent agent;
	int fds[MONITOR_SCRAPES_MAX];
	scoped_free char *got = NULL;

	create(b->w, c1);
	agent_start(&agent, b);
	agent.silent = true;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial(b);
		say(fds[i], "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
		turn(b->w);
	}
	expect(b, "GET /metrics", "503", "too many");
	expect(b, "GET /agent-url", "200", "kata.sock");
	close(fds[0]);
	ttrpc_server_free(take_ptr(&agent.server));
	got = hear(b, fds[1], "\nkata_shim_threads 1\n");
	assert_in(got, "kata_guest_", false);
	for (size_t i = 1; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	agent_stop(&agent);
}

static void on_unwanted_scrape(void *arg, const char *text, size_t len)
{
	(void)arg, (void)text, (void)len;
	fail_msg("a scrape that was cancelled is told");
}

/* Between the loss of a machine and the failure of the calls to its agent there is a turn of the loop. */
static void a_scrape_may_be_cancelled_while_the_agent_is_given_up(void **state)
{
	struct bench *b = *state;
	struct err lost = ERR_INIT;
	struct ttrpc_client *client;
	struct scraper *scraper;
	struct scrape *scrape;
	struct fake_agent agent;

	monitor_free(take_ptr(&b->monitor));
	scraper = scraper_new(b->w->base, b->w->tasks);
	create(b->w, c1);
	agent_start(&agent, b);
	agent.silent = true;
	err_set(&lost, ERR_UNAVAILABLE, "it is gone");
	scrape = scraper_start(scraper, on_unwanted_scrape, NULL);
	turn(b->w);
	client = take_ptr(&fake.sandbox->agent);
	ttrpc_client_abort(client, &lost);
	scrape_cancel(scrape);
	turn(b->w);
	assert_int_equal(scraper_under_way(scraper), 0);
	scraper_free(scraper);
	fake.sandbox->agent = client;
	agent_stop(&agent);
}

static void the_monitor_may_go_while_the_guest_is_asked(void **state)
{
	struct bench *b = *state;
	struct fake_agent agent;
	int fd = dial(b);

	create(b->w, c1);
	agent_start(&agent, b);
	agent.silent = true;
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	turn(b->w);
	monitor_free(take_ptr(&b->monitor));
	turn(b->w);
	close(fd);
	agent_stop(&agent);
}

/* The answer is larger than what the sockets hold, so most of it waits for the reader. */
static void a_client_that_does_not_read_holds_nobody_up(void **state)
{
	struct bench *b = *state;
	int fd = dial(b);

	for (int i = 0; i < 200; i++) {
		if (send(fd, "GET /metrics HTTP/1.1\r\n\r\n", 25, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		turn(b->w);
	}
	expect(b, "GET /agent-url", "503", "");
	close(fd);
	expect(b, "GET /agent-url", "503", "");
}

/* --- /iptables --- */

static void rules_of_the_guest_are_read_as_text(void **state)
{
	struct bench *b = *state;
	struct fake_agent agent;

	create(b->w, c1);
	expect(b, "GET /iptables", "503", "no virtual machine");
	agent_start(&agent, b);
	expect(b, "GET /iptables", "200", "\r\n\r\n*filter\nCOMMIT\n");
	assert_false(agent.ipv6);
	expect(b, "GET /ip6tables", "200", "*filter");
	assert_true(agent.ipv6);
	expect(b, "DELETE /iptables", "405", "GET, HEAD, PUT");
	err_set(&agent.refusal, ERR_UNIMPLEMENTED, "the guest's image has no 'iptables-save'");
	expect(b, "GET /iptables", "501", "the guest's image has no 'iptables-save'\n");
	agent_stop(&agent);
}

static void rules_are_put_into_the_guest_as_they_came(void **state)
{
	struct bench *b = *state;
	struct fake_agent agent;
	scoped_free char *got = NULL, *none = NULL;

	create(b->w, c1);
	agent_start(&agent, b);
	got = ask_text(b, "PUT /ip6tables HTTP/1.0\r\nContent-Length: 15\r\n\r\n*nat\n\nCOMMIT\n\n\n");
	assert_in(got, " 200 ", true);
	assert_true(agent.ipv6);
	assert_string_equal(agent.rules, "*nat\n\nCOMMIT\n\n\n");
	none = ask_text(b, "PUT /iptables HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
	assert_in(none, " 200 ", true);
	assert_string_equal(agent.rules, "");
	agent_stop(&agent);
}

static void a_guest_that_does_not_answer_holds_nobody_else_up(void **state)
{
	struct bench *b = *state;
	struct fake_agent agent;
	int fds[MONITOR_SCRAPES_MAX];

	create(b->w, c1);
	agent_start(&agent, b);
	agent.silent = true;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial(b);
		say(fds[i], "GET /iptables HTTP/1.0\r\n\r\n");
		while (agent.n_kept <= i)
			event_base_loop(b->w->base, EVLOOP_ONCE);
	}
	expect(b, "GET /iptables", "503", "too many");
	expect(b, "GET /debug/vars", "200", "");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]); /* hung up: the answers find nobody */
	turn(b->w);
	while (agent.n_kept > 0)
		ttrpc_fail(agent.kept[--agent.n_kept], &agent.refusal);
	turn(b->w);
	agent.silent = false;
	expect(b, "GET /iptables", "200", "");
	agent_stop(&agent);
}

/* --- /network --- */

static void the_network_is_shown_with_its_counters(void **state)
{
	struct bench *b = *state;

	expect(b, "GET /network", "200", "\"model\": \"none\"");
	create(b->w, c1);
	fake.network = (void *)b;
	expect(b, "GET /network", "200", "\"name\": \"eth0\"");
	expect(b, "GET /network", "200", "\"rxPackets\": 7");
	expect(b, "GET /network", "200", "\"devicePath\": \"02/01\"");
}

static void reply_to_network(const ProtobufCMessage *reply, const struct err *err)
{
	network_answered *done = (network_answered *)fake.network_answered;

	assert_non_null(done);
	fake.network_answered = NULL;
	done(fake.network_arg, reply, err);
}

static char *ask_network(const struct bench *b, const char *request, const ProtobufCMessage *reply,
			 const struct err *err)
{
	int fd = dial(b);
	char *got;

	say(fd, request);
	turn(b->w);
	reply_to_network(reply, err);
	got = hear(b, fd, NULL);
	close(fd);
	return got;
}

static void interfaces_of_the_guest_are_an_array_in_katas_words(void **state)
{
	Types__IPAddress address = TYPES__IPADDRESS__INIT;
	Types__IPAddress *addresses[] = { &address };
	Types__Interface eth0 = TYPES__INTERFACE__INIT;
	Types__Interface *list[] = { &eth0 };
	Grpc__Interfaces reply = GRPC__INTERFACES__INIT;
	struct bench *b = *state;
	scoped_free char *got = NULL;

	address.family = TYPES__IPFAMILY__v6;
	address.address = unconst("fd00::2");
	address.mask = unconst("64");
	eth0.name = unconst("eth0");
	eth0.hwaddr = unconst("02:00:00:00:00:01");
	eth0.mtu = 1500;
	eth0.ipaddresses = addresses;
	eth0.n_ipaddresses = 1;
	reply.interfaces = list;
	reply.n_interfaces = 1;
	create(b->w, c1);
	fake.network = (void *)b;
	got = ask_network(b, "GET /network/interfaces HTTP/1.0\r\n\r\n", &reply.base, NULL);
	assert_in(got, " 200 ", true);
	assert_in(got, "\r\n\r\n[", true);
	assert_in(got, "\"hwAddr\": \"02:00:00:00:00:01\"", true);
	assert_in(got, "\"IPAddresses\"", true);
	assert_in(got, "\"family\": 1", true);
}

static void an_interface_is_added_and_a_failure_is_told(void **state)
{
	static const char put[] = "PUT /network/interfaces HTTP/1.0\r\nContent-Length: 34\r\n\r\n"
				  "{ \"name\": \"eth7\", \"mtu\": 1500    }";
	struct bench *b = *state;
	struct err err = ERR_INIT;
	scoped_free char *good = NULL, *bad = NULL;

	create(b->w, c1);
	fake.network = (void *)b;
	good = ask_network(b, put, NULL, NULL);
	assert_in(good, " 200 ", true);
	err_set(&err, ERR_NOT_FOUND, "network interface 'eth7' is not there");
	bad = ask_network(b, put, NULL, &err);
	assert_in(bad, " 404 ", true);
	assert_in(bad, "network interface 'eth7' is not there\n", true);
}

static void what_is_no_interface_and_no_route_is_refused(void **state)
{
	struct bench *b = *state;

	create(b->w, c1);
	expect(b, "GET /network/routes", "503", "no network that is connected");
	fake.network = (void *)b;
	expect(b, "PUT /network/interfaces", "400", "");
	expect(b, "PUT /network/routes", "400", "");
	expect(b, "DELETE /network/routes", "405", "GET, HEAD, PUT");
	assert_null(fake.network_answered);
}

static void a_client_or_the_monitor_may_go_before_the_network_answers(void **state)
{
	struct bench *b = *state;
	int fd = dial(b);

	create(b->w, c1);
	fake.network = (void *)b;
	say(fd, "GET /network/routes HTTP/1.0\r\n\r\n");
	turn(b->w);
	close(fd);
	turn(b->w);
	reply_to_network(NULL, NULL);
	fd = dial(b);
	say(fd, "GET /network/routes HTTP/1.0\r\n\r\n");
	turn(b->w);
	monitor_free(take_ptr(&b->monitor));
	reply_to_network(NULL, NULL);
	close(fd);
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
	expect(b, "PUT /policy HTTP/1.0\r\nContent-Length: 1048577\r\nX:", "413", "");
}

static void nonsense_is_answered_or_dropped(void **state)
{
	static const char *const lines[] = { "\r\n\r\n\r\n\r\n", "GET\r\n\r\n",
					     "GET / FTP/9\r\n\r\n", "\x16\x03\x01\r\n\r\n",
					     "GET http://[ HTTP/1.1\r\n\r\n" };
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
		BENCH(without_a_guest_the_metrics_are_the_hosts),
		BENCH(metrics_are_the_hosts_then_the_guests),
		BENCH(a_silent_guest_holds_nobody_else_up),
		BENCH(a_scrape_may_be_cancelled_while_the_agent_is_given_up),
		BENCH(the_monitor_may_go_while_the_guest_is_asked),
		BENCH(a_client_that_does_not_read_holds_nobody_up),
		BENCH(rules_of_the_guest_are_read_as_text),
		BENCH(rules_are_put_into_the_guest_as_they_came),
		BENCH(a_guest_that_does_not_answer_holds_nobody_else_up),
		BENCH(the_network_is_shown_with_its_counters),
		BENCH(interfaces_of_the_guest_are_an_array_in_katas_words),
		BENCH(an_interface_is_added_and_a_failure_is_told),
		BENCH(what_is_no_interface_and_no_route_is_refused),
		BENCH(a_client_or_the_monitor_may_go_before_the_network_answers),
		BENCH(what_is_not_there_is_answered_with_a_list),
		BENCH(what_is_known_but_not_built_is_named),
		BENCH(a_wrong_method_is_refused),
		BENCH(head_is_get_without_the_text),
		BENCH(a_connection_may_carry_several_requests),
		BENCH(a_request_too_large_is_refused),
		BENCH(nonsense_is_answered_or_dropped),
		BENCH(the_monitor_may_go_while_clients_are_connected),
	};

	signal(SIGPIPE, SIG_IGN); /* as the supervisors do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
