/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of framed messages is cut the same way wherever its bytes are cut, whole messages have
 * no byte in common, and a query that is failed is an answer to itself.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lib/dns/message.h"

static void look_at(const uint8_t *message, size_t len)
{
	uint8_t *copy;

	if (!dns_is_query(message, len))
		return;
	fuzz_assert(!dns_is_answer(message, len, message));
	copy = malloc(len);
	if (!copy)
		return;
	memcpy(copy, message, len);
	dns_fail(copy, len);
	fuzz_assert(dns_is_answer(copy, len, message) && !dns_is_query(copy, len));
	fuzz_assert(len == DNS_HEADER_LEN ||
		    memcmp(copy + 4, message + 4, len - 4) == 0); /* the question stays */
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const uint8_t *message, *again;
		size_t len, len_again;
		size_t taken = dns_frame_find(data + at, size - at, &message, &len);

		if (taken == 0)
			break;
		fuzz_assert(message == data + at + DNS_LENGTH_LEN && taken == DNS_LENGTH_LEN + len);
		fuzz_assert(len <= DNS_MESSAGE_MAX && at + taken <= size);
		fuzz_assert(dns_frame_find(data + at, taken - 1, &again, &len_again) == 0);
		fuzz_assert(dns_frame_find(data + at, taken, &again, &len_again) == taken);
		look_at(message, len);
		at += taken;
	}
	look_at(data, size); /* a datagram */
	return 0;
}
