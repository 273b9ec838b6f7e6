/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * unpack.h - unpack a protobuf message that a peer sent, within limits
 *
 * Two bytes on the wire can ask for an object of hundreds, and a field sent a million
 * times is merged a million times. So what unpacking allocates, freed again or not, is
 * limited to a multiple of the input; that bounds the memory and the time.
 *
 * Trust: the peer may be hostile
 */
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "lib/base/err.h"

/*
 * NULL with ERR_INVALID when the bytes are no such message or go over the limit. The
 * result is released with protobuf_c_message_free_unpacked(msg, NULL).
 */
ProtobufCMessage *message_unpack(const ProtobufCMessageDescriptor *desc, const uint8_t *data,
				 size_t len, struct err *err);

static inline void message_free(ProtobufCMessage *msg)
{
	protobuf_c_message_free_unpacked(msg, NULL);
}
