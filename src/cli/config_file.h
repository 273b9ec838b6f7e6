/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * config_file.h - the configuration, as far as the command line needs it
 *
 * The supervisor reads the configuration itself. Here it is read for the paths of our own
 * programs and for deadlines, and so that a mistake in it is told before anything is started.
 */
#include "cli/cli.h"
#include "oci.pb-c.h"

struct config;

/*
 * Found and loaded; with a spec also its annotations applied and everything validated. Owned by
 * the caller: config_free().
 */
struct config *config_file_load(const struct cli *cli, const Grpc__Spec *spec, struct err *err);
void config_file_print_paths(void);
