/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * init.h - what process 1 of an initrd does before and after being the agent
 *
 * init_mounts() needs nothing and comes first: until /proc is there, nothing else works.
 * A mount that is there already is left as it is, so that a kernel which mounts devtmpfs,
 * or a small init before us, does no harm.
 *
 * The root is made a mount of its own first (a bind mount of the initramfs on top of
 * it): the initramfs itself cannot be left with pivot_root(2), a mount on it can.
 */
#include <stdbool.h>

#include "lib/base/err.h"

/* The root mount, /proc, /sys, /dev with links, pts and shm, /run, /tmp. */
int init_mounts(struct err *err);

/* /sys/fs/cgroup: version 2, or every v1 controller the kernel has. */
int init_cgroups(bool v1, struct err *err);

/* Hostname of /etc/hostname or "localhost", lo up, limits. Never fails; tells by log. */
void init_settings(void);

/* Output of process 1: a new open of the console that never blocks. -1: none. */
int init_console(void);

/* Write back and power off; for process 1 only. */
_Noreturn void init_power_off(void);
