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

/*
 * Drop what the library kept without understanding it: it takes a field number 0 when that is
 * spelled in two bytes, and writes it back in one, which it then refuses.
 */
static inline void fuzz_drop_unknown(ProtobufCMessage *msg)
{
	const ProtobufCMessageDescriptor *desc = msg->descriptor;

	for (unsigned int i = 0; i < msg->n_unknown_fields; i++)
		free(msg->unknown_fields[i].data);
	free(msg->unknown_fields);
	msg->n_unknown_fields = 0;
	msg->unknown_fields = NULL;
	for (unsigned int i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &desc->fields[i];
		char *member = (char *)msg + field->offset;

		if (field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			size_t n = *(size_t *)(void *)((char *)msg + field->quantifier_offset);

			for (size_t k = 0; k < n; k++)
				fuzz_drop_unknown((*(ProtobufCMessage ***)(void *)member)[k]);
		} else if (*(ProtobufCMessage **)(void *)member) {
			fuzz_drop_unknown(*(ProtobufCMessage **)(void *)member);
		}
	}
}

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
	fuzz_drop_unknown(msg);
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
