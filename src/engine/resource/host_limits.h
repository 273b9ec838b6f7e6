/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * host_limits.h - which of a container's limits the host keeps
 *
 * Pure. A container's memory, CPU quota and number of processes are limited in the guest, where
 * its processes are. What speaks of the host's own things can only be kept by the host, for the
 * VM as a whole: its CPUs and memory nodes, the rates of its block devices, the VM's share of
 * the CPUs among other groups.
 */
#include "oci.pb-c.h"

/* For the VM's control group; owned by the caller. NULL when there is nothing to limit. */
Grpc__LinuxResources *host_limits_make(const Grpc__LinuxResources *res);
