/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pids.h"

#include <stdio.h>
#include <string.h>

#include "engine/sandbox_priv.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"

static const Grpc__LinuxNamespace *pid_namespace(const Grpc__Spec *spec)
{
	for (size_t i = 0; spec->linux && i < spec->linux->n_namespaces; i++)
		if (strcmp(spec->linux->namespaces[i]->type, "pid") == 0)
			return spec->linux->namespaces[i];
	return NULL;
}

/* 0: it is some other path. */
static pid_t pid_of_path(const char *path)
{
	int pid = 0, end = 0;

	if (sscanf(path, "/proc/%d/ns/pid%n", &pid, &end) != 1 || path[end] != '\0' || end == 0)
		return 0;
	return pid;
}

static bool is_stand_in(struct sandbox *sb, pid_t pid, const struct container **ret)
{
	list_for_each(&sb->containers, struct container, node, other) {
		if (process_shim_pid(other->init) != pid)
			continue;
		*ret = other->first ? NULL : other;
		return true;
	}
	return false;
}

static int only_one(struct sandbox *sb, const struct container *c, const struct container **ret,
		    struct err *err)
{
	size_t n = 0;

	list_for_each(&sb->containers, struct container, node, other) {
		if (other == c || other->first || other->status != CONTAINER_RUNNING)
			continue;
		*ret = other;
		n++;
	}
	if (n == 1)
		return 0;
	return err_set(err, ERR_UNIMPLEMENTED,
		       "join the pid namespace of a container: %zu run in the pod, and the path, "
		       "which names the virtual machine, does not tell which",
		       n);
}

int pids_choose(const struct container *c, const struct container **ret, struct err *err)
{
	const Grpc__LinuxNamespace *ns = pid_namespace(c->spec);
	struct sandbox *sb = c->sandbox;
	pid_t pid;

	*ret = NULL;
	if (c->first)
		return 0;
	if (!ns || !ns->path[0]) {
		sb->has_own_pids = true;
		return 0;
	}
	pid = pid_of_path(ns->path);
	if (pid == 0 || is_stand_in(sb, pid, ret))
		return 0;
	return pid == sandbox_vmm_pid(sb) && sb->has_own_pids ? only_one(sb, c, ret, err) : 0;
}

void pids_set_target(Grpc__Spec *guest_spec, const char *container_id)
{
	Grpc__Linux *lx = guest_spec->linux;
	Grpc__LinuxNamespace *ns = xnew(Grpc__LinuxNamespace);

	grpc__linux_namespace__init(ns);
	spec_set_string(&ns->type, "pid");
	ns->path = xasprintf("/run/kata-containers/%s/ns/pid", container_id);
	lx->namespaces = xrealloc(lx->namespaces, lx->n_namespaces + 1, sizeof(*lx->namespaces));
	lx->namespaces[lx->n_namespaces++] = ns;
}
