/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * dan.h - network devices that a file describes, rather than the pod's namespace (DAN, "directly
 * attachable network")
 *
 * A CNI plugin that has no link to show (a virtual switch in user space, a function of a card, a
 * tap that it will feed itself) writes <dan_conf>/<sandbox>.json: each device, and what the guest is
 * to be told of it. Such a sandbox gets these devices and no others.
 *
 *	host-tap    a tap in the network namespace of the sandbox; "queue_num" queues at most
 *	vhost-user  the socket of a process that moves frames in memory; "queue_num" queues
 *	vfio        a PCI device, which its driver has to let go of
 *
 * "netns" may be missing, or has to be the sandbox's. A device without "guest_mac" gets one of the
 * locally administered addresses. Neighbours are permanent, whatever their "state". Members that
 * are not known are passed over, as upstream does.
 *
 * Source: Kata 3.x, runtime-rs crates/resource/src/network/dan.rs (reference 5.3)
 * Owns:   what was read
 * Limits: DAN_FILE_MAX bytes, ENDPOINTS_MAX devices, DAN_ENTRIES_MAX addresses, routes and
 *         neighbours each
 * Errors: "'/run/kata-containers/dans/c1.json': device 'eth0': 'guest_mac' is no string"
 * Trust:  whoever writes the file is root on the host
 */
#include "engine/resource/network/plan.h"

#define DAN_FILE_MAX    (256u * 1024)
#define DAN_ENTRIES_MAX 1024

struct dan;

/* NULL with err untouched: there is no such file. Reads it at once; the caller's. */
struct dan *dan_load(const char *dir, const char *sandbox_id, struct err *err);
struct dan *dan_parse(const char *text, size_t len, struct err *err); /* pure, but for random MACs */
void dan_free(struct dan *dan); /* NULL is fine */

/* The path that the file was read from, and its "netns"; "": none. */
const char *dan_path(const struct dan *dan);
const char *dan_netns(const struct dan *dan);

/*
 * state, which was read of the namespace, becomes what the file says: its links stay, those that
 * are no devices without a plan. A tap that is not there is ERR_NOT_FOUND; unless all is wanted, it
 * is left out. ret_plans is owned by the caller (free).
 */
int dan_plan(const struct dan *dan, struct net_state *state, bool all,
	     struct endpoint_plan **ret_plans, size_t *ret_n, struct err *err);
