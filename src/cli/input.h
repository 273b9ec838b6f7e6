/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * input.h - the text of a FILE argument, where "-" is standard input
 */
#include <stddef.h>

#include "lib/base/err.h"

/* Owned by the caller; ERR_EXHAUSTED over max bytes. Blocks: on standard input until its end. */
char *input_read(const char *path, size_t max, struct err *err);
