/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * exit_latch.h - a process exit that any number of callers may wait for
 *
 * Set once, by the reaper. Waiting never consumes the status: it stays until
 * the process record is deleted, so early, late and repeated waiters all see
 * the same answer.
 */
#include <stdbool.h>
#include <stdint.h>

struct exit_info {
	int status;     /* 0..255; 128 + signal when killed */
	uint64_t at_ns; /* CLOCK_REALTIME, nanoseconds */
};

struct exit_waiter {
	void (*fn)(struct exit_waiter *w, const struct exit_info *info);
	struct exit_waiter *next; /* private */
};

struct exit_latch {
	bool set;
	struct exit_info info; /* valid once set */
	struct exit_waiter *waiters;
};

/* True: already set, read latch->info. False: w->fn will be called once. */
bool exit_latch_wait(struct exit_latch *latch, struct exit_waiter *w);
void exit_latch_cancel(struct exit_latch *latch, struct exit_waiter *w);

/* Wake every waiter, oldest first. A second set is ignored. A waiter may free itself. */
void exit_latch_set(struct exit_latch *latch, const struct exit_info *info);
