/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/config/config.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define ROUTES_MAX (1u << 20)

static void back_to_netns(int old)
{
	if (setns(old, CLONE_NEWNET) < 0)
		abort(); /* nothing that we do next would be where it belongs */
}

static int fresh_netns(struct err *err)
{
	scoped_fd int old = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd, error;

	if (old < 0 || unshare(CLONE_NEWNET) < 0)
		return err_sys(err, errno, "make network namespace");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	error = errno;
	back_to_netns(old);
	return fd < 0 ? err_sys(err, error, "open network namespace") : fd;
}

int netns_open(const struct config *config, const Grpc__Spec *spec, struct err *err)
{
	for (size_t i = 0; spec->linux && i < spec->linux->n_namespaces; i++) {
		const Grpc__LinuxNamespace *ns = spec->linux->namespaces[i];
		int fd;

		if (strcmp(ns->type, "network") != 0)
			continue;
		if (!ns->path[0])
			return config->runtime.disable_new_netns ? -1 : fresh_netns(err);
		fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			(void)err_sys(err, errno, "open network namespace '%s'", ns->path);
		return fd;
	}
	return -1;
}

bool netns_has_network(pid_t pid, char ret_name[static IF_NAMESIZE])
{
	scoped_free char *path = pid ? xasprintf("/proc/%d/net/route", (int)pid)
				     : xstrdup("/proc/self/net/route");
	scoped_free char *routes = NULL;
	struct err ignored = ERR_INIT;
	const char *line;

	if (file_read(path, ROUTES_MAX, &routes, NULL, &ignored) < 0)
		return false;
	line = strchr(routes, '\n'); /* after the heading */
	return line && sscanf(line, " %15s", ret_name) == 1;
}
