/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sizing.h - how large a VM has to be for what its containers may use
 *
 * Pure. The VM is sized once, when it is made: what the configuration gives every guest
 * plus the limits of the pod, which a shim reads from the sandbox's annotations, or of the
 * container when it is alone.
 *
 * Source: Kata Containers 3.x, static_sandbox_resource_mgmt (reference, "Resources"):
 *         memory is added in MiB, CPUs are ceil(default + quota / period), and quota -1 is
 *         shares / 1024. Annotations of containerd's CRI: io.kubernetes.cri.sandbox-*.
 */
#include <stdint.h>

#include "oci.pb-c.h"

struct sizing {
	double cpus;
	uint64_t memory_mib;
};

/* What is asked beyond the configuration's default; zero where there is no limit. */
struct sizing sizing_wanted(const Grpc__Spec *spec);

/*
 * The whole, within [base, max]: a limit above what the host has is no reason to fail, the
 * container just never reaches it.
 */
uint32_t sizing_memory_mib(const struct sizing *wanted, uint32_t base_mib, uint64_t max_mib);
double sizing_cpus(const struct sizing *wanted, double base, uint32_t max);
