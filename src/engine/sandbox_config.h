/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sandbox_config.h - the configuration of one sandbox: a file, what a spec's annotations may change
 * of it, and whether this host can do it
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct config;

/*
 * path is config_find_file()'s. spec NULL: the file as it is, not validated. Warnings are added to
 * *warnings, owned by the caller. The configuration is the caller's; NULL on failure.
 */
struct config *sandbox_config_load(const char *path, const Grpc__Spec *spec, char ***warnings,
				   struct err *err);
