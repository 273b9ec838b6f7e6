/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a guest writes to its console: lines are short and hold no NUL or line end, and
 * what is shown of it is printable.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/vmm/tail.h"
#include "fuzz.h"

#define KEEP      1000
#define LINE_MAX_ 100
#define INPUT_MAX 65536u

static void on_line(void *arg, const char *line)
{
	(void)arg;
	fuzz_assert(*line && strlen(line) <= LINE_MAX_ && !strchr(line, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	struct tail *tail;
	char *text;
	int sv[2];

	if (!base)
		base = event_base_new();
	fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	tail = tail_new(base, sv[0], (struct tail_limits){ KEEP, LINE_MAX_ }, on_line, NULL);
	if (size > 0)
		(void)!send(sv[1], data, size < INPUT_MAX ? size : INPUT_MAX,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	close(sv[1]);
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	text = tail_text(tail);
	fuzz_assert(strlen(text) <= 4 * KEEP);
	for (const char *c = text; *c; c++)
		fuzz_assert((*c >= 0x20 && *c < 0x7f) || *c == '\n' || *c == '\t');
	free(text);
	tail_free(tail);
	return 0;
}
