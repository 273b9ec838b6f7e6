/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * cli.h - kata-runtime: what its commands share
 *
 * kata-runtime is short-lived: it checks its arguments, makes one or a few calls to the
 * sandbox's supervisor (kata-proxy) over proxy.sock, prints, and exits. The only state that it
 * keeps is which container is in which sandbox (engine/persist/mapping.h).
 *
 * A command returns its exit code, or -1 with err set: main() then prints one line on
 * stderr, writes it to --log, and exits 1.
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/id.h"

#define CLI_NAME    "kata-runtime"
#define CLI_ROOT    "/var/run/kata-containers"
#define CLI_SBS_DIR "/run/vc/sbs" /* one directory a sandbox: proxy.sock, the journal */

/* How long a supervisor may take to answer what needs no VM, and what needs one; milliseconds. */
#define CALL_QUICK_MS 4000
#define CALL_AGENT_MS 60000

/* The global flags. */
struct cli {
	const char *root;
	const char *log_path;
	const char *log_format;
	const char *config_path; /* NULL: Kata's search order */
	const char *rootless;
	bool systemd_cgroup;
	bool debug;
	bool show_config_paths;
};

struct command {
	const char *name;
	const char *args; /* for the usage line: "ID [SIGNAL]" */
	const char *brief;
	int (*run)(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		   struct err *err);
};

#define DECLARE_COMMAND(name)                                                             \
	int name(const struct command *cmd, const struct cli *cli, int argc, char **argv, \
		 struct err *err)

DECLARE_COMMAND(cmd_create);
DECLARE_COMMAND(cmd_delete);
DECLARE_COMMAND(cmd_events);
DECLARE_COMMAND(cmd_exec);
DECLARE_COMMAND(cmd_features);
DECLARE_COMMAND(cmd_iptables);
DECLARE_COMMAND(cmd_kill);
DECLARE_COMMAND(cmd_list);
DECLARE_COMMAND(cmd_metrics);
DECLARE_COMMAND(cmd_network);
DECLARE_COMMAND(cmd_pause_resume);
DECLARE_COMMAND(cmd_ps);
DECLARE_COMMAND(cmd_run);
DECLARE_COMMAND(cmd_spec);
DECLARE_COMMAND(cmd_start);
DECLARE_COMMAND(cmd_state);
DECLARE_COMMAND(cmd_timeline);
DECLARE_COMMAND(cmd_update);
DECLARE_COMMAND(cmd_version);

/* "9", "KILL", "SIGKILL", "sigkill". */
int signal_parse(const char *text, int *ret, struct err *err);

/* Tell err as main() does, and return code: for failures whose exit code is not 1. */
int cli_fail(struct err *err, int code);

/* The one positional argument that most commands take; argv as main() gives it. */
int arg_one_id(int argc, char **argv, int first, const char **ret_id, struct err *err);
