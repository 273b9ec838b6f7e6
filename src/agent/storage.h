/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * storage.h - what the host hands in, put in place and counted
 *
 * A Storage of the agent protocol is carried out by the handler that its driver names, at
 * its mount point. The same mount point asked for again is one more user of what is there;
 * the last user that drops it undoes it. What lies below STORAGE_OF_SANDBOX has the sandbox
 * for a user too: a pod's volume in memory outlives the containers that are made and removed.
 *
 * Mount points lie below /run/kata-containers. The way there is walked without following
 * any link, because parts of it can be a container's root file system.
 *
 * Source: drivers and their options as in Kata Containers 3.x (and 9p as in 2.x)
 * Limits: STORAGES_MAX mount points in all
 * Errors: ERR_UNIMPLEMENTED names a driver that is not built
 * Blocks: on mount(2): a share's answer comes from the host
 */
#include <stddef.h>

#include "agent.pb-c.h"
#include "agent/place.h"
#include "lib/base/err.h"
#include "lib/base/list.h"

#define STORAGES_MAX 1024

/* Source: Kata Containers' runtime puts emptyDir volumes in memory there */
#define STORAGE_OF_SANDBOX STORAGE_ROOT "/sandbox/ephemeral/"

struct modules;

struct storages {
	struct list all;
	size_t n;
	struct modules *modules; /* borrowed; NULL: file systems are there */
};

void storages_init(struct storages *s, struct modules *modules);

/* Undo everything, newest first; whoever still uses it. */
void storages_done(struct storages *s);

/*
 * All of a request's, or none. The mount points are appended to *points (a NULL-terminated
 * vector owned by the caller), for storages_drop().
 */
int storages_add(struct storages *s, Grpc__Storage *const *list, size_t n, char ***points,
		 struct err *err);

/* One user less of each, last one first. Failures are told by log. Empties *points. */
void storages_drop(struct storages *s, char ***points);

/* Names of the drivers, for GetGuestDetails. */
const char *const *storage_drivers(size_t *ret_n);
