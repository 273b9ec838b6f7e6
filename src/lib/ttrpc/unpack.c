/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ttrpc/unpack.h"

#include <stdlib.h>

/*
 * What honest messages need: a pointer and an allocation a string, a struct a nested
 * message. The fixed part lets small ones be as wasteful as they like.
 */
#define BUDGET_FIXED  (64u << 10)
#define BUDGET_FACTOR 16

static void *budget_alloc(void *data, size_t size)
{
	size_t *left = data;

	if (size > *left)
		return NULL;
	*left -= size;
	return malloc(size);
}

static void budget_free(void *data, void *pointer)
{
	(void)data;
	free(pointer);
}

ProtobufCMessage *message_unpack(const ProtobufCMessageDescriptor *desc, const uint8_t *data,
				 size_t len, struct err *err)
{
	size_t left = BUDGET_FIXED + BUDGET_FACTOR * len;
	ProtobufCAllocator allocator = {
		.alloc = budget_alloc,
		.free = budget_free,
		.allocator_data = &left,
	};
	ProtobufCMessage *msg = protobuf_c_message_unpack(desc, &allocator, len, data);

	if (!msg)
		err_set(err, ERR_INVALID, "read message '%s': malformed", desc->name);
	return msg;
}
