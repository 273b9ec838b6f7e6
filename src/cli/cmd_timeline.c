/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/management.h"
#include "cli/opts.h"
#include "cli/task_call.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"

static void print_steps(const Kata__Supervisor__TimelineResponse *r)
{
	uint64_t total = 0;

	printf("%-14s %-28s %10s\n", "OPERATION", "STEP", "MS");
	for (size_t i = 0; i < r->n_steps; i++) {
		const Kata__Supervisor__Step *step = r->steps[i];

		total += step->took_ns;
		printf("%-14s %-28s %10.1f\n", step->operation, step->name,
		       (double)step->took_ns / NS_PER_MS);
	}
	printf("%-14s %-28s %10.1f\n", "total", "", (double)total / NS_PER_MS);
}

/* The same table, by whoever supervises the sandbox. */
static int print_page(const char *sid, struct err *err)
{
	size_t len;
	scoped_free char *text = management_get(sid, "/debug/timeline", &len, err);

	if (text)
		(void)fwrite(text, 1, len, stdout);
	return text ? 0 : -1;
}

int cmd_timeline(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		 struct err *err)
{
	Kata__Supervisor__TimelineRequest req = KATA__SUPERVISOR__TIMELINE_REQUEST__INIT;
	scoped(supervisor_close_at) struct supervisor *sup = NULL;
	Kata__Supervisor__TimelineResponse *resp = NULL;
	const char *id;
	int first;

	if (opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &id, err) < 0)
		return -1;
	if (management_exists(id))
		return print_page(id, err);
	sup = container_supervisor(cli, id, err);
	if (sup)
		resp = (void *)supervisor_call(sup, SUPERVISOR_SERVICE, "Timeline", &req.base,
					       CALL_QUICK_MS, err);
	if (!resp)
		return err_wrap(err, "timeline of container '%s'", id);
	print_steps(resp);
	protobuf_c_message_free_unpacked(&resp->base, NULL);
	return 0;
}
