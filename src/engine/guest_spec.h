/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * guest_spec.h - the one place where a container's spec is changed for the guest
 *
 * Pure. Host paths become guest paths, what belongs to the host (hooks, host cgroup
 * numbers, host namespaces, labels of the host's security modules) is taken out.
 *
 * Source: the constraints that Kata Containers 3.x puts on a spec (reference "spec
 *         constraints"). Departures: pids limit and device rules stay, because the guest
 *         enforces them (CVE-2020-2023).
 */
#include <stdbool.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

struct config;
struct volumes;

struct guest_spec {
	Grpc__Spec *spec;   /* owned */
	bool sandbox_pidns; /* join the sandbox's pid namespace */
};

int guest_spec_make(const Grpc__Spec *spec, const char *container_id, const struct config *config,
		    const struct volumes *volumes, struct guest_spec *ret, struct err *err);
void guest_spec_done(struct guest_spec *guest);

/* Resources constrained the same way, for an update of a running container; owned by the caller. */
Grpc__LinuxResources *guest_resources_make(const Grpc__LinuxResources *res);
