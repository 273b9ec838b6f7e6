/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * fake_agent.h - an agent of one process, whose streams and exit the test decides
 *
 * It serves grpc.AgentService and grpc.Health on a socket of its own, in the loop of the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdbool.h>

#include "lib/base/str.h"
#include "lib/ttrpc/server.h"

struct fake_output {
	char *data; /* all that was ever said; owned */
	size_t len, at;
	bool eof;
	struct ttrpc_call *waiting;
};

struct fake_agent {
	struct event_base *base;
	struct ttrpc_server *server;
	char dir[64];  /* of the test, removed with it */
	char path[96]; /* of the socket */
	struct fake_output out[2];
	struct str in; /* what was written to the process */
	bool in_closed;
	bool deaf; /* WriteStdin is kept */
	struct ttrpc_call *write;
	struct ttrpc_call *start, *wait; /* kept */
	uint32_t rows, columns;
	unsigned int n_signals;
};

int fake_agent_setup(struct fake_agent *agent);
void fake_agent_teardown(struct fake_agent *agent);

/* The process says so; it closes a stream. */
void fake_say(struct fake_agent *agent, int which, const void *data, size_t len);
void fake_eof(struct fake_agent *agent, int which);
void fake_exit(struct fake_agent *agent, int status);
/* The start that is kept is answered. */
void fake_started(struct fake_agent *agent);
/* Or refused. */
void fake_not_started(struct fake_agent *agent, const struct err *why);
/* The guest is gone: calls stay without an answer, and the connection closes. */
void fake_die(struct fake_agent *agent);

/* Turn the loop until fn(arg), at most ten seconds: the test fails then. */
void turn_until(struct event_base *base, bool (*fn)(void *arg), void *arg);
/* A FIFO holds as much as it can: who writes to it has the rest. */
void wait_until_full(struct event_base *base, int fd);
/* A moment in which something that must not happen has its chance. */
void settle(struct event_base *base);
