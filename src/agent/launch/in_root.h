/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * in_root.h - find or make the place of a mount in a hostile root file system
 *
 * Trust:      the tree may hold links, FIFOs and devices anywhere, and others may change
 *             it at the same time; every step is an openat2() within the root or acts on the
 *             last component of a directory held open, never following it
 * Child-safe: all of it
 */
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"

/*
 * An O_PATH fd of path; what is missing is made: directories (0755) and, unless is_dir, an
 * empty file at the end. Links that lead nowhere are followed and their target is made, as
 * images rely on ("/var/run" to "/run").
 */
int in_root_make(int root_fd, const char *path, bool is_dir, struct err *err);

/* The directory that holds path, made when missing; *ret_name points into path. */
int in_root_make_parent(int root_fd, const char *path, const char **ret_name, struct err *err);
