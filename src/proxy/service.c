/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - kata.supervisor.Supervisor: stand-ins, the OCI state, the timeline
 */
#include <stdint.h>

#include "engine/config/config.h"
#include "engine/engine.h"
#include "lib/base/defs.h"
#include "proxy/proxy.h"
#include "supervisor.pb-c.h"

static void attach_shim(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Kata__Supervisor__AttachShimRequest *req = (const void *)msg;
	Kata__Supervisor__AttachShimResponse resp = KATA__SUPERVISOR__ATTACH_SHIM_RESPONSE__INIT;
	struct err err = ERR_INIT;
	struct container *c = tasks_find(arg, req->id, &err);
	struct process *p = c ? container_find_process(c, req->exec_id, &err) : NULL;

	if (!p || process_attach_shim(p, (pid_t)req->pid, req->start_ticks, &err) < 0)
		ttrpc_fail(call, &err);
	else
		ttrpc_reply(call, &resp.base);
}

static void describe(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Kata__Supervisor__DescribeRequest *req = (const void *)msg;
	Kata__Supervisor__DescribeResponse resp = KATA__SUPERVISOR__DESCRIBE_RESPONSE__INIT;
	struct sandbox *sb = tasks_sandbox(arg);
	struct err err = ERR_INIT;
	struct container *c = tasks_find(arg, req->id, &err);
	const struct config_hypervisor *hv;
	const struct process *init;

	if (!c) {
		ttrpc_fail(call, &err);
		return;
	}
	hv = &sandbox_config(sb)->hypervisor;
	init = container_init(c);
	resp.id = req->id;
	resp.sandbox_id = unconst(sandbox_id(sb));
	resp.status = unconst(container_status_name(container_status(c)));
	resp.pid = (uint32_t)process_shim_pid(init);
	resp.bundle = unconst(container_bundle(c));
	resp.rootfs = unconst(container_rootfs(c));
	resp.created_at_ns = container_created_at_ns(c);
	resp.exit_status = (uint32_t)process_exit(init)->info.status;
	resp.hypervisor_path = hv->path;
	resp.kernel_path = hv->kernel;
	resp.cgroup = unconst(sandbox_cgroup(sb));
	resp.image_path = hv->image[0] ? hv->image : hv->initrd;
	ttrpc_reply(call, &resp.base);
}

struct steps {
	Kata__Supervisor__Step list[64];
	Kata__Supervisor__Step *pointers[64];
	size_t n;
};

static void add_step(void *arg, const char *operation, const char *name, uint64_t took_ns)
{
	struct steps *steps = arg;
	Kata__Supervisor__Step *step = &steps->list[steps->n];

	if (steps->n == ARRAY_LEN(steps->list))
		return;
	kata__supervisor__step__init(step);
	step->operation = unconst(operation);
	step->name = unconst(name);
	step->took_ns = took_ns;
	steps->pointers[steps->n++] = step;
}

static void timeline(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	Kata__Supervisor__TimelineResponse resp = KATA__SUPERVISOR__TIMELINE_RESPONSE__INIT;
	struct sandbox *sb = tasks_sandbox(arg);
	struct steps steps = { .n = 0 };

	(void)msg;
	if (sb)
		sandbox_timeline(sb, add_step, &steps);
	resp.steps = steps.pointers;
	resp.n_steps = steps.n;
	ttrpc_reply(call, &resp.base);
}

static const struct ttrpc_method methods[] = {
	{ "AttachShim", attach_shim },
	{ "Describe", describe },
	{ "Timeline", timeline },
};

struct ttrpc_service supervisor_service(struct tasks *tasks)
{
	return (struct ttrpc_service){
		.desc = &kata__supervisor__supervisor__descriptor,
		.methods = methods,
		.n_methods = ARRAY_LEN(methods),
		.arg = tasks,
	};
}
