/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * netns.h - the network namespace that a sandbox's processes live in
 *
 * The one that config.json names, or a fresh one that lives exactly as long as somebody is in it.
 * Never the host's: the links of the namespace become the VM's.
 */
#include <stdbool.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

struct config;

#define NETNS_HOST \
	"it is the host's own, whose interfaces cannot be the virtual machine's as well; " \
	"use a network of containers, or none"

/* The path in config.json, borrowed: "" for a new namespace; NULL: the one where its reader is. */
const char *netns_path(const Grpc__Spec *spec);

/*
 * A descriptor for setns(), owned by the caller. ERR_UNIMPLEMENTED for the path of the namespace
 * that we or process 1 are in. -1 with err untouched: with disable_new_netns, and without a path,
 * the sandbox stays where the caller is. Blocks: no. The caller has one thread.
 */
int netns_open(const struct config *config, const Grpc__Spec *spec, struct err *err);

/* Are we in one that is not process 1's? Nothing may ever be connected of the host's own. */
bool netns_is_private(void);

/* Is it the one that we are in? "": yes. */
bool netns_is_ours(const char *path);

/* Back into our own after a setns(); abort() if that cannot be. old stays open. */
void netns_return(int old);
