/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

/* What is allocated for a text of that length: doubled, so that not every part copies the whole. */
static size_t room(size_t len)
{
	size_t size = 16;

	while (size <= len)
		size *= 2;
	return size;
}

void str_add_n(struct str *s, const void *data, size_t len)
{
	size_t max = s->max ? s->max : STR_MAX;

	if (len > max - s->len) {
		len = max - s->len;
		s->cut = true;
	}
	if (!s->data || room(s->len + len) != room(s->len))
		s->data = xrealloc(s->data, room(s->len + len), 1);
	if (len)
		memcpy(s->data + s->len, data, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_n(s, text, strlen(text));
}

void str_addf(struct str *s, const char *fmt, ...)
{
	scoped_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	str_add(s, text);
}

const char *str_get(const struct str *s)
{
	return s->data ? s->data : "";
}

char *str_take(struct str *s)
{
	char *out = s->data ? s->data : xstrdup("");

	*s = (struct str){ .max = s->max };
	return out;
}

void str_done(struct str *s)
{
	free(s->data);
	*s = (struct str){ .max = s->max };
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool parse_u64(const char *text, unsigned long long max, unsigned long long *ret)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value > max)
		return false;
	*ret = value;
	return true;
}

bool parse_i64(const char *text, long long *ret)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	long long value;
	char *end;

	if (digits[0] < '0' || digits[0] > '9')
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = value;
	return true;
}
