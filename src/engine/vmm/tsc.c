/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/tsc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define LEAST_NS    500000000u /* an error of a microsecond is then 2 in a million */
#define KHZ_MIN     100000u
#define KHZ_MAX     20000000u
#define TRIES       5 /* an interruption between the two clocks would spoil a single one */

struct tsc_mark tsc_mark_now(void)
{
	struct tsc_mark best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		const uint64_t before = __rdtsc();
		struct timespec ts;
		uint64_t took;

		clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
		took = __rdtsc() - before;
		if (took >= least)
			continue;
		least = took;
		best.ticks = before + took / 2;
		best.ns = (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
	}
	return best;
}

uint32_t tsc_rate(const struct tsc_mark *from, const struct tsc_mark *to)
{
	double khz;

	if (to->ns < from->ns + LEAST_NS || to->ticks <= from->ticks)
		return 0;
	khz = (double)(to->ticks - from->ticks) * NS_PER_MS / (double)(to->ns - from->ns);
	return khz < KHZ_MIN || khz > KHZ_MAX ? 0 : (uint32_t)(khz + 0.5);
}

static char *cache_path(const char *cache_dir)
{
	return xasprintf("%s/tsc_khz", cache_dir);
}

uint32_t tsc_known(const char *cache_dir)
{
	scoped_free char *path = cache_path(cache_dir);
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;
	unsigned long long khz = 0;

	if (file_read(path, 32, &text, NULL, &ignored) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, KHZ_MAX, &khz) && khz >= KHZ_MIN ? (uint32_t)khz : 0;
}

static bool is_hosts_clock(void)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;

	return file_read(CLOCKSOURCE, 64, &text, NULL, &ignored) == 0 && strcmp(text, "tsc\n") == 0;
}

void tsc_learn(const struct tsc_mark *since, const char *cache_dir)
{
	scoped_free char *path = cache_path(cache_dir);
	const struct tsc_mark now = tsc_mark_now();
	struct err ignored = ERR_INIT;
	char text[16];
	uint32_t khz;
	int n;

	if (!is_hosts_clock())
		return;
	khz = tsc_rate(since, &now);
	n = snprintf(text, sizeof(text), "%u\n", khz);
	if (khz)
		(void)file_replace(path, text, (size_t)n, 0600, &ignored);
}
