/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - the global flags, the table of commands, and how a failure is told
 *
 * docker (containerd-shim-runc-v2) and podman (conmon) read the reason of a failure from
 * the last line of level "error" in --log; people read it on stderr. It is one line in both.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/config_file.h"
#include "cli/opts.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/log/log.h"

static const struct command commands[] = {
	{ "create", "ID", "make a container that waits to be started", cmd_create },
	{ "start", "ID...", "run the program of a container that was created", cmd_start },
	{ "run", "ID", "create, start, wait and delete", cmd_run },
	{ "exec", "ID PROGRAM [ARGUMENT...] | SANDBOX",
	  "run one more program in a container, or a shell in a sandbox's guest", cmd_exec },
	{ "kill", "ID [SIGNAL]", "send a signal (default: SIGTERM) to the container's program",
	  cmd_kill },
	{ "delete", "ID...", "remove containers that have ended", cmd_delete },
	{ "state", "ID", "print the state of a container", cmd_state },
	{ "list", "", "list the containers under --root", cmd_list },
	{ "ps", "ID [PS-OPTION...]", "list the processes of a container", cmd_ps },
	{ "pause", "ID", "suspend all processes of a container", cmd_pause_resume },
	{ "resume", "ID", "let a paused container go on", cmd_pause_resume },
	{ "update", "ID", "change the resource limits of a container", cmd_update },
	{ "events", "ID", "print what a container uses, again and again", cmd_events },
	{ "spec", "", "write a config.json to start from", cmd_spec },
	{ "timeline", "ID", "show how long each stage of the start took", cmd_timeline },
	{ "metrics", "SANDBOX", "print what a sandbox uses, for Prometheus", cmd_metrics },
	{ "kata-network", "add-iface|del-iface|update-routes ID FILE|- | list-ifaces|list-routes|show ID",
	  "the network of a sandbox: show it, change what the guest has of it", cmd_network },
	{ "iptables", "get|set --sandbox-id SANDBOX [--v6] [FILE|-]",
	  "print or replace the packet filter rules of a sandbox's guest", cmd_iptables },
	{ "features", "", "print what this runtime supports, as JSON", cmd_features },
	{ "version", "", "print the version", cmd_version },
};

/* Words that users of Kata or runc will try; each says why it is refused. */
static const struct {
	const char *name;
	const char *why;
} not_here[] = {
	{ "checkpoint", "checkpoint and restore of a virtual machine are not supported" },
	{ "restore", "checkpoint and restore of a virtual machine are not supported" },
	{ "check", "not available yet" },
	{ "kata-check", "not available yet" },
	{ "env", "not available yet" },
	{ "kata-env", "not available yet" },
	{ "factory", "not available yet" },
	{ "direct-volume", "not available yet" },
	{ "policy", "not available yet" },
	{ "kata-overhead", "not available yet" },
};

static struct cli cli = {
	.root = CLI_ROOT, .log_path = "", .log_format = "text", .rootless = "auto"
};
static bool show_version;

static const struct opt global_opts[] = {
	{ "root", 0, OPT_TEXT, &cli.root, "DIR", "where containers are remembered (" CLI_ROOT ")" },
	{ "log", 0, OPT_TEXT, &cli.log_path, "FILE", "write the reason of a failure there too" },
	{ "log-format", 0, OPT_TEXT, &cli.log_format, "text|json", "of --log (text)" },
	{ "kata-config", 0, OPT_TEXT, &cli.config_path, "FILE", "the configuration file" },
	{ "config", 0, OPT_TEXT, &cli.config_path, "FILE", "the same" },
	{ "systemd-cgroup", 0, OPT_FLAG, &cli.systemd_cgroup, NULL,
	  "cgroupsPath is slice:prefix:name" },
	{ "rootless", 0, OPT_TEXT, &cli.rootless, "true|false|auto",
	  "only as root: false or auto" },
	{ "debug", 0, OPT_FLAG, &cli.debug, NULL, "log more" },
	{ "kata-show-default-config-paths", 0, OPT_FLAG, &cli.show_config_paths, NULL,
	  "print where the configuration is looked for" },
	{ "show-default-config-paths", 0, OPT_FLAG, &cli.show_config_paths, NULL, "the same" },
	{ "version", 'v', OPT_FLAG, &show_version, NULL, "print the version" },
};

