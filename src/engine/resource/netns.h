/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * netns.h - the network namespace that a sandbox's processes live in
 *
 * The one that config.json names; or, when it asks for one without naming it, a fresh one that
 * lives exactly as long as somebody is in it.
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct config;

/*
 * A descriptor for setns(), owned by the caller. -1 with err untouched: the sandbox stays where
 * the caller is. Blocks: no. The caller has one thread.
 */
int netns_open(const struct config *config, const Grpc__Spec *spec, struct err *err);
