/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * guest.h - what the guest is told of the pod's network, in the agent's messages
 *
 * Pure: from what was read of the namespace (lib/net) and the endpoints' plans. All that is not
 * the guest's is left out: addresses and routes of links that are not connected, what the kernel
 * makes by itself, addresses that another machine was found to have (DAD).
 *
 * Source: Kata 3.x, contents of UpdateInterface, UpdateRoutes, AddARPNeighbors (reference 5.3)
 * Owns:   nothing; each message is the caller's: message_drop()
 */
#include "agent.pb-c.h"
#include "engine/resource/network/plan.h"

/* pci_path: the device's in the guest, "02/01". */
Grpc__UpdateInterfaceRequest *guest_interface(const struct net_state *state,
					      const struct endpoint_plan *plan,
					      const char *pci_path);

/* Those of more that interface has not yet. */
void guest_add_addresses(Types__Interface *interface, const Types__Interface *more);

/* A route's device: NULL when its link is not connected. arg is the caller's. */
typedef const char *guest_name_of(void *arg, int link);

/*
 * Of routes to the same destination the one with the lowest metric: the message has no place for
 * metrics. Of a route with several next hops the first.
 */
Grpc__UpdateRoutesRequest *guest_routes(const struct net_state *state, guest_name_of *name_of,
					void *arg);
/* Permanent entries. */
Grpc__AddARPNeighborsRequest *guest_neighbours(const struct net_state *state,
					       guest_name_of *name_of, void *arg);