static void print_help(void)
{
	printf(CLI_NAME " - run containers, each in a virtual machine of its own\n\n"
			"USAGE:\n   " CLI_NAME
			" [global flags] COMMAND [flags] [arguments]\n\nCOMMANDS:\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("   %-12s %s\n", commands[i].name, commands[i].brief);
	printf("\nGLOBAL FLAGS:\n");
	opts_print(global_opts, ARRAY_LEN(global_opts));
	printf("\n'" CLI_NAME " COMMAND --help' shows the flags of a command.\n");
}

/* A FIFO that nobody reads must not hold us up: hence the non-blocking open. */
static int open_log(struct err *err)
{
	bool json = strcmp(cli.log_format, "json") == 0;
	int fd = -1;

	if (!json && strcmp(cli.log_format, "text") != 0)
		return err_set(err, ERR_INVALID, "unknown log-format '%s'", cli.log_format);
	if (cli.log_path[0]) {
		fd = open(cli.log_path,
			  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
		if (fd < 0)
			return err_sys(err, errno, "open log '%s'", cli.log_path);
	}
	log_setup(fd, json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
		  cli.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, CLI_NAME, "runtime");
	return 0;
}

/* The text may hold words of a guest: no control character reaches a terminal. */
int cli_fail(struct err *err, int code)
{
	for (char *p = err->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	log_error(err->text);
	fprintf(stderr, "%s\n", err->text);
	return code;
}

static int check_globals(struct err *err)
{
	if (strcmp(cli.rootless, "true") == 0)
		return err_set(err, ERR_UNIMPLEMENTED, "flag '--rootless true': not available yet");
	if (strcmp(cli.rootless, "false") != 0 && strcmp(cli.rootless, "auto") != 0)
		return err_set(err, ERR_INVALID,
			       "flag '--rootless': '%s' is not true, false or auto", cli.rootless);
	if (cli.root[0] != '/')
		return err_set(err, ERR_INVALID, "flag '--root': '%s' is not an absolute path",
			       cli.root);
	return 0;
}

/*
 * Rootless clients run us as somebody else, or as the root of a user namespace, who may make neither
 * the sandbox's cgroups and mounts nor what virtiofsd needs.
 */
static int check_root(const char *command, struct err *err)
{
	static const char *const for_all[] = { "spec", "features", "version" };
	scoped_free char *map = NULL;
	struct err ignored = ERR_INIT;
	unsigned int inside = 0, outside = 0;

	for (size_t i = 0; i < ARRAY_LEN(for_all); i++)
		if (strcmp(command, for_all[i]) == 0)
			return 0;
	if (geteuid() != 0)
		return err_set(err, ERR_DENIED, "command '%s' as user %u: only root can make virtual "
			       "machines, rootless containers are not supported", command,
			       (unsigned int)geteuid());
	if (file_read("/proc/self/uid_map", 4096, &map, NULL, &ignored) == 0 &&
	    sscanf(map, "%u %u", &inside, &outside) == 2 && inside == 0 && outside != 0)
		return err_set(err, ERR_DENIED, "command '%s' as root of a user namespace (user %u "
			       "outside): only the machine's root can make virtual machines, rootless "
			       "containers are not supported", command, outside);
	return 0;
}

static int run_command(int argc, char **argv, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return check_root(argv[0], err) < 0
				       ? -1
				       : commands[i].run(&commands[i], &cli, argc, argv, err);
	for (size_t i = 0; i < ARRAY_LEN(not_here); i++)
		if (strcmp(not_here[i].name, argv[0]) == 0)
			return err_set(err, ERR_UNIMPLEMENTED, "command '%s': %s", argv[0],
				       not_here[i].why);
	return err_set(err, ERR_INVALID, "unknown command '%s'", argv[0]);
}

/* Descriptors 0 to 2 must be something, or the next file opened becomes one of them. */
static void fill_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* NOLINT: to be inherited, as a stream is */
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int first, r;

	fill_standard_streams();
	signal(SIGPIPE, SIG_IGN);
	if (opts_parse_global(global_opts, ARRAY_LEN(global_opts), argc, argv, print_help, &first,
			      &err) < 0)
		return cli_fail(&err, 1);
	if (show_version)
		return cmd_version(NULL, &cli, 0, NULL, &err);
	if (cli.show_config_paths) {
		config_file_print_paths();
		return 0;
	}
	if (!argv[first] || strcmp(argv[first], "help") == 0) {
		print_help();
		return 0;
	}
	if (open_log(&err) < 0 || check_globals(&err) < 0)
		return cli_fail(&err, 1);
	r = run_command(argc - first, argv + first, &err);
	if (r < 0)
		r = cli_fail(&err, 1);
	if (fflush(stdout) != 0 && r == 0) {
		(void)err_sys(&err, errno, "write to stdout");
		r = cli_fail(&err, 1);
	}
	return r;
}
