/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * oom_file.h - the empty file "oom" in the bundle, by which conmon tells of an OOM kill
 *
 * podman and CRI-O look for it. conmon makes it when it sees the kill in a control group of the
 * host; ours was in the guest.
 *
 * Source: conmon 2.1; Kata 3.x does it for CRI-O
 */
#include <stdbool.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

/* Was the container made by one that looks for it ("libpod" or "cri-o")? Pure. */
bool oom_file_wanted(const Grpc__Spec *spec);
int oom_file_make(const char *bundle, struct err *err);
