/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found is a loopback address, and was in the text.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/resource/resolv_conf.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char found[DNS_ADDRESS_TEXT];
	struct dns_address address;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (resolv_conf_loopback(text, found)) {
		fuzz_assert(strstr(text, found));
		fuzz_assert(dns_loopback_parse(found, &address));
	}
	free(text);
	return 0;
}
