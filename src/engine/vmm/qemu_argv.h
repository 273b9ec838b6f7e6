/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * qemu_argv.h - from a plan to QEMU's command line
 *
 * Pure. Everything that QEMU talks over is a descriptor that we made: the numbers below
 * are the child's. So QEMU opens nothing by path but the 9p share, /dev/kvm, and, running as
 * our user, its files; it may run as any user, and each socket can be connected to before it
 * runs.
 */
#include "engine/vmm/vm_config.h"

enum qemu_fd {
	QEMU_FD_QMP = 3,     /* listening, qmp.sock */
	QEMU_FD_CONSOLE = 4, /* listening, console.sock */
	QEMU_FD_AGENT = 5,   /* listening, kata.sock; without vsock */
	QEMU_FD_DEBUG = 6,   /* listening, debug.sock; without vsock */
	QEMU_FD_VSOCK = 7,   /* /dev/vhost-vsock with its CID set */
	QEMU_FD_FS = 8,      /* connected to virtiofsd */
	QEMU_FD_MONITOR = 9, /* listening, extra-monitor.sock */
	QEMU_FD_EARLY = 10,  /* connected: the serial port, for what comes before hvc0 */
	/* As a user of its own only: see qemu_launch.c. */
	QEMU_FD_KERNEL = 11,
	QEMU_FD_INITRD = 12,
	QEMU_FD_IMAGE = 13,
	QEMU_FD_FIRMWARE = 14,
};

/* NULL-terminated, owned by the caller (strv_free). */
char **qemu_argv(const struct vm_config *vm);
