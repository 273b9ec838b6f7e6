/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_iptables.c - iptables: the packet filter of a sandbox's guest, read and replaced
 */
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/management.h"
#include "cli/opts.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

static int ask(const char *sid, const char *method, const char *path, const char *rules,
	       struct err *err)
{
	size_t len;
	scoped_free char *text = management_send(sid, method, path, rules, &len, err);

	if (!text)
		return -1;
	(void)fwrite(text, 1, len, stdout); /* main() looks whether it was written */
	return 0;
}

static int set(const char *sid, const char *path, const char *file, struct err *err)
{
	scoped_free char *rules = input_read(file, MANAGEMENT_BODY_MAX, err);

	return rules ? ask(sid, "PUT", path, rules, err) : -1;
}

int cmd_iptables(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		 struct err *err)
{
	const char *sid = NULL, *verb, *file, *path;
	bool ipv6 = false;
	const struct opt opts[] = {
		{ "sandbox-id", 0, OPT_TEXT, &sid, "SANDBOX", "whose guest it is about" },
		{ "v6", 0, OPT_FLAG, &ipv6, NULL, "that of IPv6" },
	};
	int first, r;

	(void)cli;
	if (opts_parse(cmd, opts, ARRAY_LEN(opts), false, argc, argv, &first, err) < 0)
		return -1;
	verb = argv[first];
	file = verb ? argv[first + 1] : NULL;
	if (!verb || (strcmp(verb, "get") != 0 && strcmp(verb, "set") != 0))
		return err_set(err, ERR_INVALID, "iptables: neither 'get' nor 'set'");
	if (!sid)
		return err_set(err, ERR_INVALID, "iptables %s: flag '--sandbox-id' is missing",
			       verb);
	if (id_check(sid, err) < 0)
		return -1;
	path = ipv6 ? "/ip6tables" : "/iptables";
	if (strcmp(verb, "get") == 0)
		r = file ? err_set(err, ERR_INVALID, "'%s' is one argument too many", file)
			 : ask(sid, "GET", path, "", err);
	else if (!file || argv[first + 2])
		r = err_set(err, ERR_INVALID, "one FILE (or -) is required");
	else
		r = set(sid, path, file, err);
	return r < 0 ? err_wrap(err, "iptables %s", verb) : r;
}
