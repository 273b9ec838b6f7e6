/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sysfs.h - what only sysfs tells of a link, and device nodes that have no place in /dev
 *
 * The machine's /sys shows the network namespace of whoever mounted it. Here it is mounted anew
 * for the namespace that we are in, detached: nobody sees the mount, and it ends with its
 * descriptor.
 *
 * Needs: Linux 5.2 (fsopen), CAP_SYS_ADMIN
 */
#include <sys/types.h>

#include "lib/base/err.h"

/* The root of sysfs; the caller's descriptor. */
int netns_sysfs(struct err *err);

/* Open a character device by its number, for reading and writing, non-blocking. */
int open_char_device(dev_t number, struct err *err);
