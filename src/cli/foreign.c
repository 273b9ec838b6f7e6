/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/foreign.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/config/config.h"
#include "engine/resource/netns.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"

/* The pid in "/proc/PID/ns/TYPE", 0 for any other path. */
static unsigned int pid_of(const char *path)
{
	unsigned int pid = 0;
	int end = 0;

	return sscanf(path, "/proc/%9u/ns/%n", &pid, &end) == 1 && end > 0 ? pid : 0;
}

static bool is_stand_in(unsigned int pid)
{
	scoped_free char *name = NULL;
	struct err ignored = ERR_INIT;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	return file_read(path, 64, &name, NULL, &ignored) == 0 && strcmp(name, "kata-shim\n") == 0;
}

/*
 * A network namespace is where the VM's interfaces come from: anybody's but another VM's. User
 * namespaces are made in the guest, from the mappings.
 */
static bool is_out_of_reach(const Grpc__LinuxNamespace *ns)
{
	static const char *const kinds[] = { "pid", "ipc", "uts" };
	unsigned int pid = pid_of(ns->path);

	for (size_t i = 0; pid && i < ARRAY_LEN(kinds); i++)
		if (strcmp(ns->type, kinds[i]) == 0)
			return true;
	return pid && strcmp(ns->type, "network") == 0 && is_stand_in(pid);
}

int foreign_check(const struct config *config, const Grpc__Spec *spec, struct err *err)
{
	if (!netns_path(spec) && !config->runtime.disable_new_netns)
		return err_set(err, ERR_UNIMPLEMENTED, "share the caller's network namespace: " NETNS_HOST);
	for (size_t i = 0; spec->linux && i < spec->linux->n_namespaces; i++) {
		const Grpc__LinuxNamespace *ns = spec->linux->namespaces[i];

		if (is_out_of_reach(ns))
			return err_set(err, ERR_UNIMPLEMENTED,
				       "share %s namespace '%s': it is outside of this container's "
				       "virtual machine; containers of one pod share one",
				       ns->type, ns->path);
	}
	return 0;
}
