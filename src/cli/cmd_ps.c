/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_ps.c - the processes of a container
 *
 * The table is the guest's. The JSON array holds host pids, because containerd and docker
 * (docker top) look its numbers up on the host: the guest's would name strangers there.
 * It holds the container's stand-in.
 */
#include <stdio.h>
#include <string.h>

#include "agent.pb-c.h"
#include "cli/oci_state.h"
#include "cli/opts.h"
#include "cli/task_call.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

static int print_json(const struct cli *cli, const char *id, struct err *err)
{
	scoped(oci_state_done_at) struct oci_state s = { 0 };

	if (oci_state_get(cli, id, CALL_QUICK_MS, false, &s, err) < 0)
		return -1;
	if (s.pid)
		printf("[%u]\n", s.pid);
	else
		printf("[]\n");
	return 0;
}

static int print_table(const struct cli *cli, const char *id, char **args, struct err *err)
{
	Grpc__ListProcessesRequest req = GRPC__LIST_PROCESSES_REQUEST__INIT;
	scoped(supervisor_close_at) struct supervisor *sup = container_supervisor(cli, id, err);
	static char default_args[] = "-ef";
	char *defaults[] = { default_args, NULL };
	Grpc__ListProcessesResponse *resp;

	if (!sup)
		return -1;
	req.container_id = unconst(id);
	req.format = unconst("table");
	req.args = args[0] ? args : defaults;
	req.n_args = strv_len(req.args);
	resp = (void *)supervisor_call(sup, &grpc__agent_service__descriptor, "ListProcesses",
				       &req.base, CALL_AGENT_MS, err);
	if (!resp)
		return -1;
	(void)fwrite(resp->process_list.data, 1, resp->process_list.len, stdout);
	protobuf_c_message_free_unpacked(&resp->base, NULL);
	return 0;
}

int cmd_ps(const struct command *cmd, const struct cli *cli, int argc, char **argv, struct err *err)
{
	const char *format = "table";
	const struct opt opts[] = {
		{ "format", 'f', OPT_TEXT, &format, "table|json", "how (table)" },
	};
	int first, r;

	/* What follows the id is for the guest's ps. */
	if (opts_parse(cmd, opts, ARRAY_LEN(opts), true, argc, argv, &first, err) < 0)
		return -1;
	if (!argv[first])
		return err_set(err, ERR_INVALID, "Missing container ID");
	if (id_check(argv[first], err) < 0)
		return -1;
	if (strcmp(format, "json") == 0)
		r = print_json(cli, argv[first], err);
	else if (strcmp(format, "table") == 0)
		r = print_table(cli, argv[first], argv + first + 1, err);
	else
		return err_set(err, ERR_INVALID, "flag '--format': '%s' is not table or json",
			       format);
	return r < 0 ? err_wrap(err, "processes of container '%s'", argv[first]) : 0;
}
