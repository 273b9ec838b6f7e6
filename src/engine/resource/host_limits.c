/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/host_limits.h"

#include <stddef.h>

#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

/* The quota is the guest's: here it would count what the machine itself needs to run at all. */
static Grpc__LinuxCPU *make_cpu(const Grpc__LinuxCPU *cpu)
{
	Grpc__LinuxCPU *limits;

	if (!cpu->shares && !cpu->cpus[0] && !cpu->mems[0])
		return NULL;
	limits = xnew(Grpc__LinuxCPU);
	grpc__linux_cpu__init(limits);
	limits->shares = cpu->shares;
	spec_set_string(&limits->cpus, cpu->cpus);
	spec_set_string(&limits->mems, cpu->mems);
	return limits;
}

Grpc__LinuxResources *host_limits_make(const Grpc__LinuxResources *res)
{
	Grpc__LinuxResources *limits = xnew(Grpc__LinuxResources);

	grpc__linux_resources__init(limits);
	if (res->cpu)
		limits->cpu = make_cpu(res->cpu);
	if (res->blockio)
		limits->blockio = message_copy(Grpc__LinuxBlockIO, res->blockio);
	if (!limits->cpu && !limits->blockio)
		message_drop(&limits);
	return limits;
}
