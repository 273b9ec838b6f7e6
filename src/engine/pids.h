/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * pids.h - whose processes a container is to see
 *
 * A container that joins a pid namespace has its path, "/proc/PID/ns/pid", and PID is what a front
 * end was told to be some container's process. A stand-in (kata-shim) is one container's. The VM's
 * process, which containerd is told for every container, can be any: when containers of the pod
 * share one namespace, that is meant, which the first of them shows by having a path already.
 * Otherwise somebody looks into a living container (an ephemeral container with a target), and it
 * can be told which one only when there is but one.
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct container;

/*
 * The container to join, to be told the guest with pids_set_target(); NULL: none, the sandbox's
 * namespace or one of its own as the spec has it. ERR_UNIMPLEMENTED: there are several that can be
 * meant. Once a container, in the order in which they are made. Borrowed for the call.
 */
int pids_choose(const struct container *c, const struct container **ret, struct err *err);

/* Pure: a namespace of the guest's spec. Agents of others fail for want of the path. */
void pids_set_target(Grpc__Spec *guest_spec, const char *container_id);
