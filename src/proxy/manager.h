/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * manager.h - tell a container's manager what it does not ask for
 *
 * Docker learns of an OOM kill from a control group of the host, whose kernel knows of none: it was
 * in the guest. So its containerd is told by the event TaskOOM on its ttrpc socket, as its shim
 * would publish it. podman and CRI-O find a file (task/oom_file.h).
 *
 * Source: containerd runtime v2, "Events"
 * Errors: are logged: the container's end does not depend on it
 */
#include <stdbool.h>

#include "oci.pb-c.h"

struct event_base;
struct manager;

/* address is containerd's socket, borrowed for the call; NULL or "": nobody to publish to. */
struct manager *manager_new(struct event_base *base, const char *address);
void manager_free(struct manager *manager);

void manager_tell_oom(struct manager *manager, const char *id, const char *bundle,
		      const Grpc__Spec *spec);

/* Did one of them make the container, and not somebody by hand? Pure. */
bool manager_made(const char *bundle, const Grpc__Spec *spec);

/*
 * containerd's namespace that a bundle is in, by its place (".../io.containerd.runtime.v2.task/
 * NAMESPACE/ID"); NULL: containerd did not make it. Pure. Owned by the caller.
 */
char *manager_namespace(const char *bundle);
