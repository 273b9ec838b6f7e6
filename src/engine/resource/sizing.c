/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/sizing.h"

#include <math.h>
#include <stdbool.h>

#include "lib/base/defs.h"
#include "lib/base/str.h"
#include "lib/oci/spec.h"

#define MIB              (1024ull * 1024)
#define SHARES_A_CPU     1024.0
#define CPUS_MAX         1024.0 /* keeps a nonsense quota a number; the host's count decides */

struct limits {
	long long quota, period, shares, memory;
};

static double cpus_of(const struct limits *l)
{
	double cpus = 0;

	if (l->quota > 0 && l->period > 0)
		cpus = (double)l->quota / (double)l->period;
	else if (l->quota < 0 && l->shares > 0)
		cpus = (double)l->shares / SHARES_A_CPU;
	return MIN(cpus, CPUS_MAX);
}

static struct sizing size_of(const struct limits *l)
{
	return (struct sizing){
		.cpus = cpus_of(l),
		.memory_mib = l->memory > 0 ? ((unsigned long long)l->memory + MIB - 1) / MIB : 0,
	};
}

/* A pod's limits, on its sandbox container. False when there are none. */
static bool read_annotations(const Grpc__Spec *spec, struct limits *l)
{
	const struct {
		const char *key;
		long long *to;
	} known[] = {
		{ "io.kubernetes.cri.sandbox-cpu-quota", &l->quota },
		{ "io.kubernetes.cri.sandbox-cpu-period", &l->period },
		{ "io.kubernetes.cri.sandbox-cpu-shares", &l->shares },
		{ "io.kubernetes.cri.sandbox-memory", &l->memory },
	};
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const char *text = spec_annotation(spec, known[i].key);

		found = (text && parse_i64(text, known[i].to)) || found;
	}
	return found;
}

struct sizing sizing_wanted(const Grpc__Spec *spec)
{
	const Grpc__LinuxResources *res = spec->linux ? spec->linux->resources : NULL;
	struct limits l = { 0 };

	if (!read_annotations(spec, &l) && res) {
		if (res->cpu) {
			l.quota = res->cpu->quota;
			l.period = (long long)res->cpu->period;
		}
		if (res->memory)
			l.memory = res->memory->limit;
	}
	return size_of(&l);
}

uint32_t sizing_memory_mib(const struct sizing *wanted, uint32_t base_mib, uint64_t max_mib)
{
	const uint64_t more = MIN(wanted->memory_mib, max_mib);
	const uint64_t total = MIN(base_mib + more, max_mib);

	return (uint32_t)MAX((uint64_t)base_mib, total);
}

double sizing_cpus(const struct sizing *wanted, double base, uint32_t max)
{
	const double most = MAX((double)max, ceil(base));

	return MIN(ceil(base + wanted->cpus), most);
}
