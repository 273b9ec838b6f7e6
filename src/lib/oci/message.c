/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/oci/message.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

/* Through the wire form: the generated code has no copy of its own. */
ProtobufCMessage *message_copy_any(const ProtobufCMessage *msg)
{
	size_t len = protobuf_c_message_get_packed_size(msg);
	scoped_free uint8_t *packed = xcalloc(1, len);
	ProtobufCMessage *copy;

	protobuf_c_message_pack(msg, packed);
	copy = protobuf_c_message_unpack(msg->descriptor, NULL, len, packed);
	if (!copy)
		abort(); /* what we packed ourselves unpacks, unless memory is gone */
	return copy;
}

void message_append(void *list_ptr, size_t *n, void *msg)
{
	void ***list = list_ptr;

	*list = xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = msg;
}
