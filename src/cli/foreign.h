/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * foreign.h - namespaces of processes that a VM of its own cannot be in
 *
 * --pid container:X, --ipc container:X and their like name a namespace of a process on
 * this host. In the pod's VM that means the pod's; from another VM nothing leads there, and to run
 * as if it did would be a lie.
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct config;

/*
 * For the first container of a sandbox: ERR_UNIMPLEMENTED naming the namespace. A config.json that
 * asks for no network namespace means the caller's (podman run --network host).
 */
int foreign_check(const struct config *config, const Grpc__Spec *spec, struct err *err);
