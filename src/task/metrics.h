/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * metrics.h - a guest's statistics in the words of cgroup v1 or v2
 *
 * The format follows from the host, the figures are of the guest, which may have the other version:
 * names are looked up in both vocabularies, and what one of them counts differently (swap, times)
 * is converted. What the guest does not tell stays 0; nothing is guessed.
 *
 * Pure. Source: kernel cgroup-v1/memory.rst, cgroup-v2.rst; containerd/cgroups for the formats
 * Limits: METRICS_LIST_MAX entries of each list are looked at, METRICS_TEXT_MAX bytes of a text
 * Trust:  the figures and texts are the guest's; texts are made printable ASCII
 */
#include "agent.pb-c.h"

#define METRICS_LIST_MAX    4096
#define METRICS_TEXT_MAX    64
#define METRICS_DEVICES_MAX 256 /* v2 has an entry a device */

/*
 * Each is released with protobuf_c_message_free_unpacked(); its full name is the type URL that
 * containerd looks for.
 */
ProtobufCMessage *metrics_v1(const Grpc__StatsContainerResponse *stats);
ProtobufCMessage *metrics_v2(const Grpc__StatsContainerResponse *stats);
