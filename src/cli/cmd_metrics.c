/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/management.h"
#include "cli/opts.h"
#include "lib/base/defs.h"

int cmd_metrics(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		struct err *err)
{
	scoped_free char *text = NULL;
	const char *id;
	size_t len;
	int first;

	(void)cli;
	if (opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &id, err) < 0)
		return -1;
	text = management_get(id, "/metrics", &len, err);
	if (!text)
		return -1;
	(void)fwrite(text, 1, len, stdout); /* main() looks whether it was written */
	return 0;
}
