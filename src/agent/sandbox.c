/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/check.h"
#include "agent/container.h"
#include "agent/launch/launch.h"
#include "agent/modules.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/log/log.h"
#include "lib/ttrpc/server.h"

#define HOSTNAME_LEN     64
#define OOM_WAITERS_MAX  16
#define DNS_LINES_MAX    256
#define RESOLV_CONF      SANDBOX_DIR "/resolv.conf"
#define MODULE_PARAM_MAX 4096

struct sandbox *sandbox_new(struct agent *agent)
{
	struct sandbox *sb = xnew(struct sandbox);

	*sb = (struct sandbox){ .agent = agent, .ipc_ns_fd = -1, .uts_ns_fd = -1, .pid_ns_fd = -1 };
	storages_init(&sb->storages, agent->modules);
	list_init(&sb->containers);
	list_init(&sb->oom_waiters);
	return sb;
}

struct container *sandbox_find(struct sandbox *sb, const char *id, struct err *err)
{
	if (check_id("container id", id, err) < 0)
		return NULL;
	list_for_each(&sb->containers, struct container, node, ctr)
		if (strcmp(ctr->id, id) == 0)
			return ctr;
	err_set(err, ERR_NOT_FOUND, "container '%s' is not there", id);
	return NULL;
}

/* Namespaces */

static int open_namespace(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open namespace '%s'", path);
	return fd;
}

/*
 * Step into new namespaces, keep them by fd and step back: there is one thread, so for a
 * moment the whole agent is in there, and nobody looks.
 */
