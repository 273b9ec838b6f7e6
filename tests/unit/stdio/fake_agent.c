/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_agent.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "agent.pb-c.h"
#include "health.pb-c.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/unix.h"

#define SAY_MAX (256u << 10)

static void reply_empty(struct ttrpc_call *call)
{
	Grpc__Empty empty = GRPC__EMPTY__INIT;

	ttrpc_reply(call, &empty.base);
}

static void on_check(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	Grpc__HealthCheckResponse resp = GRPC__HEALTH_CHECK_RESPONSE__INIT;

	(void)req, (void)arg;
	ttrpc_reply(call, &resp.base);
}

static void serve_read(struct fake_output *out)
{
	Grpc__ReadStreamResponse resp = GRPC__READ_STREAM_RESPONSE__INIT;
	size_t len = MIN(out->len - out->at, (size_t)SAY_MAX);

	if (!out->waiting || (len == 0 && !out->eof))
		return;
	ttrpc_call_on_cancel(out->waiting, NULL, NULL);
	resp.data.data = (uint8_t *)out->data + out->at;
	resp.data.len = len;
	out->at += len;
	ttrpc_reply(take_ptr(&out->waiting), &resp.base);
}

static void on_cancelled(void *arg)
{
	*(struct ttrpc_call **)arg = NULL;
}

static void keep(struct ttrpc_call *call, struct ttrpc_call **at)
{
	assert_null(*at);
	*at = call;
	ttrpc_call_on_cancel(call, on_cancelled, at);
}

static void on_read_stdout(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct fake_agent *agent = arg;

	(void)req;
	keep(call, &agent->out[0].waiting);
	serve_read(&agent->out[0]);
}

static void on_read_stderr(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct fake_agent *agent = arg;

	(void)req;
	keep(call, &agent->out[1].waiting);
	serve_read(&agent->out[1]);
}

static void on_write(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__WriteStreamRequest *req = (const void *)msg;
	Grpc__WriteStreamResponse resp = GRPC__WRITE_STREAM_RESPONSE__INIT;
	struct fake_agent *agent = arg;

	if (agent->deaf) {
		keep(call, &agent->write);
		return;
	}
	assert_false(agent->in_closed);
	str_add_n(&agent->in, req->data.data, req->data.len);
	resp.len = (uint32_t)req->data.len;
	ttrpc_reply(call, &resp.base);
}

static void on_close(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct fake_agent *agent = arg;

	(void)req;
	agent->in_closed = true;
	reply_empty(call);
}

static void on_wait(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct fake_agent *agent = arg;

	(void)req;
	keep(call, &agent->wait);
}

static void on_start(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct fake_agent *agent = arg;

	(void)req;
	keep(call, &agent->start);
}

static void on_signal(struct ttrpc_call *call, const ProtobufCMessage *req, void *arg)
{
	struct fake_agent *agent = arg;

	(void)req;
	agent->n_signals++;
	reply_empty(call);
}

static void on_resize(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__TtyWinResizeRequest *req = (const void *)msg;
	struct fake_agent *agent = arg;

	agent->rows = req->row;
	agent->columns = req->column;
	reply_empty(call);
}

static const struct ttrpc_method health[] = { { "Check", on_check } };
static const struct ttrpc_method methods[] = {
	{ "ReadStdout", on_read_stdout }, { "ReadStderr", on_read_stderr },
	{ "WriteStdin", on_write },       { "CloseStdin", on_close },
	{ "WaitProcess", on_wait },       { "StartContainer", on_start },
	{ "ExecProcess", on_start },      { "SignalProcess", on_signal },
	{ "TtyWinResize", on_resize },
};

