/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * metrics_priv.h - what both formats need of the guest's message
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/metrics.h"

/* Where a figure of memory.stat goes, and its names in the order in which they are tried. */
struct metrics_row {
	size_t offset; /* of a uint64_t in the message */
	const char *keys[2];
};

/* m may be NULL. A row whose keys are all unknown leaves its member alone. */
void metrics_fill_memory(void *message, const struct metrics_row *rows, size_t n_rows,
			 const Grpc__MemoryStats *m);
bool metrics_find(const Grpc__MemoryStats *m, const char *key, uint64_t *ret);
/* Does the guest count as cgroup v1 does? */
bool metrics_is_v1_guest(const Grpc__MemoryStats *m);

/* Printable, bounded, owned by the caller. */
char *metrics_text(const char *guests);
size_t metrics_list_len(size_t n);
uint64_t metrics_add(uint64_t a, uint64_t b);      /* UINT64_MAX, "no limit", swallows the rest */
uint64_t metrics_subtract(uint64_t a, uint64_t b); /* likewise; never below 0 */
