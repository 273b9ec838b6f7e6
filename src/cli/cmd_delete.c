/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"
#include "lib/base/defs.h"

/* Every one is tried; the first failure is told. */
int cmd_delete(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	       struct err *err)
{
	bool force = false;
	const struct opt opts[] = {
		{ "force", 'f', OPT_FLAG, &force, NULL,
		  "end it first, and do not mind if there is none" },
	};
	int first, r = 0;

	if (opts_parse(cmd, opts, ARRAY_LEN(opts), false, argc, argv, &first, err) < 0)
		return -1;
	if (!argv[first])
		return err_set(err, ERR_INVALID, "Missing container ID");
	for (; argv[first]; first++) {
		struct err one = ERR_INIT;

		if (id_check(argv[first], &one) == 0 &&
		    delete_run(cli, argv[first], force, &one) == 0)
			continue;
		if (r == 0)
			*err = one;
		r = -1;
	}
	return r;
}
