/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hooks.h"

#include <event2/event.h>

#include "cli/interrupt.h"

struct run {
	struct event_base *base;
	struct hooks *hooks; /* NULL: they have ended */
	struct err err;
};

static void on_done(void *arg, const struct err *err)
{
	struct run *run = arg;

	run->hooks = NULL;
	if (err)
		run->err = *err;
	event_base_loopbreak(run->base);
}

static void on_interrupt(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	(void)fd, (void)what;
	if (interrupt_check(&run->err) < 0)
		event_base_loopbreak(run->base);
}

int hooks_run(const char *kind, Grpc__Hook *const *hooks, size_t n, const char *state,
	      struct err *err)
{
	const struct hook_list list = { .kind = kind, .list = hooks, .n = n };
	struct run run = { .base = event_base_new(), .err = ERR_INIT };
	struct event *signals = NULL;

	run.hooks = hooks_start(run.base, &list, state, on_done, &run);
	if (interrupt_fd() >= 0) {
		signals = event_new(run.base, interrupt_fd(), EV_READ | EV_PERSIST, on_interrupt,
				    &run);
		event_add(signals, NULL);
	}
	event_base_dispatch(run.base);
	hooks_cancel(run.hooks);
	if (signals)
		event_free(signals);
	event_base_free(run.base);
	if (run.err.code == ERR_OK)
		return 0;
	*err = run.err;
	return -1;
}
