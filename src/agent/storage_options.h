/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * storage_options.h - what the options of a Storage mean
 *
 * Pure. Flags and propagation are taken out; "fsgid=" and, for the driver local, "mode=" are
 * the agent's own; what is left is the file system's and goes to mount(2) as data.
 *
 * Limits: STORAGE_DATA_MAX bytes of data (a page is all the kernel takes)
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define STORAGE_DATA_MAX 4095

struct storage_options {
	unsigned long flags;       /* MS_*, for mount(2) */
	unsigned long propagation; /* MS_SHARED etc. with MS_REC, or 0 */
	bool has_fsgid;
	gid_t fsgid;
	bool has_mode;
	mode_t mode;                     /* also left in data: a tmpfs wants it too */
	char data[STORAGE_DATA_MAX + 1]; /* joined by "," */
};

/* ERR_INVALID names the option. */
int storage_options_parse(char *const *options, size_t n, struct storage_options *ret,
			  struct err *err);
