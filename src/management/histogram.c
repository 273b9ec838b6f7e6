/* SPDX-License-Identifier: Apache-2.0 */
#include "management/histogram.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define BUCKETS 10

struct histogram {
	char *action;
	uint64_t buckets[BUCKETS]; /* calls of at most 2^i ms, and more than 2^(i-1) */
	uint64_t count, sum_ns;
};

struct histograms {
	const char *name, *help;
	struct histogram *list[HISTOGRAM_ACTIONS_MAX];
	size_t n;
};

struct histograms *histograms_new(const char *name, const char *help)
{
	struct histograms *h = xnew(struct histograms);

	h->name = name;
	h->help = help;
	return h;
}

void histograms_free(struct histograms *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++) {
		free(h->list[i]->action);
		free(h->list[i]);
	}
	free(h);
}

static struct histogram *find(struct histograms *h, const char *action)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->list[i]->action, action) == 0)
			return h->list[i];
	if (h->n == ARRAY_LEN(h->list))
		return NULL;
	h->list[h->n] = xnew(struct histogram);
	h->list[h->n]->action = xstrdup(action);
	return h->list[h->n++];
}

void histograms_add(struct histograms *h, const char *action, uint64_t took_ns)
{
	struct histogram *one = find(h, action);

	if (!one)
		return;
	one->count++;
	one->sum_ns += took_ns;
	for (size_t i = 0; i < BUCKETS; i++) {
		if (took_ns <= (NS_PER_MS << i)) {
			one->buckets[i]++;
			return;
		}
	}
}

static void print_one(const struct histogram *one, const char *name, struct str *out)
{
	uint64_t so_far = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		so_far += one->buckets[i];
		str_addf(out, "%s_bucket{action=\"%s\",le=\"%u\"} %" PRIu64 "\n", name, one->action,
			 1u << i, so_far);
	}
	str_addf(out, "%s_bucket{action=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, one->action,
		 one->count);
	str_addf(out, "%s_sum{action=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n", name, one->action,
		 one->sum_ns / (uint64_t)NS_PER_MS, one->sum_ns % (uint64_t)NS_PER_MS);
	str_addf(out, "%s_count{action=\"%s\"} %" PRIu64 "\n", name, one->action, one->count);
}

void histograms_print(const struct histograms *h, struct str *out)
{
	if (h->n == 0)
		return;
	str_addf(out, "# HELP %s %s\n# TYPE %s histogram\n", h->name, h->help, h->name);
	for (size_t i = 0; i < h->n; i++)
		print_one(h->list[i], h->name, out);
}
