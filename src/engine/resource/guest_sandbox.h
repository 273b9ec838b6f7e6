/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * guest_sandbox.h - what the guest is told once, before its first container
 *
 * Source: Kata Containers 3.x, contents of CreateSandbox (reference 4.8)
 */
#include <stdbool.h>

#include "agent.pb-c.h"
#include "lib/base/err.h"

struct config;

/* Owned by the caller; released with protobuf_c_message_free_unpacked(). */
Grpc__CreateSandboxRequest *guest_sandbox_make(const char *sandbox_id, const struct config *config,
					       const Grpc__Spec *spec, struct err *err);
