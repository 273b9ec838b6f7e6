/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "cli/opts.h"
#include "cli/task_call.h"
#include "lib/base/defs.h"

/* The words after which containerd and podman look, so that they know that it has ended. */
static int say_ended(const char *id, struct err *err)
{
	return err_set(err, ERR_STATE, "kill container '%s': container not running", id);
}

static int send_signal(const struct cli *cli, const char *cid, int sig, bool all, struct err *err)
{
	Containerd__Task__V2__KillRequest req = CONTAINERD__TASK__V2__KILL_REQUEST__INIT;
	scoped(supervisor_close_at) struct supervisor *sup = container_supervisor(cli, cid, err);

	if (!sup)
		return err->code == ERR_UNAVAILABLE ? say_ended(cid, err) : -1;
	req.id = unconst(cid);
	req.signal = (uint32_t)sig;
	req.all = all;
	if (supervisor_tell(sup, TASK_SERVICE, "Kill", &req.base, CALL_QUICK_MS, err) == 0)
		return 0;
	if (err->code == ERR_STATE || err->code == ERR_UNAVAILABLE || err->code == ERR_NOT_FOUND)
		return say_ended(cid, err);
	return err_wrap(err, "kill container '%s'", cid);
}

int cmd_kill(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	     struct err *err)
{
	bool all = false;
	const struct opt opts[] = {
		{ "all", 'a', OPT_FLAG, &all, NULL, "to every process of the container" },
	};
	int first, sig = SIGTERM;

	if (opts_parse(cmd, opts, ARRAY_LEN(opts), false, argc, argv, &first, err) < 0)
		return -1;
	if (!argv[first])
		return err_set(err, ERR_INVALID, "Missing container ID");
	if (argv[first + 1] && argv[first + 2])
		return err_set(err, ERR_INVALID, "too many arguments: '%s'", argv[first + 2]);
	if (id_check(argv[first], err) < 0 ||
	    (argv[first + 1] && signal_parse(argv[first + 1], &sig, err) < 0))
		return -1;
	return send_signal(cli, argv[first], sig, all, err);
}
