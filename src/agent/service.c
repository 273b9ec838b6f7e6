/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service.h"

#include "agent.pb-c.h"
#include "agent/rpc.h"
#include "health.pb-c.h"
#include "lib/base/defs.h"
#include "lib/ttrpc/server.h"

static const struct ttrpc_method health_methods[] = {
	{ "Check", rpc_check },
	{ "Version", rpc_version },
};

static const struct ttrpc_method agent_methods[] = {
	{ "NONE", NULL },
};

const struct ttrpc_service *agent_services(struct agent *agent, size_t *ret_n)
{
	static struct ttrpc_service services[2];

	services[0] = (struct ttrpc_service){
		.desc = &grpc__agent_service__descriptor,
		.methods = agent_methods,
		.n_methods = ARRAY_LEN(agent_methods),
		.arg = agent,
	};
	services[1] = (struct ttrpc_service){
		.desc = &grpc__health__descriptor,
		.methods = health_methods,
		.n_methods = ARRAY_LEN(health_methods),
		.arg = agent,
	};
	*ret_n = ARRAY_LEN(services);
	return services;
}
