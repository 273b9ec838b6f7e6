/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/create.h"

/* The agent's words for it are "exec 'PROGRAM': reason"; other files may be missing too. */
int exec_failure_code(const struct err *err)
{
	const char *at = strstr(err->text, "exec '");

	if (!at)
		at = strstr(err->text, "exec: \"");
	if (!at)
		return 0;
	if (strcasestr(at, "executable file not found") ||
	    strcasestr(at, "no such file or directory"))
		return 127;
	return strcasestr(at, "permission denied") ? 126 : 0;
}
