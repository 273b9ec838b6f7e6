/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"

int cmd_start(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	      struct err *err)
{
	int first;

	if (opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0)
		return -1;
	if (!argv[first])
		return err_set(err, ERR_INVALID, "Missing container ID");
	for (; argv[first]; first++)
		if (id_check(argv[first], err) < 0 || start_run(cli, argv[first], err) < 0)
			return -1;
	return 0;
}
