/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_stream.c - standard streams; see streams.h for when they end
 */
#include "agent.pb-c.h"
#include "agent/agent.h"
#include "agent/container.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "lib/ttrpc/server.h"

/* NULL after the call was ended. */
static struct process *find(struct ttrpc_call *call, struct agent *agent, const char *container_id,
			    const char *exec_id)
{
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, container_id, &err);
	struct process *p = ctr ? container_find_process(ctr, exec_id, &err) : NULL;

	if (p && p->state == PROCESS_CREATING) {
		err_set(&err, ERR_STATE, "process '%s' is being created", p->id);
		p = NULL;
	}
	if (!p)
		ttrpc_fail(call, &err);
	return p;
}

void rpc_write_stdin(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__WriteStreamRequest *req = (const Grpc__WriteStreamRequest *)msg;
	struct process *p = find(call, arg, req->container_id, req->exec_id);

	if (p)
		input_write(&p->in, call, req->data);
}

void rpc_close_stdin(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__CloseStdinRequest *req = (const Grpc__CloseStdinRequest *)msg;
	struct process *p = find(call, arg, req->container_id, req->exec_id);

	if (!p)
		return;
	input_close(&p->in);
	rpc_end(call, NULL);
}

void rpc_read_stdout(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__ReadStreamRequest *req = (const Grpc__ReadStreamRequest *)msg;
	struct process *p = find(call, arg, req->container_id, req->exec_id);

	if (p)
		output_read(&p->out, call, req->len);
}

void rpc_read_stderr(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__ReadStreamRequest *req = (const Grpc__ReadStreamRequest *)msg;
	struct process *p = find(call, arg, req->container_id, req->exec_id);

	if (p)
		output_read(&p->errors, call, req->len);
}
