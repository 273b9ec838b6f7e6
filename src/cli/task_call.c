/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/task_call.h"

#include "cli/cli.h"
#include "engine/persist/mapping.h"

struct supervisor *container_supervisor(const struct cli *cli, const char *cid, struct err *err)
{
	struct supervisor *sup;
	struct mapping m;

	if (mapping_find(cli->root, cid, &m, err) < 0)
		return NULL;
	sup = supervisor_open(m.sid, err);
	mapping_done(&m);
	if (!sup && err->code == ERR_UNAVAILABLE)
		(void)err_set(err, ERR_UNAVAILABLE,
			      "container not running: its supervisor is gone");
	return sup;
}
