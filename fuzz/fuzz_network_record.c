/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is accepted can be acted on (a link's number, names that are safe in a path of sysfs, an
 * absolute path or none) and is written again as it was read.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/resource/network/endpoint_priv.h"
#include "fuzz.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct endpoint_record record, again;
	scoped_free char *text = xstrndup((const char *)data, size);
	scoped_free char *written = NULL;
	struct err err = ERR_INIT;

	if (endpoint_record_parse(text, &record, &err) < 0)
		return 0;
	fuzz_assert(record.link > 0);
	fuzz_assert(!record.pci[0] || physical_is_address(record.pci));
	fuzz_assert(!strchr(record.driver, '/') && strcmp(record.driver, "..") != 0);
	fuzz_assert(!record.path[0] || record.path[0] == '/');
	written = endpoint_record_format(&record);
	fuzz_assert(endpoint_record_parse(written, &again, &err) == 0);
	fuzz_assert(record.netns == again.netns && record.link == again.link &&
		    record.model == again.model && strcmp(record.name, again.name) == 0 &&
		    strcmp(record.pci, again.pci) == 0 && strcmp(record.driver, again.driver) == 0 &&
		    strcmp(record.path, again.path) == 0);
	return 0;
}
