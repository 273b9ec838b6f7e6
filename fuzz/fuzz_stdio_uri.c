/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is the URI of a stream. What is understood has an absolute path, and a logger has its
 * path and pairs for arguments, no key twice.
 */
#include <string.h>

#include "engine/stdio/uri.h"
#include "fuzz.h"
#include "lib/base/mem.h"

static void check_logger(const struct stdio_uri *uri)
{
	size_t n = strv_len(uri->argv);

	fuzz_assert(n % 2 == 1 && n <= STDIO_ARGS_MAX + 1);
	fuzz_assert(strcmp(uri->argv[0], uri->path) == 0);
	for (size_t i = 1; i < n; i += 2)
		for (size_t j = i + 2; j < n; j += 2)
			fuzz_assert(strcmp(uri->argv[i], uri->argv[j]) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped_free char *text = xstrndup((const char *)data, size);
	struct stdio_uri uri;
	struct err err = ERR_INIT;

	if (stdio_uri_parse(text, &uri, &err) < 0) {
		fuzz_assert(err.code != ERR_OK && err.text[0]);
		return 0;
	}
	fuzz_assert((uri.kind == STDIO_NONE) == (text[0] == '\0'));
	fuzz_assert(uri.kind == STDIO_NONE || uri.path[0] == '/');
	fuzz_assert((uri.kind == STDIO_LOGGER) == (uri.argv != NULL));
	if (uri.argv)
		check_logger(&uri);
	stdio_uri_done(&uri);
	return 0;
}