int fake_agent_setup(struct fake_agent *agent)
{
	const struct ttrpc_service services[] = {
		{ .desc = &grpc__health__descriptor,
		  .methods = health,
		  .n_methods = ARRAY_LEN(health),
		  .arg = agent },
		{ .desc = &grpc__agent_service__descriptor,
		  .methods = methods,
		  .n_methods = ARRAY_LEN(methods),
		  .arg = agent },
	};
	static struct ttrpc_service kept[2];
	struct err err = ERR_INIT;
	int fd;

	(void)signal(SIGPIPE, SIG_IGN);
	*agent = (struct fake_agent){ .base = event_base_new() };
	strcpy(agent->dir, "/tmp/test_stdio.XXXXXX");
	assert_non_null(mkdtemp(agent->dir));
	snprintf(agent->path, sizeof(agent->path), "%s/agent.sock", agent->dir);
	fd = unix_listen(agent->path, &err);
	assert_true(fd >= 0);
	memcpy(kept, services, sizeof(kept)); /* borrowed by the server */
	agent->server = ttrpc_server_new(agent->base, kept, ARRAY_LEN(kept));
	assert_int_equal(ttrpc_server_listen(agent->server, fd, &err), 0);
	return 0;
}

void fake_die(struct fake_agent *agent)
{
	ttrpc_server_free(take_ptr(&agent->server));
}

void fake_agent_teardown(struct fake_agent *agent)
{
	struct err err = ERR_INIT;

	if (agent->server)
		fake_die(agent);
	event_base_free(agent->base);
	str_done(&agent->in);
	free(agent->out[0].data);
	free(agent->out[1].data);
	assert_int_equal(dir_remove(agent->dir, &err), 0);
}

void fake_say(struct fake_agent *agent, int which, const void *data, size_t len)
{
	struct fake_output *out = &agent->out[which];

	out->data = xrealloc(out->data, out->len + len, 1);
	memcpy(out->data + out->len, data, len);
	out->len += len;
	serve_read(out);
}

void fake_eof(struct fake_agent *agent, int which)
{
	agent->out[which].eof = true;
	serve_read(&agent->out[which]);
}

static bool is_waited_for(void *arg)
{
	return ((struct fake_agent *)arg)->wait;
}

void fake_exit(struct fake_agent *agent, int status)
{
	Grpc__WaitProcessResponse resp = GRPC__WAIT_PROCESS_RESPONSE__INIT;

	turn_until(agent->base, is_waited_for, agent);
	resp.status = status;
	ttrpc_call_on_cancel(agent->wait, NULL, NULL);
	ttrpc_reply(take_ptr(&agent->wait), &resp.base);
}

static bool is_started(void *arg)
{
	return ((struct fake_agent *)arg)->start;
}

void fake_started(struct fake_agent *agent)
{
	turn_until(agent->base, is_started, agent);
	ttrpc_call_on_cancel(agent->start, NULL, NULL);
	reply_empty(take_ptr(&agent->start));
}

void fake_not_started(struct fake_agent *agent, const struct err *why)
{
	turn_until(agent->base, is_started, agent);
	ttrpc_call_on_cancel(agent->start, NULL, NULL);
	ttrpc_fail(take_ptr(&agent->start), why);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

/* The loop is woken often, as what is waited for need not be an event in it. */
void turn_until(struct event_base *base, bool (*fn)(void *arg), void *arg)
{
	static const struct timeval often = { .tv_usec = 2000 };
	uint64_t deadline = clock_mono_ns() + 10 * NS_PER_SEC;
	struct event *tick = event_new(base, -1, EV_PERSIST, on_turn, NULL);

	event_add(tick, &often);
	while (!fn(arg)) {
		assert_true(clock_mono_ns() < deadline);
		event_base_loop(base, EVLOOP_ONCE);
	}
	event_free(tick);
}

static bool is_full(void *arg)
{
	int n = 0;

	return ioctl(*(int *)arg, FIONREAD, &n) == 0 && n >= 65536;
}

void wait_until_full(struct event_base *base, int fd)
{
	turn_until(base, is_full, &fd);
}

static bool is_past(void *arg)
{
	return clock_mono_ns() > *(uint64_t *)arg;
}

void settle(struct event_base *base)
{
	uint64_t until = clock_mono_ns() + 30 * NS_PER_MS;

	turn_until(base, is_past, &until);
}
