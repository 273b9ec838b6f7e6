/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"
#include "lib/base/defs.h"

int cmd_create(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	       struct err *err)
{
	struct create_args args = { 0 };
	struct opt opts[CREATE_OPTS_MAX];
	struct create c;
	int first, r;

	/* All but --detach: it always does. */
	if (opts_parse(cmd, opts, create_opts(&args, opts) - 1, false, argc, argv, &first, err) <
		    0 ||
	    arg_one_id(argc, argv, first, &args.id, err) < 0)
		return -1;
	args.detach = true;
	r = create_run(&c, cli, &args, err);
	create_done(&c);
	return r;
}
