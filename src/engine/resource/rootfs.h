/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * rootfs.h - the mounts that a manager asks for to make a container's root file system
 *
 * containerd hands the shim what its snapshotter made: an overlay, a bind, a block device. They
 * are mounted one over the other on the bundle's rootfs directory, each in the journal first.
 *
 * Spec:   containerd runtime v2, CreateTaskRequest.rootfs
 * Trust:  the manager is root and trusted
 * Limits: ROOTFS_MOUNTS_MAX mounts; the options of an overlay, with what its paths have in common
 *         left out, one page
 * Errors: name type, source and target of the mount
 * Blocks: as mount(2) does
 */
#include <stddef.h>

#include "lib/base/err.h"

#define ROOTFS_MOUNTS_MAX 16

struct journal;
struct rootfs;

struct rootfs_mount {
	const char *type, *source;
	char *const *options;
	size_t n_options;
};

/* mounts are copied. ERR_INVALID: too many, or an option that no mount of the host has. */
struct rootfs *rootfs_new(const char *target, const struct rootfs_mount *mounts, size_t n,
			  struct err *err);
void rootfs_free(struct rootfs *rootfs); /* NULL is fine */

/* On failure what was mounted stays for rootfs_unmount(). */
int rootfs_mount(struct rootfs *rootfs, struct journal *journal, struct err *err);
/* Newest first; what is not mounted is success. NULL is fine. */
int rootfs_unmount(struct rootfs *rootfs, struct journal *journal, struct err *err);

/*
 * The directory that all absolute paths among an overlay's layers have in common, without a "/" at
 * its end; "" when there is none. And the same options with it left out. Both are the caller's. Pure.
 */
char *rootfs_common_dir(char *const *params);
char *rootfs_overlay_data(char *const *params, const char *common);
