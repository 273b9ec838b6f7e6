/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/resolver.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/agent/agent.h"
#include "engine/resource/resolv_conf.h"
#include "engine/resource/resolver_query.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/dns/message.h"
#include "lib/net/net.h"
#include "lib/net/tc.h"
#include "resolver.pb-c.h"

/*
 * After the network has changed the file is looked at, and once more: some versions of docker
 * write it before they connect an interface, some after.
 */
static const unsigned int look_after_ms[] = { 200, 2000 };

struct flight {
	struct list node;
	struct resolver *resolver;
	uint64_t id; /* the guest's */
	struct resolver_query *query;
};

struct resolver {
	struct event_base *base;
	struct agent *agent;
	resolver_warned *warned;
	void *arg;
	int conf_fd;   /* the file itself, whatever its path becomes: the container keeps it as well
			*/
	char path[32]; /* of that descriptor */
	struct net_watch *watch; /* NULL: the file is read once */
	struct event look;
	size_t n_looks;              /* since the last change */
	char name[DNS_ADDRESS_TEXT]; /* "": nobody is asked */
	struct dns_address server;
	bool stopped; /* for good */
	struct list flights;
	size_t n_flights;
	size_t n_nexts;
	size_t n_answers; /* that the guest has not acknowledged */
};

static void ask_next(struct resolver *r);

/* Names are not resolved from here on; the sandbox goes on. */
static void stop(struct resolver *r, const struct err *why)
{
	struct err err = *why;

	if (r->stopped)
		return;
	r->stopped = true;
	r->name[0] = '\0';
	if (why->code == ERR_UNAVAILABLE)
		return; /* the guest is gone, which others tell */
	err_wrap(&err, "resolve names of the container");
	r->warned(r->arg, &err);
}

/* --- queries --- */

static void on_answer_taken(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct resolver *r = arg;

	(void)resp, (void)err; /* the query was given up meanwhile */
	r->n_answers--;
	ask_next(r);
}

static void answer(struct resolver *r, uint64_t id, const uint8_t *message, size_t len)
{
	Kata__Guest__AnswerRequest req = KATA__GUEST__ANSWER_REQUEST__INIT;

	r->n_answers++;
	req.id = id;
	req.message = (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)message, .len = len };
	agent_call(r->agent, &kata__guest__resolver__descriptor, "Answer", &req.base,
		   RESOLVER_ANSWER_MS, on_answer_taken, r);
}

static void end_flight(struct flight *f)
{
	list_remove(&f->node);
	f->resolver->n_flights--;
	free(f);
}

static void on_answered(void *arg, struct resolver_query *q, const uint8_t *message, size_t len)
{
	struct flight *f = arg;
	struct resolver *r = f->resolver;
	uint64_t id = f->id;

	(void)q;
	end_flight(f);
	answer(r, id, message, len);
	ask_next(r);
}

static void send_query(struct resolver *r, const Kata__Guest__Query *query)
{
	struct flight *f = xnew(struct flight);

	f->resolver = r;
	f->id = query->id;
	f->query = resolver_query_new(r->base, &r->server, query->message.data, query->message.len,
				      query->over_tcp, RESOLVER_ANSWER_MS, on_answered, f);
	if (!f->query) {
		free(f);
		answer(r, query->id, NULL, 0);
		return;
	}
	list_add(&r->flights, &f->node);
	r->n_flights++;
}

static void on_next(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const Kata__Guest__Query *query = (const void *)resp;
	struct resolver *r = arg;
	struct err nonsense = ERR_INIT;

	r->n_nexts--;
	if (err) {
		stop(r, err);
		return;
	}
	if (!dns_is_query(query->message.data, query->message.len)) {
		err_set(&nonsense, ERR_INVALID, "the guest sent %zu bytes that are no query",
			query->message.len);
		stop(r, &nonsense);
		return;
	}
	if (r->name[0])
		send_query(r, query);
	else
		answer(r, query->id, NULL, 0);
	ask_next(r);
}

/*
 * A call that waits may become a query at any time, and a guest may leave answers unread: together
 * they stay below the limit.
 */
