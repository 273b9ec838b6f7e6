/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "task/metrics_priv.h"

size_t metrics_list_len(size_t n)
{
	return MIN(n, (size_t)METRICS_LIST_MAX);
}

bool metrics_find(const Grpc__MemoryStats *m, const char *key, uint64_t *ret)
{
	for (size_t i = 0; i < metrics_list_len(m->n_stats); i++) {
		if (strcmp(m->stats[i]->key, key) != 0)
			continue;
		*ret = m->stats[i]->value;
		return true;
	}
	return false;
}

void metrics_fill_memory(void *message, const struct metrics_row *rows, size_t n_rows,
			 const Grpc__MemoryStats *m)
{
	for (size_t i = 0; m && i < n_rows; i++) {
		uint64_t *to = (uint64_t *)(void *)((char *)message + rows[i].offset);

		for (size_t k = 0; k < ARRAY_LEN(rows[i].keys) && rows[i].keys[k]; k++)
			if (metrics_find(m, rows[i].keys[k], to))
				break;
	}
}

bool metrics_is_v1_guest(const Grpc__MemoryStats *m)
{
	uint64_t ignored;

	return metrics_find(m, "hierarchical_memory_limit", &ignored);
}

char *metrics_text(const char *guests)
{
	char *text = xstrndup(guests, METRICS_TEXT_MAX);

	for (char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return text;
}

uint64_t metrics_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t metrics_subtract(uint64_t a, uint64_t b)
{
	if (a == UINT64_MAX)
		return a;
	return a > b ? a - b : 0;
}
