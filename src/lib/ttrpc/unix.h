/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * unix.h - unix stream sockets by path
 *
 * A path of any length, or "@name" for an abstract one (Linux, at most 107 bytes).
 */
#include "lib/base/err.h"

/*
 * Connect; the fd is close-on-exec and blocking.
 * Errors: ERR_NOT_FOUND no such socket, ERR_UNAVAILABLE nobody listens, ERR_TIMEOUT
 * Blocks: only while the listener's backlog is full, at most UNIX_CONNECT_TIMEOUT_MS
 */
#define UNIX_CONNECT_TIMEOUT_MS 5000
int unix_connect(const char *path, struct err *err);

/* The same for a loop: never blocks, and a full backlog is ERR_UNAVAILABLE. Non-blocking fd. */
int unix_connect_now(const char *path, struct err *err);

/* Listen with mode 0600; an old socket file is replaced. The fd is non-blocking. */
int unix_listen(const char *path, struct err *err);
