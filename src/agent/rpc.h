/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * rpc.h - the handlers behind service.h, one function a method
 *
 * Each gets its request under the name of the method and the struct agent, and ends the
 * call exactly once, at once or later.
 */
#include <protobuf-c/protobuf-c.h>

struct ttrpc_call;

typedef void rpc_handler(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg);

/* rpc_health.c */
rpc_handler rpc_check, rpc_version;

/* Answer with Empty, or with err when it is set. */
struct err;
void rpc_end(struct ttrpc_call *call, const struct err *err);
