/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * copy_up.h - fill a fresh tmpfs with what it is going to hide (option tmpcopyup)
 *
 * Trust:      the source is the image's: links are copied, never followed; FIFOs, sockets
 *             and devices are left out; other mounts are not entered
 * Limits:     COPY_UP_DEPTH_MAX levels; the size is bounded by the tmpfs
 * Child-safe: yes (directories are read with getdents64, nothing is allocated)
 */
#include "lib/base/err.h"

#define COPY_UP_DEPTH_MAX 64

/* Both are fds of directories and may be O_PATH. */
int copy_up(int from_fd, int to_fd, struct err *err);
