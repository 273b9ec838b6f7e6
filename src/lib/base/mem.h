/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * mem.h - allocation in two families
 *
 * x...() is for small objects whose size is ours: it aborts when memory is gone,
 * which no caller could handle any better. try_...() is for sizes that come from
 * a peer or a file: the caller gives a cap and hears of failure.
 */
#include <stdarg.h>
#include <stddef.h>

#include "lib/base/defs.h"
#include "lib/base/err.h"

/* Zeroed memory for one T. */
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, nonnull, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, nonnull, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0), returns_nonnull));

/* Zeroed len bytes, or ERR_EXHAUSTED when len is over max or memory is gone. */
void *try_alloc(size_t len, size_t max, struct err *err);

/* NULL-terminated vectors of strings, as in argv. NULL counts as empty. */
size_t strv_len(char *const *v);
char **strv_dup(char *const *v);
void strv_free(char **v);
void strv_free_at(char ***v); /* for scoped() */
/* Appends a copy of s; *v may be NULL. O(n): for vectors of tens, not thousands. */
void strv_add(char ***v, const char *s);
void strv_addf(char ***v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define scoped_strv scoped(strv_free_at)
