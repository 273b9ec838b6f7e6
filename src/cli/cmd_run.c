/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"
#include "cli/interrupt.h"
#include "lib/base/defs.h"

/* The program could not be run: then with the code that a shell would give. */
static int fail_to_run(struct err *err)
{
	int code = exec_failure_code(err);

	return code > 0 ? cli_fail(err, code) : -1;
}

/* Started, followed to its end, and removed. */
static int start_and_follow(struct create *c, struct err *err)
{
	struct err ignored = ERR_INIT;
	int status, r;

	if (start_run(c->cli, c->args.id, err) < 0) {
		interrupt_ignore();
		(void)delete_run(c->cli, c->args.id, true, &ignored);
		return fail_to_run(err);
	}
	if (c->args.detach)
		return 0;
	r = stand_in_follow(&c->stand_in, &status, err);
	interrupt_ignore();
	if (delete_run(c->cli, c->args.id, true, err) < 0 || r < 0)
		return -1;
	return status;
}

int cmd_run(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	    struct err *err)
{
	struct create_args args = { 0 };
	struct opt opts[CREATE_OPTS_MAX];
	struct create c;
	int first, r;

	if (opts_parse(cmd, opts, create_opts(&args, opts), false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &args.id, err) < 0)
		return -1;
	r = create_run(&c, cli, &args, err);
	r = r == 0 ? start_and_follow(&c, err) : fail_to_run(err);
	create_done(&c);
	return r;
}
