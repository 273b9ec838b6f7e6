/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * host_sock.h - listening sockets that are handed to QEMU and virtiofsd
 *
 * They lie in the machine's directory, which only root may enter.
 */
#include "lib/base/err.h"

/* Bind and listen at dir/name; close-on-exec, blocking. ERR_INVALID when over 107 bytes. */
int host_sock_listen(const char *dir, const char *name, struct err *err);

/*
 * Connect to what host_sock_listen() made: done at once, whether anybody accepts yet or
 * not. Close-on-exec, non-blocking.
 */
int host_sock_connect(const char *dir, const char *name, struct err *err);
