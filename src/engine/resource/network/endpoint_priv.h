/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * endpoint_priv.h - the inside of an endpoint: what endpoint.c, limits.c and leftover.c share
 */
#include <limits.h>
#include <sys/types.h>

#include "engine/resource/network/endpoint.h"
#include "engine/resource/network/physical.h"

/*
 * Names of what we make for a link have its index in them: no two links want the same one, and
 * what a dead supervisor has left is found by it.
 */
void endpoint_tap_name(int link, char ret[static IF_NAMESIZE]);
void endpoint_ifb_name(int link, char ret[static IF_NAMESIZE]);

/* limits.c: the rates that the configuration has. */
int endpoint_limit(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err);

/*
 * leftover.c: what is written into the journal (JOURNAL_NETWORK), in this order, separated by
 * blanks, "-" for what there is not:
 *
 *	4026532281 5 eth0 tcfilter - - /run/netns/pod
 *	4026532281 2 eth1 direct 0000:00:05.0 e1000e -
 */
struct endpoint_record {
	ino_t netns; /* which namespace; what has its path later may be another one */
	int link;
	char name[IF_NAMESIZE]; /* for messages */
	enum endpoint_model model;
	char pci[16], driver[PHYSICAL_DRIVER_MAX]; /* what has to be given back */
	char path[PATH_MAX]; /* of the namespace */
};
/* The caller's. */
char *endpoint_record_format(const struct endpoint_record *record);
int endpoint_record_parse(const char *text, struct endpoint_record *ret, struct err *err);

/*
 * Take back what is left of an endpoint in the namespace of net; the link itself may be gone.
 * Goes on after a failure.
 */
int endpoint_sweep(struct net *net, int link, enum endpoint_model model, struct err *err);
