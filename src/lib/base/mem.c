/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *check(void *p)
{
	if (!p) {
		static const char text[] = "out of memory\n";

		(void)!write(2, text, sizeof(text) - 1);
		abort();
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return check(NULL);
	return check(realloc(p, MAX(n * size, (size_t)1)));
}

char *xstrdup(const char *s)
{
	return check(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return check(strndup(s, n));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *out = NULL;

	if (vasprintf(&out, fmt, ap) < 0)
		out = NULL;
	return check(out);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *out;

	va_start(ap, fmt);
	out = xvasprintf(fmt, ap);
	va_end(ap);
	return out;
}

void *try_alloc(size_t len, size_t max, struct err *err)
{
	void *p;

	if (len > max) {
		err_set(err, ERR_EXHAUSTED, "%zu bytes wanted, at most %zu allowed", len, max);
		return NULL;
	}
	p = calloc(1, len ? len : 1);
	if (!p)
		err_set(err, ERR_EXHAUSTED, "allocate %zu bytes", len);
	return p;
}

size_t strv_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

void strv_add(char ***v, const char *s)
{
	size_t n = strv_len(*v);

	*v = xrealloc(*v, n + 2, sizeof(**v));
	(*v)[n] = xstrdup(s);
	(*v)[n + 1] = NULL;
}

void strv_addf(char ***v, const char *fmt, ...)
{
	size_t n = strv_len(*v);
	va_list ap;

	*v = xrealloc(*v, n + 2, sizeof(**v));
	va_start(ap, fmt);
	(*v)[n] = xvasprintf(fmt, ap);
	va_end(ap);
	(*v)[n + 1] = NULL;
}

char **strv_dup(char *const *v)
{
	size_t n = strv_len(v);
	char **out = xcalloc(n + 1, sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = xstrdup(v[i]);
	return out;
}

void strv_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

void strv_free_at(char ***v)
{
	strv_free(*v);
}
