/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stdio/uri.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL when an escape is none, or stands for the end of a string. */
static char *unescape(const char *text, size_t len, bool query)
{
	scoped_free char *out = xcalloc(len + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = query && text[i] == '+' ? ' ' : text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

			if (low < 0 || high * 16 + low == 0)
				return NULL;
			c = (char)(high * 16 + low);
			i += 2;
		}
		out[n++] = c;
	}
	return take_ptr(&out);
}

static int take_path(const char *at, size_t len, const char *text, struct stdio_uri *uri,
		     struct err *err)
{
	if (len == 0 || at[0] != '/')
		return err_set(err, ERR_INVALID, "stream '%.128s': its path is not absolute", text);
	uri->path = unescape(at, len, false);
	if (!uri->path)
		return err_set(err, ERR_INVALID, "stream '%.128s': bad escape", text);
	if (strlen(uri->path) >= PATH_MAX)
		return err_set(err, ERR_INVALID, "stream '%.128s': its path is too long", text);
	return 0;
}

static bool has_key(char *const *argv, const char *key)
{
	for (size_t i = 1; argv[i]; i += 2)
		if (strcmp(argv[i], key) == 0)
			return true;
	return false;
}

static int add_pair(const char *pair, size_t len, struct stdio_uri *uri)
{
	const char *eq = memchr(pair, '=', len);
	size_t key_len = eq ? (size_t)(eq - pair) : len;
	scoped_free char *key = unescape(pair, key_len, true);
	scoped_free char *value = eq ? unescape(eq + 1, len - key_len - 1, true) : xstrdup("");

	if (!key || !value)
		return -1;
	if (has_key(uri->argv, key))
		return 0;
	strv_add(&uri->argv, key);
	strv_add(&uri->argv, value);
	return 0;
}

static int take_query(const char *query, const char *text, struct stdio_uri *uri, struct err *err)
{
	const char *end = query + strcspn(query, "#");

	strv_add(&uri->argv, uri->path);
	while (query < end) {
		size_t len = MIN(strcspn(query, "&"), (size_t)(end - query));

		if (strv_len(uri->argv) > STDIO_ARGS_MAX)
			return err_set(err, ERR_INVALID, "stream '%.128s': more than %d arguments",
				       text, STDIO_ARGS_MAX);
		if (len && add_pair(query, len, uri) < 0)
			return err_set(err, ERR_INVALID, "stream '%.128s': bad escape", text);
		query += len + (query + len < end);
	}
	return 0;
}

static int parse_kind(const char *text, const char *colon, struct stdio_uri *uri, struct err *err)
{
	static const struct {
		const char *scheme;
		enum stdio_kind kind;
	} kinds[] = {
		{ "fifo", STDIO_FIFO },
		{ "file", STDIO_FILE },
		{ "binary", STDIO_LOGGER },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strlen(kinds[i].scheme) == (size_t)(colon - text) &&
		    strncmp(text, kinds[i].scheme, (size_t)(colon - text)) == 0) {
			uri->kind = kinds[i].kind;
			return 0;
		}
	}
	return err_set(err, ERR_UNIMPLEMENTED,
		       "stream '%.128s': a scheme other than fifo, file and binary", text);
}

static int parse(const char *text, struct stdio_uri *uri, struct err *err)
{
	const char *colon = strstr(text, "://");
	size_t len;

	if (!text[0])
		return 0;
	if (text[0] == '/' || !colon) { /* taken as it is, "%" too */
		if (text[0] != '/')
			return err_set(err, ERR_INVALID, "stream '%.128s': not an absolute path",
				       text);
		if (strlen(text) >= PATH_MAX)
			return err_set(err, ERR_INVALID, "stream '%.128s': its path is too long",
				       text);
		uri->kind = STDIO_FIFO;
		uri->path = xstrdup(text);
		return 0;
	}
	if (parse_kind(text, colon, uri, err) < 0)
		return -1;
	len = strcspn(colon + 3, "?#");
	if (take_path(colon + 3, len, text, uri, err) < 0)
		return -1;
	if (uri->kind != STDIO_LOGGER)
		return 0;
	return take_query(colon + 3 + len + (colon[3 + len] == '?'), text, uri, err);
}

int stdio_uri_parse(const char *text, struct stdio_uri *ret, struct err *err)
{
	struct stdio_uri uri = { 0 };

	if (strlen(text) > STDIO_URI_MAX)
		return err_set(err, ERR_INVALID, "stream '%.128s': more than %d bytes", text,
			       STDIO_URI_MAX);
	if (parse(text, &uri, err) < 0) {
		stdio_uri_done(&uri);
		return -1;
	}
	*ret = uri;
	return 0;
}

void stdio_uri_done(struct stdio_uri *uri)
{
	free(uri->path);
	strv_free(uri->argv);
	*uri = (struct stdio_uri){ 0 };
}
