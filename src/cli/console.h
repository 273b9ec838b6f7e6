/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * console.h - our own terminal, and one whose other end is handed to who asked for the container
 *
 * Spec: --console-socket as runc has it: the master's descriptor comes as SCM_RIGHTS with the
 * terminal's name as data (runc, docs/terminals.md).
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* Of the terminal that our standard input is; false when it is none, or has no size. */
bool console_own_size(uint32_t *ret_rows, uint32_t *ret_columns);

/*
 * Make a pseudoterminal and send its master to the unix socket at path. Returns the slave, owned
 * by the caller. rows and columns 0: as the kernel has it.
 */
int console_open(const char *path, unsigned int rows, unsigned int columns, struct err *err);
