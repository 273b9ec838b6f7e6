/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * endpoint_priv.h - the inside of an endpoint: what endpoint.c, limits.c, physical.c and
 * leftover.c share
 */
#include "engine/resource/network/endpoint.h"

/*
 * Names of what we make for a link have its index in them: no two links want the same one, and
 * what a dead supervisor has left is found by it.
 */
void endpoint_tap_name(int link, char ret[static IF_NAMESIZE]);
void endpoint_ifb_name(int link, char ret[static IF_NAMESIZE]);

/* Delete the link of that name if it is one that we make; a stranger's is ERR_EXISTS. */
int endpoint_remove_ours(struct net *net, const char *name, struct err *err);

/* limits.c: the rates that the configuration has. Taking off goes on after a failure. */
int endpoint_limit(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err);
int endpoint_unlimit(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err);
