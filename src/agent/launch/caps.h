/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * caps.h - capabilities by name and as sets of bits
 *
 * Source: linux/capability.h (libcap's names are the kernel's in lower case)
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* "CAP_NET_RAW" (any case, with or without the prefix) to its number. */
bool cap_parse(const char *name, unsigned int *ret);

/* Highest capability this kernel knows. */
unsigned int caps_last(void);

/* What this process may give away: its permitted set. */
uint64_t caps_own(void);

/* Set the three sets of the calling thread. Child-safe: yes */
int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable, struct err *err);
