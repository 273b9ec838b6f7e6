/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * exec_process.h - what `exec` runs, as the JSON of an OCI process
 *
 * Either a file (--process), or the process of the container's config.json with the
 * arguments and flags put over it, as runc does it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

struct exec_flags {
	const char *process_file;
	const char *cwd, *user, *apparmor, *label;
	char **env, **caps, **gids;
	bool terminal, no_new_privs;
	uint32_t rows, columns; /* of the terminal it begins on; 0: not known */
};

/* args: the program and its arguments; unused with a file. Owned by the caller. */
char *exec_process_json(const char *bundle, const struct exec_flags *flags, char **args,
			struct err *err);
