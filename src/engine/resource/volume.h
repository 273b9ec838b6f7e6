/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * volume.h - which of a container's mounts come from the host, and how
 *
 * volumes_plan() decides, volumes_place() carries out. A bind mount of the host becomes
 * a place in the share and its source in the guest's spec becomes the path where the
 * guest sees it; an overlay, whose layers are directories of the host, is made on the host and
 * then is such a bind mount. A pod's emptyDir in memory, which a kubelet makes as a tmpfs on the
 * host, is a tmpfs of the guest with the same size, mode and group: memory of the pod, not of the
 * host. All other mounts are made in the guest from what the guest has.
 *
 * Source: Kata Containers 3.x, "ephemeral" storages (reference, "CreateContainer content")
 *
 * Limits: VOLUMES_MAX a container
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent.pb-c.h"
#include "lib/base/err.h"

struct share;

#define VOLUMES_MAX 1024

struct volume {
	size_t mount;      /* index in spec->mounts */
	char *host_path;   /* NULL: nothing to place, only guest_path matters */
	char *overlay;     /* not NULL: no path but an overlay with these options */
	char **tmpfs;      /* not NULL: a tmpfs of the guest at guest_path, with these options */
	char *name;        /* below the share; NULL with host_path */
	char *guest_path;  /* the source in the guest's spec */
	bool read_only, recursive;
	bool placed;
};

struct volumes {
	struct volume *list;
	size_t n;
};

/* Is it an option of the overlay itself, not one of every mount? */
bool volume_is_overlay_option(const char *option);

struct volume_facts {
	mode_t mode;         /* 0: does not exist */
	gid_t gid;
	uint64_t tmpfs_size; /* bytes; 0: not the top of a tmpfs */
};

/* What there is at a path, so that the plan itself touches nothing. */
typedef struct volume_facts volume_facts_fn(void *arg, const char *path);
struct volume_facts volume_facts_of_host(void *arg, const char *path); /* follows links */

/*
 * token makes names unguessable and distinct: 16 hex digits, one a container.
 * Errors: ERR_INVALID naming the mount: source missing, a socket, a FIFO, a device that is
 * not below /dev.
 */
int volumes_plan(const Grpc__Spec *spec, const char *container_id, const char *token,
		 volume_facts_fn *facts_of, void *arg, struct volumes *ret, struct err *err);

/* On failure those placed already are marked so; volumes_take_away() undoes them. */
int volumes_place(struct volumes *volumes, struct share *share, struct err *err);
int volumes_take_away(struct volumes *volumes, struct share *share, struct err *err);
void volumes_done(struct volumes *volumes);

/* The storages that the guest makes for them are added to the request; the caller's to free. */
void volumes_add_storages(const struct volumes *volumes, Grpc__Storage ***list, size_t *n);