static void ask_next(struct resolver *r)
{
	Kata__Guest__NextRequest req = KATA__GUEST__NEXT_REQUEST__INIT;

	while (!r->stopped && r->n_nexts < RESOLVER_NEXTS &&
	       r->n_nexts + r->n_flights + r->n_answers < RESOLVER_FLIGHT_MAX) {
		r->n_nexts++;
		agent_call(r->agent, &kata__guest__resolver__descriptor, "Next", &req.base, 0,
			   on_next, r);
	}
}

/* --- the address --- */

static void on_listening(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct resolver *r = arg;

	(void)resp;
	if (err)
		stop(r, err);
	else
		ask_next(r);
}

/* Docker's is answered by redirection of its packets, so nobody has that port. */
static bool is_served(const char *name, const struct dns_address *server)
{
	scoped_fd int fd = -1;

	if (strcmp(name, RESOLVER_DOCKER) == 0)
		return true;
	fd = socket(server->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind(fd, &server->any, server->len) < 0 && errno == EADDRINUSE;
}

void resolver_update(struct resolver *r)
{
	Kata__Guest__ListenRequest req = KATA__GUEST__LISTEN_REQUEST__INIT;
	struct err ignored = ERR_INIT; /* a file that is too large names nobody */
	char name[DNS_ADDRESS_TEXT];
	scoped_free char *text = NULL;
	struct dns_address server;

	if (!r || r->stopped)
		return;
	if (file_read(r->path, RESOLV_CONF_MAX, &text, NULL, &ignored) < 0 ||
	    !resolv_conf_loopback(text, name) || !dns_loopback_parse(name, &server) ||
	    !is_served(name, &server)) {
		r->name[0] = '\0';
		return;
	}
	if (strcmp(name, r->name) == 0)
		return;
	memcpy(r->name, name, sizeof(name));
	r->server = server;
	(void)tc_own_ports(&ignored); /* without, names of the world are not answered */
	req.address = r->name;
	agent_call(r->agent, &kata__guest__resolver__descriptor, "Listen", &req.base,
		   AGENT_TIMEOUT_MS, on_listening, r);
}

/* --- changes --- */

static void look_later(struct resolver *r)
{
	const unsigned int ms = look_after_ms[r->n_looks];
	const struct timeval tv = { .tv_sec = ms / 1000,
				    .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	event_add(&r->look, &tv);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;

	(void)fd, (void)what;
	resolver_update(r);
	if (++r->n_looks < ARRAY_LEN(look_after_ms))
		look_later(r);
}

/* One that keeps changing does not put the first look off. */
static void on_changed(void *arg)
{
	struct resolver *r = arg;
	bool is_due = r->n_looks == 0 && event_pending(&r->look, EV_TIMEOUT, NULL);

	r->n_looks = 0;
	if (!is_due)
		look_later(r);
}

static const char *find_conf(const Grpc__Spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (strcmp(spec->mounts[i]->destination, "/etc/resolv.conf") == 0)
			return spec->mounts[i]->source;
	return "";
}

/* A volume's file may be another container's to replace by what blocks. */
static int open_conf(const Grpc__Spec *spec)
{
	const char *path = find_conf(spec);
	scoped_fd int fd = *path ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? take_fd(&fd) : -1;
}

struct resolver *resolver_new(struct event_base *base, struct agent *agent, const Grpc__Spec *spec,
			      resolver_warned *warned, void *arg)
{
	int conf_fd = open_conf(spec);
	struct err ignored = ERR_INIT; /* then changes are not followed */
	struct resolver *r;

	if (conf_fd < 0)
		return NULL;
	r = xnew(struct resolver);
	*r = (struct resolver){
		.base = base, .agent = agent, .warned = warned, .arg = arg, .conf_fd = conf_fd
	};
	snprintf(r->path, sizeof(r->path), "/proc/self/fd/%d", conf_fd);
	list_init(&r->flights);
	event_assign(&r->look, base, -1, 0, on_look, r);
	r->watch = net_watch_new(base, on_changed, r, &ignored);
	resolver_update(r);
	return r;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	agent_forget(r->agent, r);
	net_watch_free(r->watch);
	event_del(&r->look);
	list_for_each_safe(&r->flights, struct flight, node, f) {
		resolver_query_free(f->query);
		end_flight(f);
	}
	close_fd(&r->conf_fd);
	free(r);
}
