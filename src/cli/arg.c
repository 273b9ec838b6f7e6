/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

int arg_one_id(int argc, char **argv, int first, const char **ret_id, struct err *err)
{
	(void)argc;
	if (!argv[first])
		return err_set(err, ERR_INVALID, "Missing container ID");
	if (argv[first + 1])
		return err_set(err, ERR_INVALID, "too many arguments: '%s'", argv[first + 1]);
	if (id_check(argv[first], err) < 0)
		return -1;
	*ret_id = argv[first];
	return 0;
}
