/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * hooks.h - the OCI hooks that run on the host
 *
 * prestart and createRuntime run before the VM is started, when the network namespace
 * exists and the supervisor is in it (state.pid is the supervisor: docker's hook puts an
 * interface into that process's namespace). poststart runs after the program was started, poststop
 * after the container was removed; their failures are warnings, as the specification asks.
 * startContainer's programs are in the image: the guest runs them. createContainer's would be
 * programs of the host in the container's namespaces, which are not on the host: refused.
 *
 * Spec:   OCI runtime-spec 1.0.2, config.md, "POSIX-platform Hooks"
 * Limits: a hook without a timeout gets HOOK_TIMEOUT_MS
 * Blocks: until the hooks have ended, or an interrupt
 */
#include <stddef.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

#define HOOK_TIMEOUT_MS 120000

/* ERR_UNIMPLEMENTED naming a hook that cannot be run; ERR_INVALID for a bad one. */
int hooks_check(const Grpc__Spec *spec, struct err *err);

/* state is the JSON that each gets on stdin. Stops at the first that fails. */
int hooks_run(const char *kind, Grpc__Hook *const *hooks, size_t n, const char *state,
	      struct err *err);
