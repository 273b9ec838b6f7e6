/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * veth.h - a network namespace of the test's own, and pairs of links in it
 */
#include "lib/net/net.h"

/* A group's set-up: skips the tests, and says so, when this is not root. */
int own_namespace(void **state);
/* To be the first of every test: skips it without the namespace. */
void need_namespace(void);

/* Both ends here, down; returns the index of the first. Fails the test when it cannot. */
int make_veth(struct net *net, const char *name, const char *peer);

/* All that is in the namespace, for net_state_done(). Fails the test when it cannot. */
struct net_state read_net(struct net *net);
