/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * devices.h - which device numbers a container may use in the guest
 *
 * Nothing but the list below, the devices of its own spec and single rules of its
 * resources. "Allow everything", as a privileged container's spec has it, is not
 * followed: what the VM's own disks are is no container's business, CAP_MKNOD or not. "c *:* rw" on its
 * own is refused, since it would not be followed either; "c 10:* rw" is followed.
 *
 * Source: default list of the OCI runtimes; CVE-2020-2023
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct cgroup;

#define DEVICES_RULES_MAX 512

/*
 * A number of the host's means something here only if a driver of the guest has it too, and a disk's
 * is another disk's: such devices are an error that names the first, or left out where everything
 * is allowed and nothing was asked for by name (a privileged container gets all that the host has).
 */
int devices_settle(Grpc__Linux *lx, struct err *err);

int devices_apply(struct cgroup *cg, const Grpc__Linux *lx, struct err *err);

/* Pure part: rules for lx into out (room for DEVICES_RULES_MAX); their number, or -1. */
int devices_plan(const Grpc__Linux *lx, Grpc__LinuxDeviceCgroup *out, struct err *err);
