/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a guest calls its metrics: every line that passes is about the guest, and what has
 * passed once passes again as it is.
 */
#include <string.h>

#include "fuzz.h"
#include "lib/base/str.h"
#include "management/guest_metrics.h"

static void check_line(const char *line, size_t len)
{
	static const char *const starts[] = { "# TYPE kata_agent_", "# TYPE kata_guest_",
					      "# HELP kata_agent_", "# HELP kata_guest_",
					      "kata_agent_",        "kata_guest_" };
	bool found = false;

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		found = found || (len > strlen(starts[i]) &&
				  memcmp(line, starts[i], strlen(starts[i])) == 0);
	fuzz_assert(found);
	for (size_t i = 0; i < len; i++)
		fuzz_assert((line[i] >= ' ' && line[i] <= '~') || line[i] == '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str once = { 0 }, twice = { 0 };
	const char *at;

	guest_metrics_add(&once, (const char *)data, size);
	fuzz_assert(once.len <= 2 * size + 16);
	for (at = str_get(&once); *at;) {
		size_t len = strcspn(at, "\n");

		fuzz_assert(at[len] == '\n');
		check_line(at, len);
		at += len + 1;
	}
	guest_metrics_add(&twice, str_get(&once), once.len);
	fuzz_assert(once.len == twice.len && strcmp(str_get(&once), str_get(&twice)) == 0);
	str_done(&once);
	str_done(&twice);
	return 0;
}
