/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_container.c - life and limits of one container
 */
#include <string.h>

#include "agent.pb-c.h"
#include "agent/agent.h"
#include "agent/check.h"
#include "agent/container.h"
#include "agent/netstat.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"
#include "lib/log/log.h"
#include "lib/ttrpc/server.h"

#define FREEZE_WAIT_MS     2000
#define REMOVE_TIMEOUT_MAX 86400 /* seconds */

static size_t count(const struct sandbox *sb)
{
	size_t n = 0;

	list_for_each(&sb->containers, struct container, node, ctr)
		n++;
	return n;
}

static int check_create(struct sandbox *sb, const Grpc__CreateContainerRequest *req,
			struct err *err)
{
	struct err not_found = ERR_INIT;

	if (check_id("container id", req->container_id, err) < 0)
		return -1;
	if (strcmp(req->container_id, "sandbox") == 0 || strcmp(req->container_id, "shared") == 0)
		return err_set(err, ERR_INVALID, "container id '%s' is the agent's own",
			       req->container_id);
	if (*req->exec_id && check_id("exec id", req->exec_id, err) < 0)
		return -1;
	if (!sb->up)
		return err_set(err, ERR_STATE, "there is no sandbox yet");
	if (sandbox_find(sb, req->container_id, &not_found))
		return err_set(err, ERR_EXISTS, "container '%s' is there already",
			       req->container_id);
	if (count(sb) >= SANDBOX_CONTAINERS_MAX)
		return err_set(err, ERR_EXHAUSTED, "more than %d containers",
			       SANDBOX_CONTAINERS_MAX);
	return 0;
}

void rpc_create_container(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__CreateContainerRequest *req = (const Grpc__CreateContainerRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	if (check_create(agent->sandbox, req, &err) < 0)
		ttrpc_fail(call, &err);
	else
		container_create(agent, call, req);
}

/* A call that waits for a step of a process or a container, and may be left by its caller. */
struct pending {
	struct ttrpc_call *call; /* NULL when the caller is gone */
	struct container *ctr;   /* of a start: it is there until the start is told */
	char *id;
};

static void on_pending_cancelled(void *arg)
{
	struct pending *p = arg;

	p->call = NULL;
}

static struct pending *pending_new(struct ttrpc_call *call, const char *id)
{
	struct pending *p = xnew(struct pending);

	*p = (struct pending){ .call = call, .id = xstrdup(id) };
	ttrpc_call_on_cancel(call, on_pending_cancelled, p);
	return p;
}

static void pending_end(struct pending *p, const struct err *err)
{
	if (p->call) {
		ttrpc_call_on_cancel(p->call, NULL, NULL);
		rpc_end(p->call, err);
	}
	free(p->id);
	free(p);
}

static void on_started(void *arg, const struct err *why)
{
	struct pending *p = arg;
	struct err err = why ? *why : ERR_INIT;

	if (why) {
		log_error("container not started", "container", p->id, "reason", err.text);
	} else {
		log_info("container started", "container", p->id);
		container_run_hooks(p->ctr, "poststart", "running");
	}
	pending_end(p, &err);
}

void rpc_start_container(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__StartContainerRequest *req = (const Grpc__StartContainerRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, req->container_id, &err);
	struct pending *p;

	if (!ctr || container_check(ctr, true, &err) < 0) {
		ttrpc_fail(call, &err);
		return;
	}
	p = pending_new(call, ctr->id);
	p->ctr = ctr;
	if (process_start(ctr->init, on_started, p, &err) < 0)
		pending_end(p, &err);
}

static void on_removed(void *arg, const struct err *err)
{
	pending_end(arg, err);
}

void rpc_remove_container(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__RemoveContainerRequest *req = (const Grpc__RemoveContainerRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, req->container_id, &err);

	if (ctr && (ctr->creating || ctr->removing))
		err_set(&err, ERR_STATE, "container '%s' is being %s", ctr->id,
			ctr->creating ? "created" : "removed");
	if (err.code != ERR_OK) {
		ttrpc_fail(call, &err);
		return;
	}
	container_remove(ctr, MIN(req->timeout, (uint32_t)REMOVE_TIMEOUT_MAX) * 1000, on_removed,
			 pending_new(call, ctr->id));
}

void rpc_update_container(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__UpdateContainerRequest *req = (const Grpc__UpdateContainerRequest *)msg;
	struct agent *agent = arg;
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, req->container_id, &err);

	if (!ctr || container_check(ctr, true, &err) < 0)
		;
	else if (!req->resources)
		err_set(&err, ERR_INVALID, "update container '%s': no resources", ctr->id);
	else if (cgroup_apply(ctr->cgroup, req->resources, &err) < 0)
		err_wrap(&err, "update container '%s'", ctr->id);
	rpc_end(call, &err);
}

static void freeze(struct ttrpc_call *call, struct agent *agent, const char *id, bool frozen)
{
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, id, &err);

	if (ctr && ctr->paused && frozen)
		err_set(&err, ERR_STATE, "container '%s' is paused", id);
	else if (ctr && !ctr->paused && !frozen)
		err_set(&err, ERR_STATE, "container '%s' is not paused", id);
	else if (ctr && frozen && container_check(ctr, false, &err) < 0)
		;
	else if (ctr && cgroup_freeze(ctr->cgroup, frozen, FREEZE_WAIT_MS, &err) == 0)
		ctr->paused = frozen;
	rpc_end(call, &err);
}

void rpc_pause_container(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	freeze(call, arg, ((const Grpc__PauseContainerRequest *)msg)->container_id, true);
}

void rpc_resume_container(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	freeze(call, arg, ((const Grpc__ResumeContainerRequest *)msg)->container_id, false);
}

void rpc_stats_container(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__StatsContainerRequest *req = (const Grpc__StatsContainerRequest *)msg;
	struct agent *agent = arg;
	Grpc__StatsContainerResponse *resp;
	struct err err = ERR_INIT;
	struct container *ctr = sandbox_find(agent->sandbox, req->container_id, &err);

	if (ctr && !ctr->cgroup)
		err_set(&err, ERR_STATE, "container '%s' is being created", ctr->id);
	if (err.code != ERR_OK) {
		ttrpc_fail(call, &err);
		return;
	}
	resp = xnew(Grpc__StatsContainerResponse);
	grpc__stats_container_response__init(resp);
	resp->cgroup_stats = cgroup_stats(ctr->cgroup, &err);
	if (resp->cgroup_stats) {
		resp->network_stats = netstat_read(&resp->n_network_stats);
		ttrpc_reply(call, &resp->base);
	} else {
		ttrpc_fail(call, &err);
	}
	grpc__stats_container_response__free_unpacked(resp, NULL);
}
