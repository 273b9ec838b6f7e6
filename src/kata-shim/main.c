/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - kata-shim's arguments
 *
 * Those of Kata 1.x, with one dash or two. Standard output and standard error belong to the
 * container; only a mistake in the arguments is told there, and that the container was lost: its
 * client would have nothing but the number.
 */
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kata-shim/shim.h"
#include "lib/base/defs.h"
#include "lib/base/str.h"

enum {
	OPT_AGENT = 1,
	OPT_CONTAINER,
	OPT_EXEC_ID,
	OPT_TERMINAL,
	OPT_READY_FD,
	OPT_MOUNT_NS_FD,
	OPT_VERSION,
	OPT_HELP,
	OPT_IGNORED
};

static const struct option longs[] = {
	{ "agent", required_argument, NULL, OPT_AGENT },
	{ "container", required_argument, NULL, OPT_CONTAINER },
	{ "exec-id", required_argument, NULL, OPT_EXEC_ID },
	{ "terminal", optional_argument, NULL, OPT_TERMINAL },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "mount-ns-fd", required_argument, NULL, OPT_MOUNT_NS_FD },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	/* It has nothing to log: what goes wrong is in the supervisor's log. */
	{ "log", required_argument, NULL, OPT_IGNORED },
	{ "debug", optional_argument, NULL, OPT_IGNORED },
	{ "trace", optional_argument, NULL, OPT_IGNORED },
	{ "proxy-exit-code", optional_argument, NULL, OPT_IGNORED },
	{ "agent-logs-socket", required_argument, NULL, OPT_IGNORED },
	{ 0 },
};

static int usage(FILE *to)
{
	fputs("kata-shim -agent unix://SOCKET -container ID [-exec-id ID] [-terminal]\n"
	      "  -agent unix://SOCKET  where the supervisor of the sandbox answers\n"
	      "  -container ID         the container\n"
	      "  -exec-id ID           the process; the container's own without it\n"
	      "  -terminal             the process has a terminal\n"
	      "  -ready-fd N           a socket: write a byte there once signals are forwarded,\n"
	      "                        and wait for one before anything else is done\n"
	      "  -mount-ns-fd N        a mount namespace to go to: what others see through our pid\n"
	      "  -version              print the version\n"
	      "  -log LEVEL, -debug, -trace, -proxy-exit-code, -agent-logs-socket PATH\n"
	      "                        accepted and without effect\n",
	      to);
	return to == stdout ? 0 : 1;
}

/* 0: run; 1: something was printed, exit with *ret_status. */
static int parse_args(int argc, char **argv, struct shim *shim, const char **ret_agent,
		      int *ret_status)
{
	unsigned long long fd;
	int c;

	*ret_status = 1;
	while ((c = getopt_long_only(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case OPT_AGENT:
			*ret_agent = optarg;
			break;
		case OPT_CONTAINER:
			shim->container_id = optarg;
			break;
		case OPT_EXEC_ID:
			shim->exec_id = optarg;
			break;
		case OPT_TERMINAL:
			shim->terminal = !optarg || strcmp(optarg, "true") == 0;
			break;
		case OPT_READY_FD:
			if (!parse_u64(optarg, INT_MAX, &fd))
				return usage(stderr), 1;
			shim->ready_fd = (int)fd;
			break;
		case OPT_MOUNT_NS_FD:
			if (!parse_u64(optarg, INT_MAX, &fd))
				return usage(stderr), 1;
			shim->mount_ns_fd = (int)fd;
			break;
		case OPT_VERSION:
			*ret_status = printf("kata-shim version %s\n", KATA_VERSION) < 0;
			return 1;
		case OPT_HELP:
			*ret_status = usage(stdout);
			return 1;
		case OPT_IGNORED:
			break;
		default:
			return usage(stderr), 1;
		}
	}
	if (*ret_agent && shim->container_id && optind == argc)
		return 0;
	return usage(stderr), 1;
}

/* Nobody may be reading: it is told if that takes no waiting. */
static void tell_lost(const struct shim *shim)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLOUT))
		dprintf(STDERR_FILENO, "kata-shim: container lost: %s\n", shim->lost.text);
}

int main(int argc, char **argv)
{
	struct shim shim = { .exec_id = "", .ready_fd = -1, .mount_ns_fd = -1 };
	const char *agent = NULL;
	struct err err = ERR_INIT;
	int status;

	if (parse_args(argc, argv, &shim, &agent, &status))
		return status;
	if (!str_starts(agent, "unix://")) {
		fprintf(stderr, "kata-shim: -agent '%s': only unix:// is understood\n", agent);
		return 1;
	}
	if (shim.exec_id[0] == '\0')
		shim.exec_id = shim.container_id;
	(void)prctl(PR_SET_NAME, "kata-shim");
	status = shim_run(&shim, agent + strlen("unix://"), &err);
	if (status < 0) {
		fprintf(stderr, "kata-shim: %s\n", err.text);
		return 1;
	}
	if (status == EXIT_LOST && shim.lost.code != ERR_OK)
		tell_lost(&shim);
	return status;
}
