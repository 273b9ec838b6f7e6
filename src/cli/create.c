/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.c - from a bundle to a container that waits to be started
 *
 * The table at the end is the whole story. What can be wrong with the input is found
 * before it: config.json, the configuration and the flags are read while there is
 * nothing to undo.
 */
#include "cli/create.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/config_file.h"
#include "cli/foreign.h"
#include "cli/hooks.h"
#include "cli/interrupt.h"
#include "cli/oci_state.h"
#include "cli/view.h"
#include "engine/config/config.h"
#include "engine/persist/cleanup.h"
#include "engine/persist/mapping.h"
#include "engine/pod.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/oci/spec.h"

#define BOOT_SLACK_MS 30000 /* besides what the configuration gives the agent and the container */

/* --- the input --- */

size_t create_opts(struct create_args *a, struct opt opts[static CREATE_OPTS_MAX])
{
	const struct opt all[CREATE_OPTS_MAX] = {
		{ "bundle", 'b', OPT_TEXT, &a->bundle, "DIR", "directory of config.json (.)" },
		{ "console", 0, OPT_TEXT, &(a->console_socket), "SOCKET",
		  "the same as --console-socket" },
		{ "console-socket", 0, OPT_TEXT, &a->console_socket, "SOCKET",
		  "unix socket that gets the terminal" },
		{ "pid-file", 0, OPT_TEXT, &a->pid_file, "FILE", "write the process's pid there" },
		{ "preserve-fds", 0, OPT_TEXT, &a->preserve_fds, "N",
		  "only 0: a guest has none of ours" },
		{ "no-pivot", 0, OPT_FLAG, &a->no_pivot, NULL,
		  "no meaning here: the root is a VM's" },
		{ "no-new-keyring", 0, OPT_FLAG, &a->no_new_keyring, NULL,
		  "no meaning here: the kernel is a VM's" },
		{ "detach", 'd', OPT_FLAG, &a->detach, NULL, "return once it runs" },
	};

	memcpy(opts, all, sizeof(all));
	return CREATE_OPTS_MAX;
}

int preserve_fds_check(const char *text, struct err *err)
{
	unsigned long long n = 0;

	if (opt_u64("preserve-fds", text, INT_MAX, &n, err) < 0)
		return -1;
	if (n > 0)
		return err_set(
			err, ERR_UNIMPLEMENTED,
			"flag '--preserve-fds %llu': descriptors cannot be passed into a virtual machine",
			n);
	return 0;
}

