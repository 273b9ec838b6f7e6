/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * netns.h - the network namespace that a sandbox's processes live in
 *
 * The one that config.json names, or a fresh one that lives exactly as long as somebody is in it.
 * Never the host's: the links of the namespace become the VM's.
 */
#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

struct config;

/* For the log: networks are not built yet. */
#define NETNS_WARNING \
	"network is not connected to the virtual machine: the container has lo only"

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

/*
 * The first interface that a process's network namespace has a route through; false when there is
 * none, and so nothing that the guest, which has lo, would miss. pid 0: our own.
 */
bool netns_has_network(pid_t pid, char ret_name[static IF_NAMESIZE]);
