/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_sandbox.c - the sandbox as a whole
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "agent.pb-c.h"
#include "agent/agent.h"
#include "agent/container.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/ttrpc/server.h"

#define REMOVE_MS 5000 /* for every container together; then the VM ends all the same */

void rpc_create_sandbox(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__CreateSandboxRequest *req = (const Grpc__CreateSandboxRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	if (sandbox_up(agent->sandbox, req, &err) < 0)
		log_error("sandbox not created", "reason", err.text);
	else
		log_info("sandbox created", "sandbox", agent->sandbox->id);
	rpc_end(call, &err);
}

/* DestroySandbox: every container killed at once, then the end of the agent. */
struct destroy {
	struct agent *agent;
	struct ttrpc_call *call; /* NULL when the caller is gone: the end comes all the same */
	size_t n_left;
};

static void end_destroy(struct destroy *d)
{
	struct err none = ERR_INIT;

	sandbox_down(d->agent->sandbox);
	if (d->call) {
		ttrpc_call_on_cancel(d->call, NULL, NULL);
		rpc_end(d->call, &none);
	}
	agent_stop(d->agent);
	free(d);
}

static void on_removed(void *arg, const struct err *err)
{
	struct destroy *d = arg;

	if (err)
		log_warn("container not removed, going on", "reason", err->text);
	if (--d->n_left == 0)
		end_destroy(d);
}

static void on_destroy_cancelled(void *arg)
{
	struct destroy *d = arg;

	d->call = NULL;
}

void rpc_destroy_sandbox(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	struct agent *agent = arg;
	struct sandbox *sb = agent->sandbox;
	struct destroy *d;
	struct err err = ERR_INIT;

	(void)msg;
	list_for_each(&sb->containers, struct container, node, ctr)
		if (ctr->creating || ctr->removing)
			err_set(&err, ERR_STATE, "container '%s' is being created or removed",
				ctr->id);
	if (err.code != ERR_OK) {
		ttrpc_fail(call, &err);
		return;
	}
	log_info("sandbox ends");
	d = xnew(struct destroy);
	*d = (struct destroy){ .agent = agent, .call = call, .n_left = 1 };
	ttrpc_call_on_cancel(call, on_destroy_cancelled, d);
	list_for_each(&sb->containers, struct container, node, ctr) {
		d->n_left++;
		container_remove(ctr, REMOVE_MS, on_removed, d);
	}
	on_removed(d, NULL); /* the one counted for this function */
}

void rpc_get_oom_event(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	struct agent *agent = arg;

	(void)msg;
	sandbox_wait_oom(agent->sandbox, call);
}
