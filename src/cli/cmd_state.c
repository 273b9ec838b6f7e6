/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/oci_state.h"
#include "cli/opts.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"

int cmd_state(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	      struct err *err)
{
	scoped(oci_state_done_at) struct oci_state s = { 0 };
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;
	Grpc__Spec *spec;
	const char *id;
	int first;

	if (opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &id, err) < 0 ||
	    oci_state_get(cli, id, CALL_QUICK_MS, false, &s, err) < 0)
		return -1;
	/* Without the bundle there are no annotations to tell. */
	spec = s.bundle[0] ? spec_load(s.bundle, &ignored) : NULL;
	text = oci_state_format(&s, spec);
	if (spec)
		protobuf_c_message_free_unpacked(&spec->base, NULL);
	fputs(text, stdout);
	return 0;
}
