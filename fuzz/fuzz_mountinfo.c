/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every line that is accepted has all its strings, none of them longer than the input, and
 * the cursor never runs past the end.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lib/base/mountinfo.h"

static void check(const char *s, size_t size)
{
	fuzz_assert(s && strlen(s) <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *at = text;
	struct mountinfo m;
	struct err err = ERR_INIT;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	while (mountinfo_next(&at, &m, &err) > 0) {
		check(m.root, size);
		check(m.target, size);
		check(m.options, size);
		check(m.propagation, size);
		check(m.type, size);
		check(m.source, size);
		check(m.super_options, size);
		(void)mountinfo_has_option(m.super_options, "cpu");
	}
	fuzz_assert(at <= text + size);
	free(text);
	return 0;
}
