/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_pause_resume.c - pause and resume
 */
#include <string.h>

#include "cli/opts.h"
#include "cli/task_call.h"
#include "lib/base/defs.h"

int cmd_pause_resume(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		     struct err *err)
{
	Containerd__Task__V2__PauseRequest pause = CONTAINERD__TASK__V2__PAUSE_REQUEST__INIT;
	Containerd__Task__V2__ResumeRequest resume = CONTAINERD__TASK__V2__RESUME_REQUEST__INIT;
	scoped(supervisor_close_at) struct supervisor *sup = NULL;
	bool pauses = strcmp(cmd->name, "pause") == 0;
	const char *id;
	int first;

	if (opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &id, err) < 0)
		return -1;
	sup = container_supervisor(cli, id, err);
	pause.id = resume.id = unconst(id);
	if (!sup || supervisor_tell(sup, TASK_SERVICE, pauses ? "Pause" : "Resume",
				    pauses ? &pause.base : &resume.base, CALL_AGENT_MS, err) < 0)
		return err_wrap(err, "%s container '%s'", cmd->name, id);
	return 0;
}
