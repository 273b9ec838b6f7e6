/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * netstat.h - counters of the guest's network interfaces
 *
 * Spec: kernel Documentation/ABI/testing/sysfs-class-net-statistics
 */
#include <stddef.h>

#include "agent.pb-c.h"

#define NETSTAT_MAX 256 /* interfaces; the rest is left out */

/* Without lo. Each and the vector are owned by the caller, as in an unpacked message. */
Grpc__NetworkStats **netstat_read(size_t *ret_n);
