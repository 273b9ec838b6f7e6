/* SPDX-License-Identifier: Apache-2.0 */
#include "kata-shim/shim.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"

struct call {
	struct list node;
	const ProtobufCMessageDescriptor *resp_desc;
	shim_done *done;
	void *arg;
};

static void on_reply(void *arg, const uint8_t *payload, size_t len, const struct err *err)
{
	struct call call = *(struct call *)arg;
	struct err bad = ERR_INIT;
	ProtobufCMessage *resp = NULL;

	list_remove(&((struct call *)arg)->node);
	free(arg);
	if (!call.done)
		return;
	if (!err && call.resp_desc) {
		resp = protobuf_c_message_unpack(call.resp_desc, NULL, len, payload);
		if (!resp) {
			(void)err_set(&bad, ERR_INTERNAL, "read '%s'", call.resp_desc->name);
			err = &bad;
		}
	}
	call.done(call.arg, resp, err);
	protobuf_c_message_free_unpacked(resp, NULL);
}

void shim_call(struct shim *shim, const char *service, const char *method,
	       const ProtobufCMessage *req, uint32_t timeout_ms,
	       const ProtobufCMessageDescriptor *resp_desc, shim_done *done, void *arg)
{
	struct call *call = xnew(struct call);

	*call = (struct call){ .resp_desc = resp_desc, .done = done, .arg = arg };
	list_add(&shim->calls, &call->node);
	(void)stdio_call(shim->client, service, method, req, timeout_ms, on_reply, call);
}

void shim_drop_calls(struct shim *shim)
{
	list_for_each_safe(&shim->calls, struct call, node, call) {
		list_remove(&call->node);
		free(call);
	}
}
