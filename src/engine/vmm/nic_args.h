/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * nic_args.h - from a network device to the arguments of QEMU's commands
 *
 * Pure. A device ID has the netdev "be-ID" behind it, and of vhost-user the chardev "char-ID".
 * Descriptors have names at QEMU until the netdev takes them: short ones, as QEMU reads commands
 * byte by byte, made of the slot, which has one owner.
 *
 * Spec:   QEMU 7.2, qapi/net.json, qapi/char.json, hw/net/virtio-net.c
 * Owns:   texts are the caller's
 */
#include "engine/vmm/vm_config.h"

#define NIC_ID_MAX     63u
#define NIC_QUEUE_NAME "q%u.%zu" /* slot, number */
#define NIC_VHOST_NAME "v%u.%zu"

/* ERR_INVALID unless each of the three below is proper JSON that means what nic does. */
int nic_args_check(const struct vm_nic *nic, struct err *err);

char *nic_args_chardev(const struct vm_nic *nic); /* NULL: has none */
char *nic_args_netdev(const struct vm_nic *nic);  /* NULL: has none */
char *nic_args_device(const struct vm_nic *nic);
