/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * shim.h - containerd-shim-kata-v2: one sandbox's supervisor under containerd and CRI-O
 *
 *	containerd-shim-kata-v2 -namespace NS -address SOCKET -publish-binary PATH -id ID
 *		[-bundle DIR] [-debug] [-socket SOCKET] [start|delete]
 *
 *	start    make a supervisor for this container, or find its pod's; prints the address
 *	delete   remove what a dead supervisor left; prints a DeleteResponse
 *	(none)   be the supervisor: serve the Task service on descriptor SHIM_LISTEN_FD
 *	-info    what this shim is, as a RuntimeInfo
 *
 * The container's bundle is the working directory, unless -bundle names it. start and delete are
 * short-lived; containerd takes all they write for their answer, so they write nothing else.
 *
 * Spec:   containerd runtime/v2 README ("Shim Authoring"); reference, "Shim binary protocol"
 * Trust:  containerd, and config.json as its sender; ids are checked before they become paths
 */
#include <stdbool.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

#define SHIM_NAME      "containerd-shim-kata-v2"
#define SHIM_RUNTIME   "io.containerd.kata.v2"
#define SHIM_LISTEN_FD 3

struct shim_args {
	const char *namespace, *address, *publish_binary, *id, *socket;
	const char *action; /* "" to serve */
	char *bundle;       /* absolute; owned */
	bool debug;
};

/* args.c: strings are borrowed from argv. ERR_INVALID names the flag. */
int shim_args_parse(int argc, char **argv, struct shim_args *ret, struct err *err);
void shim_args_done(struct shim_args *args);

/*
 * names.c: what the sandbox of a container is called on this host. Owned by the caller.
 *
 * The name of its directories is the sandbox's id, as all tools expect. Only in a namespace whose
 * ids people choose, and which is not the default one, the namespace comes first: two namespaces may
 * use one id.
 */
char *shim_sandbox_name(const char *namespace, const char *sandbox_id);
/* "/run/containerd/s/<sha256 of address/namespace/id>" */
char *shim_socket_path(const char *address, const char *namespace, const char *sandbox_id);

/* The actions; 0, or -1 with the reason. */
int shim_start(const struct shim_args *args, struct err *err);
int shim_delete(const struct shim_args *args, struct err *err);
int shim_serve(const struct shim_args *args, struct err *err);
int shim_info(struct err *err);
