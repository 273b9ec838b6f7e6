/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/config/config.h"
#include "lib/base/defs.h"

void netns_return(int old)
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
	netns_return(old);
	return fd < 0 ? err_sys(err, error, "open network namespace") : fd;
}

const char *netns_path(const Grpc__Spec *spec)
{
	for (size_t i = 0; spec->linux && i < spec->linux->n_namespaces; i++)
		if (strcmp(spec->linux->namespaces[i]->type, "network") == 0)
			return spec->linux->namespaces[i]->path;
	return NULL;
}

static bool is_same(const struct stat *ns, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

bool netns_is_private(void)
{
	struct stat ours;

	return stat("/proc/self/ns/net", &ours) == 0 && !is_same(&ours, "/proc/1/ns/net");
}

bool netns_is_ours(const char *path)
{
	struct stat ours;

	return !*path || (stat("/proc/self/ns/net", &ours) == 0 && is_same(&ours, path));
}

static int open_named(const char *path, struct err *err)
{
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open network namespace '%s'", path);
	if (is_same(&st, "/proc/self/ns/net") || is_same(&st, "/proc/1/ns/net"))
		return err_set(err, ERR_UNIMPLEMENTED, "share network namespace '%s': " NETNS_HOST,
			       path);
	return take_fd(&fd);
}

int netns_open(const struct config *config, const Grpc__Spec *spec, struct err *err)
{
	const char *path = netns_path(spec);

	if (config->runtime.disable_new_netns && (!path || !path[0]))
		return -1;
	return path && path[0] ? open_named(path, err) : fresh_netns(err);
}
