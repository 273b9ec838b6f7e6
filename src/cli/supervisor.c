/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/supervisor.h"

#include <event2/event.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "cli/interrupt.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"

struct supervisor {
	struct event_base *base;
	struct ttrpc_client *client; /* NULL once the peer is gone */
	struct err gone;             /* why */
};

/* One call on its way: lives on the stack of supervisor_call(). */
struct pending {
	struct supervisor *s;
	const ProtobufCMessageDescriptor *reply_desc;
	ProtobufCMessage *reply;
	struct err err;
	bool done;
};

char *supervisor_dir(const char *sid)
{
	return xasprintf(CLI_SBS_DIR "/%s", sid);
}

char *supervisor_socket(const char *sid)
{
	return xasprintf(CLI_SBS_DIR "/%s/proxy.sock", sid);
}

static void on_close(void *arg, const struct err *why)
{
	struct supervisor *s = arg;

	s->gone = *why;
	ttrpc_client_free(s->client);
	s->client = NULL;
}

struct supervisor *supervisor_open(const char *sid, struct err *err)
{
	scoped_free char *path = supervisor_socket(sid);
	struct supervisor *s;
	int fd = unix_connect(path, err);

	if (fd < 0) {
		/* No socket, or nobody behind it: the same to whoever asks. */
		if (err->code == ERR_NOT_FOUND || err->code == ERR_UNAVAILABLE)
			err->code = ERR_UNAVAILABLE;
		(void)err_wrap(err, "reach the supervisor of sandbox '%s'", sid);
		return NULL;
	}
	s = xnew(struct supervisor);
	s->base = event_base_new();
	s->client = ttrpc_client_new(s->base, fd, on_close, s);
	return s;
}

void supervisor_close(struct supervisor *s)
{
	if (!s)
		return;
	ttrpc_client_free(s->client);
	event_base_free(s->base);
	free(s);
}

void supervisor_close_at(struct supervisor **s)
{
	supervisor_close(*s);
}

/* The reply belongs to the client and ends with this callback, so it is copied. */
static void on_reply(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct pending *p = arg;

	if (err) {
		p->err = *err;
	} else {
		size_t len = protobuf_c_message_get_packed_size(resp);
		scoped_free uint8_t *bytes = xcalloc(1, len + 1);

		protobuf_c_message_pack(resp, bytes);
		p->reply = protobuf_c_message_unpack(resp->descriptor, NULL, len, bytes);
		if (!p->reply)
			(void)err_set(&p->err, ERR_INTERNAL, "copy the reply");
	}
	p->done = true;
	event_base_loopbreak(p->s->base);
}

static void on_interrupt(evutil_socket_t fd, short what, void *arg)
{
	struct pending *p = arg;

	(void)fd;
	(void)what;
	if (interrupt_check(&p->err) == 0)
		return;
	p->done = true;
	event_base_loopbreak(p->s->base);
}

static void wait_for(struct pending *p)
{
	struct event *signals = NULL;

	if (interrupt_fd() >= 0) {
		signals = event_new(p->s->base, interrupt_fd(), EV_READ | EV_PERSIST, on_interrupt,
				    p);
		event_add(signals, NULL);
	}
	while (!p->done && p->s->client)
		event_base_loop(p->s->base, EVLOOP_ONCE);
	if (signals)
		event_free(signals);
	if (!p->done)
		p->err = p->s->gone;
}

/* Not every call before the end is: a supervisor without a container answers and then ends. */
static bool was_cut(const struct pending *p)
{
	const struct err *gone = &p->s->gone;

	return !p->s->client && p->err.code == gone->code && str_ends(p->err.text, gone->text);
}

ProtobufCMessage *supervisor_call(struct supervisor *s, const ProtobufCServiceDescriptor *service,
				  const char *method, const ProtobufCMessage *req,
				  uint32_t timeout_ms, struct err *err)
{
	struct pending p = { .s = s, .err = ERR_INIT };
	uint64_t id;

	if (!s->client) {
		*err = s->gone;
		return NULL;
	}
	id = ttrpc_client_call(s->client, service, method, req, timeout_ms, on_reply, &p);
	wait_for(&p);
	if (p.reply)
		return p.reply;
	if (s->client)
		ttrpc_client_cancel(s->client, id);
	*err = p.err;
	/* In words for those who do not know that there is a connection. */
	if (was_cut(&p))
		(void)err_set(err, s->gone.code, "the sandbox's supervisor, kata-proxy, has ended");
	return NULL;
}

int supervisor_tell(struct supervisor *s, const ProtobufCServiceDescriptor *service,
		    const char *method, const ProtobufCMessage *req, uint32_t timeout_ms,
		    struct err *err)
{
	ProtobufCMessage *reply = supervisor_call(s, service, method, req, timeout_ms, err);

	if (!reply)
		return -1;
	protobuf_c_message_free_unpacked(reply, NULL);
	return 0;
}

Kata__Supervisor__DescribeResponse *supervisor_describe(struct supervisor *s, const char *cid,
							uint32_t timeout_ms, struct err *err)
{
	Kata__Supervisor__DescribeRequest req = KATA__SUPERVISOR__DESCRIBE_REQUEST__INIT;

	req.id = unconst(cid);
	return (void *)supervisor_call(s, SUPERVISOR_SERVICE, "Describe", &req.base, timeout_ms,
				       err);
}
