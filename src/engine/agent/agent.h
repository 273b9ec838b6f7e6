/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * agent.h - the supervisor's only connection to the agent in the guest
 *
 * The border at which the agent's messages begin: callers give strings and numbers or a
 * spec, answers come back as struct err and, where there is one, a number; statistics come as they
 * are. Calls whose answer nobody here reads (process lists) are passed through on agent_client();
 * agent_call() is for modules of the engine that own a part of the protocol themselves.
 *
 * Spec:   protocols/agent.proto
 * Trust:  the agent is the guest's: its answers are bounded by lib/ttrpc, its error texts
 *         are shown but never interpreted
 * Owns:   the connection
 * Errors: the agent's own code and words; ERR_UNAVAILABLE when it is gone, ERR_TIMEOUT
 * Thread: the loop's; every callback comes from the loop, none after agent_free()
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.pb-c.h"
#include "lib/base/err.h"

struct agent;
struct event_base;
struct ttrpc_client;

#define AGENT_TIMEOUT_MS 60000u /* Kata's default for a call */
#define AGENT_SIGNAL_MS  3000u  /* a signal must be answered while somebody waits for `kill` */
#define AGENT_REMOVE_MS  10000u
#define AGENT_STATS_MS   3000u  /* somebody asks every container in turn */

/* NULL where a call takes one: the answer does not matter. */
typedef void agent_done(void *arg, const struct err *err);
typedef void agent_waited(void *arg, int status, const struct err *err);
/* stats is borrowed, NULL on failure. */
typedef void agent_counted(void *arg, const Grpc__StatsContainerResponse *stats,
			   const struct err *err);
/* resp has the method's own type and is borrowed, NULL on failure. */
typedef void agent_answered(void *arg, const ProtobufCMessage *resp, const struct err *err);

/* on_lost: the channel closed by itself; the agent may be freed in it. */
struct agent *agent_new(struct event_base *base, agent_done *on_lost, void *arg);

/* Every call on the channel that was answered or has failed; fn must not free the agent. */
void agent_watch_calls(struct agent *agent,
		       void (*fn)(void *arg, const char *method, uint64_t took_ns), void *arg);

/*
 * Connect to "unix://PATH" and call Health.Check; done when the guest has answered. The
 * address comes from the VM's plan. "vsock://CID:PORT" is tried again, within the same deadline, each
 * time agent_announced() tells that the guest's end has come up.
 */
void agent_dial(struct agent *agent, const char *address, uint32_t timeout_ms, agent_done *done,
		void *arg);
/* The console said that the agent listens. Nothing unless a vsock dial waits. */
void agent_announced(struct agent *agent);
/*
 * Give the channel up: every pending call fails with why's text, ERR_UNAVAILABLE, from the
 * loop, and so does every later one. on_lost is not called.
 */
void agent_abort(struct agent *agent, const struct err *why);
/* Forget the pending calls made with arg: whoever they would tell is going away. */
void agent_forget(struct agent *agent, const void *arg);
void agent_free(struct agent *agent); /* silent; NULL is fine */

struct ttrpc_client *agent_client(const struct agent *agent); /* NULL before the dial is done */
/* Where the connection stands: NULL in there while there is none. As long as the agent. */
struct ttrpc_client *const *agent_client_at(const struct agent *agent);

void agent_create_sandbox(struct agent *agent, const Grpc__CreateSandboxRequest *req,
			  agent_done *done, void *arg);
void agent_create_container(struct agent *agent, const Grpc__CreateContainerRequest *req,
			    uint32_t timeout_ms, agent_done *done, void *arg);
void agent_start_container(struct agent *agent, const char *id, agent_done *done, void *arg);
void agent_remove_container(struct agent *agent, const char *id, agent_done *done, void *arg);
void agent_exec(struct agent *agent, const char *id, const char *exec_id,
		const Grpc__Process *process, agent_done *done, void *arg);
/* exec_id "": every process of the container. */
void agent_signal(struct agent *agent, const char *id, const char *exec_id, int sig,
		  agent_done *done, void *arg);
/* No deadline: as long as the process lives. */
void agent_wait(struct agent *agent, const char *id, const char *exec_id, agent_waited *done,
		void *arg);
void agent_resize(struct agent *agent, const char *id, const char *exec_id, uint32_t rows,
		  uint32_t columns, agent_done *done, void *arg);
void agent_pause(struct agent *agent, const char *id, agent_done *done, void *arg);
void agent_resume(struct agent *agent, const char *id, agent_done *done, void *arg);
void agent_update(struct agent *agent, const char *id, const Grpc__LinuxResources *res,
		  agent_done *done, void *arg);
void agent_stats(struct agent *agent, const char *id, agent_counted *done, void *arg);

/*
 * Any method of any service of the agent's, for callers that read the answer themselves. The
 * method must exist in the service; the request is packed before this returns; timeout_ms 0: none.
 */
void agent_call(struct agent *agent, const ProtobufCServiceDescriptor *service, const char *method,
		const ProtobufCMessage *req, uint32_t timeout_ms, agent_answered *done, void *arg);

/* A container was hit by the OOM killer; asked again after each. id is bounded and checked. */
typedef void agent_oom(void *arg, const char *container_id);
void agent_watch_oom(struct agent *agent, agent_oom *fn, void *arg);
