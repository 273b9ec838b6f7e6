/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is accepted can be acted on: a process has a pid that is not init's, a network words
 * (fuzz_network_record.c), anything else an absolute path.
 */
#include "engine/persist/journal.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_entry *entries;
	struct err err = ERR_INIT;
	size_t n;

	if (journal_parse((const char *)data, size, &entries, &n, &err) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (entries[i].kind == JOURNAL_PROCESS)
			fuzz_assert(entries[i].pid > 1);
		else if (entries[i].kind != JOURNAL_NETWORK)
			fuzz_assert(entries[i].text[0] == '/');
	}
	journal_entries_free(entries, n);
	return 0;
}
