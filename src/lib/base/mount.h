/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * mount.h - copies of trees of mounts, and taking mounts off
 *
 * A copy gets its attributes while it is detached: there is no moment in which a tree that
 * shall be read-only is not.
 *
 * Errors: what the kernel says, with the path
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

/*
 * A detached, private copy of what is mounted at path, which follows links and is a directory
 * or a regular file; with what is mounted below it if recursive. attributes: MOUNT_ATTR_*,
 * added on every mount of it. Returns a descriptor, the caller's; *ret_type (may be NULL) is
 * S_IFDIR or S_IFREG.
 */
int mount_clone(const char *path, uint64_t attributes, bool recursive, mode_t *ret_type,
		struct err *err);

/* Put a detached tree on a place that is held open: no path is walked. */
int mount_attach(int tree_fd, int target_fd, struct err *err);

/* Take a mount off without following links; not mounted or gone is success. */
int mount_remove(const char *path, struct err *err);
