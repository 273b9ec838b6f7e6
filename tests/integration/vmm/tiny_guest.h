/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tiny_guest.h - kernels of a few dozen bytes for QEMU's -kernel
 *
 * Entered by multiboot in 32-bit protected mode on a q35; enough to see a machine live
 * and end without waiting for a real kernel.
 */
#include <stddef.h>

enum tiny_guest {
	TINY_IDLE,     /* says a line on ttyS0, then halts for ever */
	TINY_RESET,    /* says "Kernel panic - ...", then resets itself by the keyboard controller */
	TINY_POWEROFF, /* turns itself off by ACPI */
};

/* What TINY_IDLE says. */
#define TINY_HELLO "tiny guest here"
#define TINY_PANIC "Kernel panic - not syncing: tiny guest gives up"

/* Write the kernel to a file. Returns 0, or -1 with errno. */
int tiny_guest_write(const char *path, enum tiny_guest which);
