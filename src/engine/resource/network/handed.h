/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * handed.h - what the namespace had of a link that was handed over to the VM
 *
 * A PCI device that its driver has let go of is no link any more, and its addresses and routes are
 * gone with it. The guest has to be told them all the same, whenever the rest of the network is
 * looked at: what was read before is put among what is read later.
 *
 * Pure. The routes and neighbours are those of that moment; nobody can change them on the host.
 */
#include "lib/net/net.h"

struct handed;

/* Of one link of state; the caller's. */
struct handed *handed_remember(const struct net_state *state, int link);
void handed_free(struct handed *handed); /* NULL is fine */

/* Into state, unless the link is there again. */
void handed_show(const struct handed *handed, struct net_state *state);
