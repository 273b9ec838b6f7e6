/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"
#include "cli/hooks.h"
#include "cli/oci_state.h"
#include "cli/task_call.h"
#include "lib/base/defs.h"
#include "lib/log/log.h"
#include "lib/oci/spec.h"

/* A failure is a warning: the program runs already. */
static void run_poststart(const struct cli *cli, const char *cid)
{
	scoped(oci_state_done_at) struct oci_state s = { 0 };
	scoped_free char *state = NULL;
	struct err err = ERR_INIT;
	Grpc__Spec *spec = NULL;

	if (oci_state_get(cli, cid, CALL_QUICK_MS, true, &s, &err) == 0)
		spec = spec_load(s.bundle, &err);
	if (spec && spec->hooks && spec->hooks->n_poststart > 0) {
		state = oci_state_format(&s, spec);
		(void)hooks_run("poststart", spec->hooks->poststart, spec->hooks->n_poststart,
				state, &err);
	}
	if (spec)
		protobuf_c_message_free_unpacked(&spec->base, NULL);
	if (err.code != ERR_OK)
		log_warn(err.text);
}

int start_run(const struct cli *cli, const char *cid, struct err *err)
{
	Containerd__Task__V2__StartRequest req = CONTAINERD__TASK__V2__START_REQUEST__INIT;
	scoped(supervisor_close_at) struct supervisor *sup = container_supervisor(cli, cid, err);

	req.id = unconst(cid);
	if (!sup || supervisor_tell(sup, TASK_SERVICE, "Start", &req.base, CALL_AGENT_MS, err) < 0)
		return err_wrap(err, "start container '%s'", cid);
	run_poststart(cli, cid);
	return 0;
}
