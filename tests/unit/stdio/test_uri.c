/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/stdio/uri.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void each_kind_has_its_path(void **state)
{
	static const struct {
		const char *text;
		enum stdio_kind kind;
		const char *path;
	} rows[] = {
		{ "", STDIO_NONE, NULL },
		{ "/run/a%20b", STDIO_FIFO, "/run/a%20b" },
		{ "/x://y", STDIO_FIFO, "/x://y" },
		{ "fifo:///run/a%20b", STDIO_FIFO, "/run/a b" },
		{ "file:///var/log/x", STDIO_FILE, "/var/log/x" },
		{ "file:///a+b?c=d#e", STDIO_FILE, "/a+b" },
		{ "binary:///bin/x%2fy#z", STDIO_LOGGER, "/bin/x/y" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		struct stdio_uri uri;

		assert_int_equal(stdio_uri_parse(rows[i].text, &uri, &err), 0);
		assert_int_equal(uri.kind, rows[i].kind);
		if (rows[i].path)
			assert_string_equal(uri.path, rows[i].path);
		else
			assert_null(uri.path);
		stdio_uri_done(&uri);
	}
}

static char *join(char *const *argv)
{
	struct str s = { 0 };

	for (size_t i = 0; argv[i]; i++)
		str_addf(&s, "%s%s", i ? "|" : "", argv[i]);
	return str_take(&s);
}

static void a_logger_has_keys_and_values_for_arguments(void **state)
{
	static const struct {
		const char *text, *argv;
	} rows[] = {
		{ "binary:///l", "/l" },
		{ "binary:///l?", "/l" },
		{ "binary:///l?a", "/l|a|" },
		{ "binary:///l?a=b", "/l|a|b" },
		{ "binary:///l?a=b=c&d=&=e", "/l|a|b=c|d|||e" },
		{ "binary:///l?a=1&b=2&a=3", "/l|a|1|b|2" },
		{ "binary:///l?&&a=x+y%2B%26&", "/l|a|x y+&" },
		{ "binary:///l?a=b#c=d", "/l|a|b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;
		scoped_free char *got = NULL;
		struct stdio_uri uri;

		assert_int_equal(stdio_uri_parse(rows[i].text, &uri, &err), 0);
		got = join(uri.argv);
		assert_string_equal(got, rows[i].argv);
		stdio_uri_done(&uri);
	}
}

static void expect_refusal(const char *text, enum err_code code, const char *part)
{
	struct err err = ERR_INIT;
	struct stdio_uri uri;

	assert_int_equal(stdio_uri_parse(text, &uri, &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, part));
}

static void what_cannot_be_understood_is_refused(void **state)
{
	struct str text = { 0 };

	(void)state;
	expect_refusal("x", ERR_INVALID, "stream 'x': not an absolute path");
	expect_refusal("npipe:////./x", ERR_UNIMPLEMENTED, "npipe");
	expect_refusal("File:///x", ERR_UNIMPLEMENTED, "File");
	expect_refusal("file://host/x", ERR_INVALID, "not absolute");
	expect_refusal("binary://", ERR_INVALID, "not absolute");
	expect_refusal("file:///x%0", ERR_INVALID, "bad escape");
	expect_refusal("file:///x%00y", ERR_INVALID, "bad escape");
	expect_refusal("binary:///x?a=%zz", ERR_INVALID, "bad escape");
	expect_refusal("binary:///x?%", ERR_INVALID, "bad escape");
	str_add(&text, "binary:///x?");
	for (int i = 0; i < STDIO_ARGS_MAX; i++)
		str_addf(&text, "k%d&", i);
	expect_refusal(str_get(&text), ERR_INVALID, "more than 128 arguments");
	while (text.len <= STDIO_URI_MAX)
		str_add(&text, "/a");
	expect_refusal(str_get(&text), ERR_INVALID, "bytes");
	expect_refusal(str_get(&text) + text.len - 5000, ERR_INVALID, "too long");
	str_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_path),
		cmocka_unit_test(a_logger_has_keys_and_values_for_arguments),
		cmocka_unit_test(what_cannot_be_understood_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
