/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sandbox.h - start and end the supervisor of a sandbox (kata-proxy)
 *
 * kata-proxy gets the listening end of proxy.sock as a descriptor, a session of its own, and the
 * sandbox's network namespace to live in: the one that config.json names, or, when it asks
 * for one without naming it, a fresh one that lives exactly as long as the supervisor does.
 *
 * Blocks: as said at each function
 */
#include <stdbool.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "cli/supervisor.h"
#include "oci.pb-c.h"

struct config;

struct sandbox_process {
	pid_t pid;
	int pidfd; /* -1: not started by us */
};

/*
 * Makes /run/vc/sbs/<sid> and starts the supervisor. ERR_EXISTS: there is such a sandbox, or
 * what a lost one left behind.
 */
int sandbox_start(const struct cli *cli, const struct config *config, const char *sid,
		  const Grpc__Spec *spec, struct sandbox_process *ret, struct err *err);

/*
 * Ask the supervisor to end, wait for that, and remove what is left with or without its help.
 * sup may be NULL. Blocks: up to SANDBOX_END_MS, then kills it.
 */
#define SANDBOX_END_MS 10000
int sandbox_end(const char *sid, struct supervisor *sup, int timeout_ms, struct err *err);

/* Kill one that we started and reap it. */
void sandbox_process_kill(struct sandbox_process *p);

/* Kill the supervisor that the journal names, if it is alive, and remove everything it made. */
int sandbox_kill(const char *sid, struct err *err);

/*
 * Is the same thing at this path for the supervisor as for us? It may live in another mount
 * namespace: podman starts the first container of a pod in one of its own when the pod has a user
 * namespace. True when there is no supervisor to ask.
 */
bool sandbox_sees(const char *sid, const char *path);
