/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest answers: the first byte picks the method of grpc.AgentService, the rest is the
 * message. */
#include "agent.pb-c.h"
#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProtobufCServiceDescriptor *service = &grpc__agent_service__descriptor;

	if (size > 0)
		fuzz_message(service->methods[data[0] % service->n_methods].output, data + 1,
			     size - 1);
	return 0;
}