/* The caller's relative paths; we never change our directory. */
static int real_dir(const char *path, char **ret, struct err *err)
{
	char buf[PATH_MAX];
	struct stat st;

	if (!realpath(path, buf))
		return err_sys(err, errno, "open bundle '%s'", path);
	if (stat(buf, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, "open bundle '%s': Not a directory", path);
	*ret = xstrdup(buf);
	return 0;
}

static char *rootfs_path(const struct create *c)
{
	const char *path = c->spec->root->path;

	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", c->bundle, path);
}

static int check_rootfs(const struct create *c, struct err *err)
{
	scoped_free char *joined = rootfs_path(c);
	struct stat st;

	if (stat(joined, &st) < 0)
		return err_sys(err, errno, "open rootfs '%s'", joined);
	if (!S_ISDIR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, ERR_INVALID, "open rootfs '%s': Not a directory", joined);
	return 0;
}

static void want_stand_in(struct create *c)
{
	const Grpc__Process *p = c->spec->process;

	c->stand_in.shim_path = c->config->shim.path;
	c->stand_in.cid = c->args.id;
	c->stand_in.sid = c->sid;
	c->stand_in.exec_id = "";
	c->stand_in.terminal = p->terminal;
	c->stand_in.console_socket = c->args.console_socket;
	c->stand_in.rows = p->consolesize ? p->consolesize->height : 0;
	c->stand_in.columns = p->consolesize ? p->consolesize->width : 0;
	c->stand_in.foreground = !c->args.detach;
}

/*
 * A pod's own container may have ended and be wanted again while others of the pod run (podman
 * pod restart): then its VM is there.
 */
static int settle_sandbox(struct create *c, struct err *err)
{
	size_t others = 0;

	if (strcmp(c->sid, c->args.id) != 0)
		return 0;
	c->lock = sandbox_lock(c->sid);
	if (mapping_count(c->cli->root, c->sid, &others, err) < 0)
		return -1;
	c->new_sandbox = others == 0;
	return 0;
}

static int read_input(struct create *c, struct err *err)
{
	const char *sid;

	if (id_check(c->args.id, err) < 0 || preserve_fds_check(c->args.preserve_fds, err) < 0 ||
	    real_dir(c->args.bundle ? c->args.bundle : ".", &c->bundle, err) < 0)
		return -1;
	c->spec = spec_load(c->bundle, err);
	if (!c->spec || hooks_check(c->spec, err) < 0 || check_rootfs(c, err) < 0)
		return -1;
	sid = pod_sandbox_id(c->spec, c->args.id, err);
	if (!sid)
		return -1;
	c->sid = xstrdup(sid);
	if (settle_sandbox(c, err) < 0)
		return -1;
	c->config = config_file_load(c->cli, c->spec, err);
	if (!c->config || (c->new_sandbox && foreign_check(c->config, c->spec, err) < 0))
		return -1;
	want_stand_in(c);
	return stand_in_check(&c->stand_in, c->args.detach, err);
}

/* --- the steps --- */

static enum flow_next record(void *owner, struct err *err)
{
	struct create *c = owner;

	int r = mapping_add(c->cli->root, c->args.id, c->sid, c->bundle, err);

	close_fd(&c->lock);
	return r < 0 ? FLOW_FAIL : FLOW_NEXT;
}

/* Only what we recorded: that a mapping existed is why record() failed. */
static void unrecord(void *owner)
{
	struct create *c = owner;
	struct err ignored = ERR_INIT;

	if (c->flow.at > 0)
		(void)mapping_remove(c->cli->root, c->args.id, &ignored);
}

static int check_supervisors_view(const struct create *c, struct err *err)
{
	scoped_free char *rootfs = rootfs_path(c);

	if (sandbox_sees(c->sid, rootfs))
		return 0;
	return err_set(
		err, ERR_UNIMPLEMENTED,
		"share root file system: the pod's virtual machine was started in another mount "
		"namespace, where it is not mounted (podman: a pod with --userns)");
}

static enum flow_next start_supervisor(void *owner, struct err *err)
{
	struct create *c = owner;

	if (c->new_sandbox && sandbox_start(c->cli, c->config, c->sid, c->spec, &c->proxy, err) < 0)
		return FLOW_FAIL;
	c->sup = supervisor_open(c->sid, err);
	if (!c->sup || (!c->new_sandbox && check_supervisors_view(c, err) < 0))
		return FLOW_FAIL;
	return FLOW_NEXT;
}

static void end_supervisor(void *owner)
{
	struct create *c = owner;
	struct err ignored = ERR_INIT;

	interrupt_ignore();
	if (!c->new_sandbox || c->proxy.pidfd < 0)
		return;
	(void)sandbox_end(c->sid, c->sup, SANDBOX_END_MS, &ignored);
	sandbox_process_kill(&c->proxy);
	(void)sandbox_kill(c->sid, &ignored);
}

static enum flow_next run_hooks(void *owner, struct err *err)
{
	struct create *c = owner;
	const Grpc__Hooks *h = c->spec->hooks;
	struct oci_state s = { .status = xstrdup("creating"),
			       .bundle = xstrdup(c->bundle),
			       .pid = (unsigned int)c->proxy.pid };
	scoped_free char *state = NULL;
	enum flow_next next = FLOW_NEXT;

	(void)snprintf(s.map.cid, sizeof(s.map.cid), "%s", c->args.id);
	state = oci_state_format(&s, c->spec);
	if (h && (hooks_run("prestart", h->prestart, h->n_prestart, state, err) < 0 ||
		  hooks_run("createRuntime", h->createruntime, h->n_createruntime, state, err) < 0))
		next = FLOW_FAIL;
	oci_state_done(&s);
	return next;
}

static enum flow_next create_task(void *owner, struct err *err)
{
	Containerd__Task__V2__CreateTaskRequest req =
		CONTAINERD__TASK__V2__CREATE_TASK_REQUEST__INIT;
	struct create *c = owner;
	uint32_t timeout_ms = (c->config->runtime.create_container_timeout +
			       CONFIG_DIAL_EMULATED * c->config->agent.dial_timeout) *
				      1000 +
			      BOOT_SLACK_MS;

	req.id = unconst(c->args.id);
	req.bundle = c->bundle;
	req.terminal = c->spec->process->terminal;
	return supervisor_tell(c->sup, TASK_SERVICE, "Create", &req.base, timeout_ms, err) < 0
		       ? FLOW_FAIL
		       : FLOW_NEXT;
}

/* With the sandbox, if it is ours; else this container alone. */
static void delete_task(void *owner)
{
	Containerd__Task__V2__DeleteRequest req = CONTAINERD__TASK__V2__DELETE_REQUEST__INIT;
	struct create *c = owner;
	struct err ignored = ERR_INIT;

	interrupt_ignore();
	if (c->new_sandbox)
		return;
	req.id = unconst(c->args.id);
	(void)supervisor_tell(c->sup, TASK_SERVICE, "Delete", &req.base, CALL_AGENT_MS, &ignored);
}

static enum flow_next start_stand_in(void *owner, struct err *err)
{
	struct create *c = owner;
	scoped_free char *rootfs = rootfs_path(c);
	scoped_fd int view = view_make(rootfs, c->spec, err);

	if (view < 0)
		return FLOW_FAIL;
	c->stand_in.view_fd = view;
	return stand_in_start(&c->stand_in, c->sup, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

static void kill_stand_in(void *owner)
{
	struct create *c = owner;

	stand_in_kill(&c->stand_in);
}

static enum flow_next write_pid(void *owner, struct err *err)
{
	struct create *c = owner;

	return stand_in_write_pid(&c->stand_in, c->args.pid_file, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

static const struct flow_step steps[] = {
	{ "record container", record, unrecord },
	{ "start supervisor", start_supervisor, end_supervisor },
	{ "run hooks", run_hooks, NULL },
	{ "create container", create_task, delete_task },
	{ "start stand-in", start_stand_in, kill_stand_in },
	{ "write pid", write_pid, NULL },
};

int create_run(struct create *c, const struct cli *cli, const struct create_args *args,
	       struct err *err)
{
	*c = (struct create){
		.cli = cli, .args = *args, .lock = -1, .proxy.pidfd = -1, .stand_in = STAND_IN_INIT
	};
	if (read_input(c, err) < 0 || interrupt_catch(err) < 0)
		return -1;
	c->flow = (struct flow){ .steps = steps, .n_steps = ARRAY_LEN(steps), .owner = c };
	return flow_run(&c->flow, err);
}

void create_done(struct create *c)
{
	supervisor_close(c->sup);
	close_fd(&c->lock);
	close_fd(&c->proxy.pidfd);
	close_fd(&c->stand_in.pidfd);
	config_free(c->config);
	if (c->spec)
		protobuf_c_message_free_unpacked(&c->spec->base, NULL);
	free(c->bundle);
	free(c->pid_file);
	free(c->sid);
}

void create_done_at(struct create *c)
{
	create_done(c);
}
