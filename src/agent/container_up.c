/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container_up.c - from a CreateContainer request to an init that waits for its start
 *
 * The table at the end is the whole story; the functions above it are its rows. There is
 * one undo for all of them, container_free(), which has to know the order anyway: kill,
 * then the cgroup, then the storages.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/check.h"
#include "agent/container.h"
#include "agent/devices.h"
#include "agent/hooks.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "agent/storage.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/cgroup/cgroup.h"
#include "lib/log/log.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"
#include "lib/ttrpc/server.h"

static enum flow_next check_request(void *owner, struct err *err)
{
	struct container *ctr = owner;
	const Grpc__CreateContainerRequest *req = ctr->request;
	const Grpc__Spec *spec = req->oci;

	if (!spec || !spec->process || !spec->root || !spec->linux)
		err_set(err, ERR_INVALID, "spec without %s",
			!spec            ? "content"
			: !spec->process ? "process"
			: !spec->root    ? "root"
					 : "linux");
	else if (req->n_devices)
		err_set(err, ERR_UNIMPLEMENTED,
			"device '%.64s' of type '%.64s': devices are not built",
			req->devices[0]->id, req->devices[0]->type);
	else if (req->n_shared_mounts)
		err_set(err, ERR_UNIMPLEMENTED, "shared mounts are not built");
	else if (req->stdin_port || req->stdout_port || req->stderr_port)
		err_set(err, ERR_UNIMPLEMENTED, "streams on ports of their own are not built");
	else if (req->string_user && (*req->string_user->uid || *req->string_user->gid))
		err_set(err, ERR_UNIMPLEMENTED, "a user by name is not built");
	else
		return check_path("root file system", spec->root->path, err) < 0 ? FLOW_FAIL
										 : FLOW_NEXT;
	return FLOW_FAIL;
}

static enum flow_next add_storages(void *owner, struct err *err)
{
	struct container *ctr = owner;
	const Grpc__CreateContainerRequest *req = ctr->request;

	return storages_add(&ctr->agent->sandbox->storages, req->storages, req->n_storages,
			    &ctr->points, err) < 0
		       ? FLOW_FAIL
		       : FLOW_NEXT;
}

static enum flow_next make_bundle(void *owner, struct err *err)
{
	struct container *ctr = owner;
	scoped_free char *path = xasprintf("%s/%s", CONTAINER_BUNDLES, ctr->id);

	if (dir_make(CONTAINER_BUNDLES, 0755, err) < 0)
		return FLOW_FAIL;
	if (mkdir(path, 0700) < 0) {
		err_sys(err, errno, "make directory '%s'", path);
		return FLOW_FAIL;
	}
	ctr->has_bundle = true;
	return FLOW_NEXT;
}

static void add_namespace(Grpc__Linux *lx, const char *type)
{
	Grpc__LinuxNamespace *ns;

	for (size_t i = 0; i < lx->n_namespaces; i++)
		if (strcmp(lx->namespaces[i]->type, type) == 0)
			return;
	ns = xnew(Grpc__LinuxNamespace);
	grpc__linux_namespace__init(ns);
	ns->type = xstrdup(type);
	lx->namespaces = xrealloc(lx->namespaces, lx->n_namespaces + 1, sizeof(*lx->namespaces));
	lx->namespaces[lx->n_namespaces++] = ns;
}

/*
 * "/run/kata-containers/ID/ns/pid", which is no file: the processes of that container are to be
 * seen. The host knows no pid of the guest that it could name instead.
 */
static struct container *find_target(const struct sandbox *sb, const char *path)
{
	list_for_each(&sb->containers, struct container, node, other) {
		scoped_free char *of_other =
			xasprintf("%s/%s/ns/pid", CONTAINER_BUNDLES, other->id);

		if (strcmp(path, of_other) == 0)
			return other;
	}
	return NULL;
}

static int join_target(struct container *ctr, struct err *err)
{
	const Grpc__Linux *lx = ctr->spec->linux;

	for (size_t i = 0; i < lx->n_namespaces; i++) {
		Grpc__LinuxNamespace *ns = lx->namespaces[i];
		struct container *target = find_target(ctr->agent->sandbox, ns->path);
		scoped_free char *path = NULL;

		if (strcmp(ns->type, "pid") != 0 || !target || target == ctr)
			continue;
		if (container_check(target, true, err) < 0)
			return err_wrap(err, "join pid namespace of container '%s'", target->id);
		path = xasprintf("/proc/%d/ns/pid", (int)target->init->pid);
		ctr->pid_ns_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (ctr->pid_ns_fd < 0)
			return err_sys(err, errno, "open '%s'", path);
		spec_set_string(&ns->path, "");
	}
	return 0;
}

/* No container sees the agent's processes or mounts, whatever its spec leaves out. */
static enum flow_next take_spec(void *owner, struct err *err)
{
	struct container *ctr = owner;

