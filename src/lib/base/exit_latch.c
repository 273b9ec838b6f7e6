/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/exit_latch.h"

#include <stddef.h>

bool exit_latch_wait(struct exit_latch *latch, struct exit_waiter *w)
{
	struct exit_waiter **end = &latch->waiters;

	if (latch->set)
		return true;
	while (*end)
		end = &(*end)->next;
	w->next = NULL;
	*end = w;
	return false;
}

void exit_latch_cancel(struct exit_latch *latch, struct exit_waiter *w)
{
	for (struct exit_waiter **at = &latch->waiters; *at; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			return;
		}
	}
}

void exit_latch_set(struct exit_latch *latch, const struct exit_info *info)
{
	if (latch->set)
		return;
	latch->set = true;
	latch->info = *info;
	/* Unlink before the call: the waiter may free itself or cancel another. */
	while (latch->waiters) {
		struct exit_waiter *w = latch->waiters;

		latch->waiters = w->next;
		w->fn(w, &latch->info);
	}
}
