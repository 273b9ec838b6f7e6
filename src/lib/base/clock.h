/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * clock.h - the two clocks in nanoseconds
 *
 * Child-safe: yes
 */
#include <stdint.h>

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS  1000000ull

uint64_t clock_mono_ns(void); /* CLOCK_MONOTONIC: for durations */
uint64_t clock_real_ns(void); /* CLOCK_REALTIME: for time stamps */

/* "2006-01-02T15:04:05.999999999Z" (RFC 3339, UTC) into buf. */
#define CLOCK_TEXT_MAX 40
void clock_format(uint64_t real_ns, char buf[static CLOCK_TEXT_MAX]);
