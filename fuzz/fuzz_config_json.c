/* SPDX-License-Identifier: Apache-2.0 */
/* A specification that was understood says the same after it is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lib/oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *msg = spec_parse(&grpc__spec__descriptor, (const char *)data, size, &err);
	Grpc__Spec *again, *copy;
	size_t len;
	uint8_t *a, *b;
	char *text;

	if (!msg) {
		fuzz_assert(err.code != ERR_OK && err.text[0]);
		return 0;
	}
	(void)spec_check((Grpc__Spec *)msg, &err);
	text = spec_format(msg);
	again = (Grpc__Spec *)spec_parse(&grpc__spec__descriptor, text, strlen(text), &err);
	fuzz_assert(again);
	copy = spec_copy(again);
	len = protobuf_c_message_get_packed_size(msg);
	fuzz_assert(grpc__spec__get_packed_size(copy) == len);
	a = malloc(len + 1);
	b = malloc(len + 1);
	if (!a || !b)
		abort();
	protobuf_c_message_pack(msg, a);
	grpc__spec__pack(copy, b);
	fuzz_assert(memcmp(a, b, len) == 0);
	free(a);
	free(b);
	free(text);
	grpc__spec__free_unpacked(copy, NULL);
	grpc__spec__free_unpacked(again, NULL);
	protobuf_c_message_free_unpacked(msg, NULL);
	return 0;
}
