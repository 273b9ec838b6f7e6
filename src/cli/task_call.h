/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * task_call.h - find a container's supervisor and make one call about it
 */
#include "cli/cli.h"
#include "cli/supervisor.h"

/* Connected to the supervisor of the container, which must exist. NULL on failure. */
struct supervisor *container_supervisor(const struct cli *cli, const char *cid, struct err *err);
