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
 * Spec:   OCI runtime-spec 1.0.2, config.md, "POSIX-platform Hooks"; runtime.md, "State"
 * Limits: a hook without a timeout gets HOOK_TIMEOUT_MS
 */
#include <stddef.h>

#include "engine/engine.h"
#include "lib/base/err.h"
#include "oci.pb-c.h"

#define HOOK_TIMEOUT_MS 120000

struct hooks;

/* ERR_UNIMPLEMENTED naming a hook that cannot be run; ERR_INVALID for a bad one. */
int hooks_check(const Grpc__Spec *spec, struct err *err);

/* One kind of them, in their order; borrowed. */
struct hook_list {
	const char *kind; /* "prestart" */
	Grpc__Hook *const *list;
	size_t n;
};

/*
 * Run them one after another; the first that fails is the last that runs. state is the JSON that
 * each gets on its stdin, copied; the list is borrowed until done, which comes once, from the loop.
 * A hook dies with us.
 */
struct hooks *hooks_start(struct event_base *base, const struct hook_list *hooks, const char *state,
			  engine_done *done, void *arg);
/* Kill the one that runs; done does not come. After done, or NULL: nothing. */
void hooks_cancel(struct hooks *hooks);

/* What a hook is told; two spaces of indent, no final newline. spec may be NULL. */
char *hooks_state(const char *id, const char *status, unsigned int pid, const char *bundle,
		  const Grpc__Spec *spec);
