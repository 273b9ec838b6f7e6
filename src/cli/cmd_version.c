/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/opts.h"
#include "lib/base/defs.h"
#include "lib/oci/spec.h"

#ifndef KATA_COMMIT
#define KATA_COMMIT "unknown"
#endif

/* Format: kata-runtime 1.x. cmd is NULL for --version, which takes no arguments. */
int cmd_version(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		struct err *err)
{
	int first;

	(void)cli;
	if (cmd && opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0)
		return -1;
	printf("%s  : %s\n   commit   : %s\n   OCI specs: %s\n", CLI_NAME, KATA_VERSION,
	       KATA_COMMIT, OCI_VERSION);
	return 0;
}
