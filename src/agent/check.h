/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * check.h - what a string of a request must be like before it is used
 *
 * Ids become names of directories and cgroups, so they are checked here before they
 * become anything. The other side of the channel is trusted to mean well, not to be
 * free of mistakes: none of them may end process 1.
 *
 * Source: ids as the OCI runtimes and Kata accept them: [A-Za-z0-9][A-Za-z0-9_.-]*
 */
#include <stddef.h>

#include "lib/base/err.h"

#define CHECK_ID_MAX   200
#define CHECK_PATH_MAX 4096

/* what is "container id", "exec id"; ERR_INVALID otherwise. */
int check_id(const char *what, const char *id, struct err *err);

/* Absolute, of bounded length, without "." and ".." components. */
int check_path(const char *what, const char *path, struct err *err);

/* As check_path(), and strictly below dir (which has no trailing slash). */
int check_path_below(const char *what, const char *path, const char *dir, struct err *err);
