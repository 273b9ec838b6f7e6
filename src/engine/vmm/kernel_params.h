/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kernel_params.h - the guest kernel's command line
 *
 * Source: Kata 3.x, order of the parts as there: architecture, root, console, debug or
 *         quiet, fixed, systemd, scsi, agent, the user's own last (so that it wins)
 * Errors: ERR_INVALID when the line is over KERNEL_PARAMS_MAX, or has a line break
 */
#include "engine/vmm/vm_config.h"
#include "lib/base/err.h"

#define KERNEL_PARAMS_MAX 2047 /* bytes; COMMAND_LINE_SIZE of x86 less the NUL */

/* vm is filled but for cmdline. Owned by the caller; NULL on failure. */
char *kernel_params(const struct config *config, const struct vm_config *vm, struct err *err);
