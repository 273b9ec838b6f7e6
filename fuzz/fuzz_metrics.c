/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest says of its containers becomes, whatever it is, a message that containerd can read:
 * it unpacks, and to the same bytes again.
 */
#include <stdlib.h>
#include <string.h>

#include "agent.pb-c.h"
#include "fuzz.h"
#include "lib/ttrpc/unpack.h"
#include "task/metrics.h"

static void check(ProtobufCMessage *metrics)
{
	const size_t len = protobuf_c_message_get_packed_size(metrics);
	uint8_t *packed = malloc(len + 1), *again = malloc(len + 1);
	ProtobufCMessage *copy;

	if (!packed || !again)
		abort();
	protobuf_c_message_pack(metrics, packed);
	copy = protobuf_c_message_unpack(metrics->descriptor, NULL, len, packed);
	if (!copy || protobuf_c_message_get_packed_size(copy) != len)
		__builtin_trap();
	protobuf_c_message_pack(copy, again);
	if (memcmp(packed, again, len) != 0)
		__builtin_trap();
	free(packed);
	free(again);
	protobuf_c_message_free_unpacked(copy, NULL);
	protobuf_c_message_free_unpacked(metrics, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err ignored = ERR_INIT;
	ProtobufCMessage *stats =
		message_unpack(&grpc__stats_container_response__descriptor, data, size, &ignored);

	if (!stats)
		return 0;
	check(metrics_v1((const void *)stats));
	check(metrics_v2((const void *)stats));
	message_free(stats);
	return 0;
}
