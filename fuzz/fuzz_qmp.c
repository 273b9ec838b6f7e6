/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a QEMU says: each of our commands ends exactly once, the link is told dead exactly
 * once, and what is shown of QEMU's words is printable.
 */
#include <event2/event.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/vmm/qmp.h"
#include "fuzz.h"

#define COMMANDS 3
#define INPUT_MAX 65536u /* fits a socket's buffer */

struct seen {
	unsigned int done, closed;
};

static void check_text(const struct err *err)
{
	fuzz_assert(err->code != ERR_OK);
	fuzz_assert(memchr(err->text, '\0', sizeof(err->text)));
	for (const char *c = err->text; *c; c++)
		fuzz_assert((*c >= 0x20 && *c < 0x7f) || *c == '\n' || *c == '\t');
}

static void on_done(void *arg, struct json_object *result, const struct err *err)
{
	struct seen *seen = arg;

	if (err) {
		fuzz_assert(!result);
		check_text(err);
	}
	seen->done++;
}

static void on_event(void *arg, const char *name, struct json_object *data)
{
	(void)arg;
	(void)data;
	fuzz_assert(*name && strlen(name) <= 64);
}

static void on_closed(void *arg, const struct err *why)
{
	struct seen *seen = arg;

	check_text(why);
	fuzz_assert(seen->done == COMMANDS);
	seen->closed++;
}

static void turn(struct event_base *base)
{
	for (int i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct qmp_events events = { on_event, on_closed };
	struct seen seen = { 0 };
	static struct event_base *base;
	struct qmp *qmp;
	int sv[2];

	if (!base)
		base = event_base_new();
	fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) == 0);
	qmp = qmp_new(base, sv[0], &events, &seen);
	for (int i = 0; i < COMMANDS; i++)
		qmp_execute(qmp, "query-status", NULL, -1, 0, on_done, &seen);
	(void)!send(sv[1], data, size < INPUT_MAX ? size : INPUT_MAX, MSG_NOSIGNAL);
	turn(base);
	close(sv[1]);
	turn(base);
	fuzz_assert(seen.done == COMMANDS && seen.closed == 1);
	qmp_free(qmp);
	return 0;
}
