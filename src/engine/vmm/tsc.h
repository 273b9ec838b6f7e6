/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tsc.h - how fast this host's time stamp counter counts
 *
 * An emulated guest reads the host's counter, and finds out its rate by comparing it with a timer
 * that QEMU emulates. When QEMU does not get a CPU meanwhile, what it finds is wrong: with twenty
 * machines on two CPUs guests were seen whose clock ran four times too fast. So it is told.
 *
 * The rate is learned over the first start after the host's, which has to do without, and kept.
 * Only where the counter is what the host itself keeps time by.
 */
#include <stdint.h>

struct tsc_mark {
	uint64_t ticks, ns; /* at the same moment; CLOCK_MONOTONIC_RAW */
};

struct tsc_mark tsc_mark_now(void);

/* Between two marks, in kHz; 0 when they are too near one another to tell. Pure. */
uint32_t tsc_rate(const struct tsc_mark *from, const struct tsc_mark *to);

/* Keep what has been learned since a mark. Failing is no harm. */
void tsc_learn(const struct tsc_mark *since, const char *cache_dir);

/* kHz, 0: not known. */
uint32_t tsc_known(const char *cache_dir);
