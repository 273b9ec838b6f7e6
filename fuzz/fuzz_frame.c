/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fuzz.h"
#include "lib/ttrpc/frame.h"

/* Any ten bytes survive a read and a rewrite unchanged. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[TTRPC_HEADER_LEN];
	struct ttrpc_header h;
	struct err err = ERR_INIT;

	if (size < TTRPC_HEADER_LEN)
		return 0;
	ttrpc_header_read(data, &h);
	ttrpc_header_write(again, &h);
	fuzz_assert(memcmp(data, again, sizeof(again)) == 0);
	fuzz_assert((ttrpc_header_check(&h, &err) < 0) == (h.data_len > TTRPC_DATA_MAX));
	return 0;
}
