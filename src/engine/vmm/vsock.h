/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * vsock.h - a context id for one guest
 *
 * Source: linux/vhost.h, linux/vm_sockets.h
 */
#include <stdint.h>

#include "lib/base/err.h"

#define VSOCK_AGENT_PORT 1024u

/*
 * Open /dev/vhost-vsock and reserve a random CID with it; the fd holds the reservation and
 * is what QEMU gets. Owned by the caller. ERR_NOT_FOUND when the host has no vhost-vsock.
 */
int vsock_open(uint32_t *ret_cid, struct err *err);