static int make_namespaces(struct sandbox *sb, const char *hostname, struct err *err)
{
	scoped_fd int ipc = open_namespace("/proc/self/ns/ipc", err);
	scoped_fd int uts = ipc < 0 ? -1 : open_namespace("/proc/self/ns/uts", err);
	int r = 0;

	if (uts < 0)
		return -1;
	if (unshare(CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_sys(err, errno, "make shared namespaces");
	if (*hostname && sethostname(hostname, strlen(hostname)) < 0)
		r = err_sys(err, errno, "set hostname '%s'", hostname);
	if (r == 0 && (sb->ipc_ns_fd = open_namespace("/proc/self/ns/ipc", err)) < 0)
		r = -1;
	if (r == 0 && (sb->uts_ns_fd = open_namespace("/proc/self/ns/uts", err)) < 0)
		r = -1;
	if (setns(ipc, CLONE_NEWIPC) < 0 || setns(uts, CLONE_NEWUTS) < 0)
		return err_sys(err, errno, "go back to the agent's namespaces");
	return r;
}

static bool has_user_namespace(const struct container *ctr)
{
	const Grpc__Linux *lx = ctr->spec->linux;

	for (size_t i = 0; i < lx->n_namespaces; i++)
		if (strcmp(lx->namespaces[i]->type, "user") == 0)
			return true;
	return false;
}

/*
 * One with a user namespace has them for itself: in the sandbox's its root could neither mount an
 * mqueue nor set the host's name.
 */
void sandbox_fill_namespaces(const struct sandbox *sb, const struct container *ctr,
			     struct launch_context *ctx)
{
	bool shares = !has_user_namespace(ctr);

	ctx->ipc_ns_fd = shares ? sb->ipc_ns_fd : -1;
	ctx->uts_ns_fd = shares ? sb->uts_ns_fd : -1;
	ctx->pid_ns_fd = ctr->sandbox_pidns ? sb->pid_ns_fd : ctr->pid_ns_fd;
}

int sandbox_keep_pidns(struct sandbox *sb, const struct container *ctr, struct err *err)
{
	scoped_free char *path = NULL;

	bool is_own = strcmp(ctr->id, sb->id) == 0; /* started again, its namespace is a new one */
	int fd;

	if (!is_own && (!ctr->sandbox_pidns || sb->pid_ns_fd >= 0))
		return 0;
	path = xasprintf("/proc/%d/ns/pid", (int)ctr->init->pid);
	fd = open_namespace(path, err);
	if (fd < 0)
		return -1;
	close_fd(&sb->pid_ns_fd);
	sb->pid_ns_fd = fd;
	return 0;
}

/* Kernel modules */

static bool is_in_kernel(const char *name)
{
	scoped_free char *path = xasprintf("/sys/module/%s", name);

	for (char *at = path; *at; at++)
		if (*at == '-')
			*at = '_';
	return access(path, F_OK) == 0;
}

static int load_module(struct sandbox *sb, const Grpc__KernelModule *km, struct err *err)
{
	struct str parameters = { .max = MODULE_PARAM_MAX };
	struct err not_listed = ERR_INIT;
	int r;

	if (check_id("kernel module", km->name, err) < 0)
		return -1;
	for (size_t i = 0; i < km->n_parameters; i++)
		str_addf(&parameters, "%s%s", i ? " " : "", km->parameters[i]);
	if (parameters.cut)
		r = err_set(err, ERR_INVALID, "parameters of kernel module '%s' are too long",
			    km->name);
	else if (!sb->agent->modules)
		r = err_set(&not_listed, ERR_NOT_FOUND,
			    "kernel module '%s': the guest image has no list", km->name);
	else
		r = modules_load_name(sb->agent->modules, km->name, str_get(&parameters),
				      &not_listed);
	str_done(&parameters);
	if (r == 0 || is_in_kernel(km->name))
		return 0;
	if (not_listed.code != ERR_OK)
		*err = not_listed;
	return -1;
}

/* Names */

static int check_dns_line(const char *line, struct err *err)
{
	for (const char *at = line; *at; at++)
		if ((unsigned char)*at < 0x20 && *at != '\t')
			return err_set(err, ERR_INVALID, "DNS line with a control character");
	return 0;
}

/* The agent's copy, and over the guest's own for whoever looks there. */
static int write_resolv_conf(struct sandbox *sb, char *const *lines, size_t n, struct err *err)
{
	struct str text = { .max = 64 << 10 };
	int r = 0;

	if (n > DNS_LINES_MAX)
		return err_set(err, ERR_INVALID, "more than %d DNS lines", DNS_LINES_MAX);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = check_dns_line(lines[i], err);
		str_addf(&text, "%s\n", lines[i]);
	}
	if (r == 0)
		r = file_replace(RESOLV_CONF, str_get(&text), text.len, 0644, err);
	str_done(&text);
	if (r < 0)
		return -1;
	if (sb->agent->is_init) {
		int fd = open("/etc/resolv.conf", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

		if (fd >= 0)
			close(fd);
	}
	if (mount(RESOLV_CONF, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		log_warn("guest's own resolv.conf not set, going on", "reason", strerror(errno));
	else
		sb->has_resolv_conf = true;
	return 0;
}

static int set_names(struct sandbox *sb, const Grpc__CreateSandboxRequest *req, struct err *err)
{
	if (req->n_dns && write_resolv_conf(sb, req->dns, req->n_dns, err) < 0)
		return -1;
	if (sb->agent->is_init && *req->hostname &&
	    sethostname(req->hostname, strlen(req->hostname)) < 0)
		return err_sys(err, errno, "set hostname '%s'", req->hostname);
	return 0;
}

/* Up and down */

static int check_request(const struct sandbox *sb, const Grpc__CreateSandboxRequest *req,
			 struct err *err)
{
	if (sb->up)
		return err_set(err, ERR_STATE, "sandbox '%s' is there already", sb->id);
	if (*req->sandbox_id && check_id("sandbox id", req->sandbox_id, err) < 0)
		return -1;
	if (strlen(req->hostname) > HOSTNAME_LEN)
		return err_set(err, ERR_INVALID, "hostname is over %d bytes", HOSTNAME_LEN);
	if (*req->guest_hook_path)
		return check_path("guest hook path", req->guest_hook_path, err);
	return 0;
}

static int bring_up(struct sandbox *sb, const Grpc__CreateSandboxRequest *req, struct err *err)
{
	for (size_t i = 0; i < req->n_kernel_modules; i++)
		if (load_module(sb, req->kernel_modules[i], err) < 0)
			return -1;
	if (dir_make(SANDBOX_DIR, 0755, err) < 0 || make_namespaces(sb, req->hostname, err) < 0 ||
	    storages_add(&sb->storages, req->storages, req->n_storages, &sb->points, err) < 0)
		return -1;
	return set_names(sb, req, err);
}

int sandbox_up(struct sandbox *sb, const Grpc__CreateSandboxRequest *req, struct err *err)
{
	if (check_request(sb, req, err) < 0)
		return -1;
	if (bring_up(sb, req, err) < 0) {
		sandbox_down(sb);
		return err_wrap(err, "create sandbox");
	}
	sb->id = xstrdup(req->sandbox_id);
	if (*req->guest_hook_path)
		sb->hook_dir = xstrdup(req->guest_hook_path);
	sb->up = true;
	return 0;
}

void sandbox_down(struct sandbox *sb)
{
	struct err ignored = ERR_INIT; /* the VM ends with it */

	storages_drop(&sb->storages, &sb->points);
	storages_done(&sb->storages);
	if (sb->has_resolv_conf)
		(void)umount2("/etc/resolv.conf", MNT_DETACH | UMOUNT_NOFOLLOW);
	sb->has_resolv_conf = false;
	(void)dir_remove(SANDBOX_DIR, &ignored);
	close_fd(&sb->ipc_ns_fd);
	close_fd(&sb->uts_ns_fd);
	close_fd(&sb->pid_ns_fd);
	free(sb->id);
	free(sb->hook_dir);
	sb->id = sb->hook_dir = NULL;
	sb->up = false;
}

/* Out of memory */

struct oom_waiter {
	struct list node;
	struct sandbox *sb;
	struct ttrpc_call *call;
};

static void free_waiter(struct oom_waiter *w)
{
	list_remove(&w->node);
	w->sb->n_oom_waiters--;
	free(w);
}

static void on_cancelled(void *arg)
{
	free_waiter(arg);
}

static void reply_oom(struct ttrpc_call *call, char *container_id)
{
	Grpc__OOMEvent resp = GRPC__OOMEVENT__INIT;

	resp.container_id = container_id;
	ttrpc_reply(call, &resp.base);
}

void sandbox_tell_oom(struct sandbox *sb, const char *container_id)
{
	if (!list_empty(&sb->oom_waiters)) {
		struct oom_waiter *w = container_of(sb->oom_waiters.next, struct oom_waiter, node);
		struct ttrpc_call *call = w->call;
		scoped_free char *id = xstrdup(container_id);

		free_waiter(w);
		reply_oom(call, id);
		return;
	}
	for (char **id = sb->oom_pending; id && *id; id++)
		if (strcmp(*id, container_id) == 0)
			return;
	strv_add(&sb->oom_pending, container_id);
}

void sandbox_wait_oom(struct sandbox *sb, struct ttrpc_call *call)
{
	struct err err = ERR_INIT;
	struct oom_waiter *w;

	if (sb->oom_pending && sb->oom_pending[0]) {
		scoped_free char *id = sb->oom_pending[0];
		size_t n = strv_len(sb->oom_pending);

		memmove(sb->oom_pending, sb->oom_pending + 1, n * sizeof(*sb->oom_pending));
		reply_oom(call, id);
		return;
	}
	if (sb->n_oom_waiters >= OOM_WAITERS_MAX) {
		err_set(&err, ERR_EXHAUSTED, "more than %d calls wait for OOM events",
			OOM_WAITERS_MAX);
		ttrpc_fail(call, &err);
		return;
	}
	w = xnew(struct oom_waiter);
	*w = (struct oom_waiter){ .sb = sb, .call = call };
	list_add(&sb->oom_waiters, &w->node);
	sb->n_oom_waiters++;
	ttrpc_call_on_cancel(call, on_cancelled, w);
}

void sandbox_free(struct sandbox *sb)
{
	if (!sb)
		return;
	while (!list_empty(&sb->containers))
		container_free(container_of(sb->containers.prev, struct container, node));
	if (sb->up)
		sandbox_down(sb);
	storages_done(&sb->storages);
	strv_free(sb->oom_pending);
	free(sb);
}
