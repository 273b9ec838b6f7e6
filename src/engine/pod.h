/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * pod.h - which sandbox a container belongs to, by the annotations of its manager
 *
 * Source: annotations of containerd's CRI, of CRI-O and of dockershim (reference, "Shim binary
 *         protocol")
 * Pure
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

/*
 * The sandbox's id: cid itself for a sandbox and for a container on its own. Borrowed from spec or
 * cid. ERR_INVALID, NULL: an annotation that says "container" without a valid sandbox ID.
 */
const char *pod_sandbox_id(const Grpc__Spec *spec, const char *cid, struct err *err);
