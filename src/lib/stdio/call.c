/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/stdio/streams.h"

static void on_ignored(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	(void)arg, (void)payload, (void)len, (void)err;
}

uint64_t stdio_call(struct ttrpc_client *client, const char *service, const char *method,
		    const ProtobufCMessage *req, uint32_t timeout_ms, ttrpc_client_raw_done *done,
		    void *arg)
{
	size_t len = protobuf_c_message_get_packed_size(req);
	scoped_free uint8_t *bytes = xcalloc(1, len + 1);

	protobuf_c_message_pack(req, bytes);
	return ttrpc_client_call_raw(client, service, method, bytes, len, timeout_ms,
				     done ? done : on_ignored, arg);
}
