/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/opts.h"
#include "cli/task_call.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

int cmd_resume(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	       struct err *err)
{
	Containerd__Task__V2__ResumeRequest req = CONTAINERD__TASK__V2__RESUME_REQUEST__INIT;
	scoped(supervisor_close_at) struct supervisor *sup = NULL;
	scoped_free char *copy = NULL;
	const char *id;
	int first;

	if (opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &id, err) < 0)
		return -1;
	sup = container_supervisor(cli, id, err);
	req.id = copy = xstrdup(id);
	if (!sup || supervisor_tell(sup, TASK_SERVICE, "Resume", &req.base, CALL_AGENT_MS, err) < 0)
		return err_wrap(err, "resume container '%s'", id);
	return 0;
}
