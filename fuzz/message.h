/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * message.h - what must hold for every message that a peer may send
 */
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lib/ttrpc/unpack.h"

/* A message that was understood says the same after it is packed and unpacked again. */
static inline void fuzz_message(const ProtobufCMessageDescriptor *desc, const uint8_t *data,
				size_t size)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *msg = message_unpack(desc, data, size, &err);
	ProtobufCMessage *again;
	uint8_t *packed, *repacked;
	size_t len;

	if (!msg) {
		fuzz_assert(err.code == ERR_INVALID && err.text[0]);
		return;
	}
	len = protobuf_c_message_get_packed_size(msg);
	packed = malloc(len + 1);
	repacked = malloc(len + 1);
	if (!packed || !repacked)
		abort();
	fuzz_assert(protobuf_c_message_pack(msg, packed) == len);
	message_free(msg);
	again = protobuf_c_message_unpack(desc, NULL, len, packed);
	fuzz_assert(again);
	fuzz_assert(protobuf_c_message_get_packed_size(again) == len);
	fuzz_assert(protobuf_c_message_pack(again, repacked) == len);
	fuzz_assert(memcmp(packed, repacked, len) == 0);
	message_free(again);
	free(packed);
	free(repacked);
}
