/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ps.h - a list of processes as text
 *
 * "json" is an array of pids; "table" or "" looks like `ps -ef`, users as numbers, because
 * names are the business of an image. Command lines are a container's: what is not
 * printable is shown as '?'.
 *
 * Source: formats of kata-runtime 1.x ps
 * Limits: PS_TEXT_MAX bytes, the rest is left out
 */
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define PS_TEXT_MAX (1u << 20)

/* Owned by the caller. Pids that are gone are left out. ERR_INVALID for another format. */
char *ps_format(const pid_t *pids, size_t n, const char *format, struct err *err);
