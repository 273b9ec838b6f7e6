/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * supervisor.h - calls to the kata-proxy of a sandbox
 *
 * Errors: ERR_UNAVAILABLE when there is no supervisor, or it went away meanwhile
 * Blocks: each call until its answer, its deadline, or an interrupt (interrupt.h)
 */
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "agent.pb-c.h"
#include "supervisor.pb-c.h"
#include "task.pb-c.h"

struct supervisor;

/* /run/vc/sbs/<sid> and the socket in it; owned by the caller. */
char *supervisor_dir(const char *sid);
char *supervisor_socket(const char *sid);

struct supervisor *supervisor_open(const char *sid, struct err *err);
void supervisor_close(struct supervisor *s); /* NULL is fine */
void supervisor_close_at(struct supervisor **s);

/* The reply is owned by the caller: protobuf_c_message_free_unpacked(). NULL on failure. */
ProtobufCMessage *supervisor_call(struct supervisor *s, const ProtobufCServiceDescriptor *service,
				  const char *method, const ProtobufCMessage *req,
				  uint32_t timeout_ms, struct err *err);

/* For calls whose answer is only "done". */
int supervisor_tell(struct supervisor *s, const ProtobufCServiceDescriptor *service,
		    const char *method, const ProtobufCMessage *req, uint32_t timeout_ms,
		    struct err *err);

/* Released with protobuf_c_message_free_unpacked(). */
Kata__Supervisor__DescribeResponse *supervisor_describe(struct supervisor *s, const char *cid,
							uint32_t timeout_ms, struct err *err);

#define AGENT_SERVICE      (&grpc__agent_service__descriptor)
#define TASK_SERVICE       (&containerd__task__v2__task__descriptor)
#define SUPERVISOR_SERVICE (&kata__supervisor__supervisor__descriptor)

/* Fill an Any with JSON text, borrowed. kind: "Process", "LinuxResources". */
#define TASK_JSON_URL(kind) "types.containerd.io/opencontainers/runtime-spec/1/" kind