	ctr->spec = message_copy(Grpc__Spec, ctr->request->oci);
	if (devices_settle(ctr->spec->linux, err) < 0 || join_target(ctr, err) < 0)
		return FLOW_FAIL;
	ctr->sandbox_pidns = ctr->request->sandbox_pidns;
	add_namespace(ctr->spec->linux, "mount");
	add_namespace(ctr->spec->linux, "pid");
	add_namespace(ctr->spec->linux, "ipc");
	add_namespace(ctr->spec->linux, "uts");
	return FLOW_NEXT;
}

static enum flow_next make_cgroup(void *owner, struct err *err)
{
	struct container *ctr = owner;
	const Grpc__Linux *lx = ctr->spec->linux;
	scoped_free char *path = cgroup_path(lx->cgroupspath, "", ctr->id, err);

	if (!path)
		return FLOW_FAIL;
	ctr->cgroup = cgroup_create(path, err);
	if (!ctr->cgroup || devices_apply(ctr->cgroup, lx, err) < 0 ||
	    (lx->resources && cgroup_apply(ctr->cgroup, lx->resources, err) < 0))
		return FLOW_FAIL;
	container_watch_oom(ctr);
	return FLOW_NEXT;
}

static void on_launched(void *arg, const struct err *err)
{
	struct container *ctr = arg;

	flow_resume(&ctr->up, err);
}

static enum flow_next launch_init(void *owner, struct err *err)
{
	struct container *ctr = owner;
	const struct process_plan plan = { .id = ctr->id, .process = ctr->spec->process };

	ctr->init = process_new(ctr, &plan, on_launched, ctr, err);
	return ctr->init ? FLOW_WAIT : FLOW_FAIL;
}

static enum flow_next keep_namespaces(void *owner, struct err *err)
{
	struct container *ctr = owner;

	return container_keep_mounts(ctr, err) < 0 ||
			       sandbox_keep_pidns(ctr->agent->sandbox, ctr, err) < 0
		       ? FLOW_FAIL
		       : FLOW_NEXT;
}

static void on_prestart(void *arg, const struct err *err)
{
	struct container *ctr = arg;

	ctr->prestart = NULL;
	flow_resume(&ctr->up, err);
}

static enum flow_next run_prestart(void *owner, struct err *err)
{
	struct container *ctr = owner;
	const struct hooks_state state = { ctr->id, "created", ctr->init->pid };

	(void)err;
	ctr->prestart = hooks_run(ctr->agent, ctr->agent->sandbox->hook_dir, "prestart", &state,
				  on_prestart, ctr);
	return ctr->prestart ? FLOW_WAIT : FLOW_NEXT;
}

static const struct flow_step steps[] = {
	{ "check request", check_request, NULL },     { "add storages", add_storages, NULL },
	{ "make bundle", make_bundle, NULL },         { "take spec", take_spec, NULL },
	{ "make cgroup", make_cgroup, NULL },         { "launch init", launch_init, NULL },
	{ "keep namespaces", keep_namespaces, NULL }, { "run prestart hooks", run_prestart, NULL },
};

/* One line, so that the console does not become what takes the time. */
static void log_times(const struct container *ctr)
{
	struct str text = { .max = 1024 };

	if (!log_wants(LOG_LEVEL_DEBUG))
		return;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		str_addf(&text, "%s%s %llu us", i ? ", " : "", steps[i].name,
			 (unsigned long long)ctr->up.took_ns[i] / 1000);
	log_debug("steps of the creation", "container", ctr->id, "took", str_get(&text));
	str_done(&text);
}

static void on_up(void *owner, const struct err *why)
{
	struct container *ctr = owner;
	struct ttrpc_call *call = ctr->call;
	struct err err = why ? *why : ERR_INIT;

	ctr->creating = false;
	ctr->call = NULL;
	ctr->request = NULL;
	if (call)
		ttrpc_call_on_cancel(call, NULL, NULL);
	if (why) {
		log_error("container not created", "container", ctr->id, "reason", err.text);
		container_free(ctr);
	} else {
		log_info("container created", "container", ctr->id);
		log_times(ctr);
	}
	if (call)
		rpc_end(call, &err);
}

static void on_cancelled(void *arg)
{
	struct container *ctr = arg;
	struct err err = ERR_INIT;

	ctr->call = NULL;
	err_set(&err, ERR_CANCELLED, "the caller is gone");
	flow_abort(&ctr->up, &err);
}

void container_create(struct agent *agent, struct ttrpc_call *call,
		      const Grpc__CreateContainerRequest *request)
{
	struct container *ctr = xnew(struct container);

	*ctr = (struct container){
		.agent = agent,
		.call = call,
		.request = request,
		.creating = true,
		.mount_ns_fd = -1,
		.pid_ns_fd = -1,
		.oom_fd = -1,
	};
	ctr->id = xstrdup(request->container_id);
	list_init(&ctr->processes);
	list_add(&agent->sandbox->containers, &ctr->node);
	event_assign(&ctr->remove_turn, agent->base, -1, 0, NULL, NULL);
	event_assign(&ctr->remove_deadline, agent->base, -1, 0, NULL, NULL);
	ctr->up = (struct flow){
		.steps = steps, .n_steps = ARRAY_LEN(steps), .owner = ctr, .done = on_up
	};
	ttrpc_call_on_cancel(call, on_cancelled, ctr);
	flow_start(&ctr->up);
}
