/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home is absolute and was in the text, and how the text is cut makes no difference. The
 * first byte is the user, the second where to cut.
 */
#include <string.h>

#include "agent/launch/passwd.h"
#include "fuzz.h"

static void search(struct passwd_search *s, const char *text, size_t size, size_t cut)
{
	passwd_feed(s, text, cut);
	passwd_feed(s, text + cut, size - cut);
	passwd_feed(s, "\n", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct passwd_search whole = { 0 }, parts = { 0 };
	const char *text = (const char *)data + 2;

	if (size < 2)
		return 0;
	/* Digits are what a corpus can be written with. */
	whole.uid = parts.uid = (uid_t)data[0] - '0';
	size -= 2;
	search(&whole, text, size, 0);
	search(&parts, text, size, data[1] < size ? data[1] : size);
	fuzz_assert(whole.found == parts.found);
	if (!whole.found)
		return 0;
	fuzz_assert(strcmp(whole.home, parts.home) == 0);
	fuzz_assert(whole.home[0] == '/' && memmem(text, size, whole.home, strlen(whole.home)));
	return 0;
}
