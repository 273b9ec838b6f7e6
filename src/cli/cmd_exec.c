/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_exec.c - one more program in a container
 *
 * The process is added and started first; then comes its stand-in, which finds its output
 * waiting in the guest.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/config_file.h"
#include "cli/console.h"
#include "cli/create.h"
#include "cli/debug_console.h"
#include "cli/exec_process.h"
#include "cli/interrupt.h"
#include "cli/management.h"
#include "cli/oci_state.h"
#include "cli/opts.h"
#include "cli/task_call.h"
#include "engine/config/config.h"
#include "lib/base/debug_console.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"

#define EXEC_ID_LEN 16

struct exec {
	const struct cli *cli;
	const char *id;
	struct exec_flags flags;
	const char *pid_file, *console, *preserve_fds, *cgroup, *debug_port;
	bool detach, ignored;
	char *json;
	char exec_id[EXEC_ID_LEN + 1];
	struct oci_state state;
	struct config *config;
	struct supervisor *sup;
	struct stand_in stand_in;
	struct flow flow;
};

static enum flow_next add_process(void *owner, struct err *err)
{
	Containerd__Task__V2__ExecProcessRequest req =
		CONTAINERD__TASK__V2__EXEC_PROCESS_REQUEST__INIT;
	Containerd__Task__V2__Any any = CONTAINERD__TASK__V2__ANY__INIT;
	struct exec *e = owner;

	any.type_url = unconst(TASK_JSON_URL("Process"));
	any.value.data = (uint8_t *)e->json;
	any.value.len = strlen(e->json);
	req.id = unconst(e->id);
	req.exec_id = e->exec_id;
	req.terminal = e->stand_in.terminal;
	req.spec = &any;
	return supervisor_tell(e->sup, TASK_SERVICE, "Exec", &req.base, CALL_AGENT_MS, err) < 0
		       ? FLOW_FAIL
		       : FLOW_NEXT;
}

static void remove_process(void *owner)
{
	Containerd__Task__V2__DeleteRequest req = CONTAINERD__TASK__V2__DELETE_REQUEST__INIT;
	struct exec *e = owner;
	struct err ignored = ERR_INIT;

	interrupt_ignore();
	req.id = unconst(e->id);
	req.exec_id = e->exec_id;
	(void)supervisor_tell(e->sup, TASK_SERVICE, "Delete", &req.base, CALL_QUICK_MS, &ignored);
}

static enum flow_next start_process(void *owner, struct err *err)
{
	Containerd__Task__V2__StartRequest req = CONTAINERD__TASK__V2__START_REQUEST__INIT;
	struct exec *e = owner;

	req.id = unconst(e->id);
	req.exec_id = e->exec_id;
	return supervisor_tell(e->sup, TASK_SERVICE, "Start", &req.base, CALL_AGENT_MS, err) < 0
		       ? FLOW_FAIL
		       : FLOW_NEXT;
}

static void kill_process(void *owner)
{
	Containerd__Task__V2__KillRequest req = CONTAINERD__TASK__V2__KILL_REQUEST__INIT;
	Containerd__Task__V2__WaitRequest wait = CONTAINERD__TASK__V2__WAIT_REQUEST__INIT;
	struct exec *e = owner;
	struct err ignored = ERR_INIT;

	interrupt_ignore();
	req.id = wait.id = unconst(e->id);
	req.exec_id = wait.exec_id = e->exec_id;
	req.signal = SIGKILL;
	if (supervisor_tell(e->sup, TASK_SERVICE, "Kill", &req.base, CALL_QUICK_MS, &ignored) == 0)
		(void)supervisor_tell(e->sup, TASK_SERVICE, "Wait", &wait.base, CALL_QUICK_MS,
				      &ignored);
}

static enum flow_next start_stand_in(void *owner, struct err *err)
{
	struct exec *e = owner;

	return stand_in_start(&e->stand_in, e->sup, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

static void kill_stand_in(void *owner)
{
	struct exec *e = owner;

	stand_in_kill(&e->stand_in);
}

static enum flow_next write_pid(void *owner, struct err *err)
{
	struct exec *e = owner;

	return stand_in_write_pid(&e->stand_in, e->pid_file, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

static const struct flow_step steps[] = {
	{ "add process", add_process, remove_process },
	{ "start process", start_process, kill_process },
	{ "start stand-in", start_stand_in, kill_stand_in },
	{ "write pid", write_pid, NULL },
};

/* --- the input --- */

static void make_exec_id(char id[static EXEC_ID_LEN + 1])
{
	unsigned char bytes[EXEC_ID_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort(); /* never for so few */
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static int check_flags(const struct exec *e, char *const *args, struct err *err)
{
	if (preserve_fds_check(e->preserve_fds, err) < 0)
		return -1;
	if (e->cgroup)
		return err_set(err, ERR_UNIMPLEMENTED, "flag '--cgroup': not supported");
	if (!e->flags.process_file && !args[0])
		return err_set(err, ERR_INVALID, "no program to run: give one, or --process");
	return 0;
}

static int check_state(const struct exec *e, struct err *err)
{
	if (strcmp(e->state.status, "stopped") == 0)
		return err_set(err, ERR_STATE, "cannot exec in a stopped container");
	if (strcmp(e->state.status, "paused") == 0)
		return err_set(err, ERR_STATE, "cannot exec in a paused container");
	return 0;
}

static bool json_wants_terminal(const char *json)
{
	struct err ignored = ERR_INIT;
	Grpc__Process *p =
		(void *)spec_parse(&grpc__process__descriptor, json, strlen(json), &ignored);
	bool terminal = p && p->terminal;

	if (p)
		protobuf_c_message_free_unpacked(&p->base, NULL);
	return terminal;
}

static int prepare(struct exec *e, char **args, struct err *err)
{
	if (check_flags(e, args, err) < 0 ||
	    oci_state_get(e->cli, e->id, CALL_QUICK_MS, false, &e->state, err) < 0 ||
	    check_state(e, err) < 0)
		return -1;
	if (!e->console)
		(void)console_own_size(&e->flags.rows, &e->flags.columns);
	e->json = exec_process_json(e->state.bundle, &e->flags, args, err);
	e->config = e->json ? config_file_load(e->cli, NULL, err) : NULL;
	if (!e->config)
		return -1;
	make_exec_id(e->exec_id);
	e->stand_in.shim_path = e->config->shim.path;
	e->stand_in.cid = e->id;
	e->stand_in.sid = e->state.map.sid;
	e->stand_in.exec_id = e->exec_id;
	e->stand_in.terminal = json_wants_terminal(e->json);
	e->stand_in.console_socket = e->console;
	e->stand_in.foreground = !e->detach;
	if (stand_in_check(&e->stand_in, e->detach, err) < 0)
		return -1;
	e->sup = container_supervisor(e->cli, e->id, err);
	return e->sup ? interrupt_catch(err) : -1;
}

static int run(struct exec *e, struct err *err)
{
	int status, code;

	e->flow = (struct flow){ .steps = steps, .n_steps = ARRAY_LEN(steps), .owner = e };
	if (flow_run(&e->flow, err) < 0) {
		(void)err_wrap(err, "exec in container '%s'", e->id);
		code = exec_failure_code(err);
		return e->detach || code == 0 ? -1 : cli_fail(err, code);
	}
	if (e->detach)
		return 0;
	return stand_in_follow(&e->stand_in, &status, err) < 0 ? -1 : status;
}

/*
 * Kata 2 and later have `exec SANDBOX` for a shell in the guest. The OCI command line never asks that: it names a
 * program, or a file that does.
 */
static bool is_debug_console(const struct exec *e, char *const *args)
{
	return !args[0] && !e->flags.process_file && management_exists(e->id);
}

static int run_debug_console(const struct exec *e, struct err *err)
{
	unsigned long long port = DEBUG_CONSOLE_VPORT;

	if (opt_u64("kata-debug-port", e->debug_port, UINT32_MAX, &port, err) < 0)
		return -1;
	return debug_console_run(e->id, (uint32_t)port, err);
}

static void done(struct exec *e)
{
	supervisor_close(e->sup);
	close_fd(&e->stand_in.pidfd);
	config_free(e->config);
	oci_state_done(&e->state);
	strv_free(e->flags.env);
	strv_free(e->flags.caps);
	strv_free(e->flags.gids);
	free(e->json);
}

int cmd_exec(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	     struct err *err)
{
	struct exec e = { .cli = cli, .stand_in = STAND_IN_INIT };
	const struct opt opts[] = {
		{ "console", 0, OPT_TEXT, &e.console, "SOCKET", "the same as --console-socket" },
		{ "console-socket", 0, OPT_TEXT, &e.console, "SOCKET",
		  "unix socket that gets the terminal" },
		{ "cwd", 0, OPT_TEXT, &e.flags.cwd, "DIR", "working directory" },
		{ "env", 'e', OPT_LIST, &e.flags.env, "NAME=VALUE", "add to the environment" },
		{ "tty", 't', OPT_FLAG, &e.flags.terminal, NULL, "with a terminal" },
		{ "user", 'u', OPT_TEXT, &e.flags.user, "UID[:GID]", "as this user" },
		{ "additional-gids", 'g', OPT_LIST, &e.flags.gids, "GID", "more groups" },
		{ "process", 'p', OPT_TEXT, &e.flags.process_file, "FILE",
		  "JSON of an OCI process" },
		{ "detach", 'd', OPT_FLAG, &e.detach, NULL, "return once it runs" },
		{ "pid-file", 0, OPT_TEXT, &e.pid_file, "FILE", "write the process's pid there" },
		{ "process-label", 0, OPT_TEXT, &e.flags.label, "LABEL", "SELinux label" },
		{ "apparmor", 0, OPT_TEXT, &e.flags.apparmor, "PROFILE", "AppArmor profile" },
		{ "no-new-privs", 0, OPT_FLAG, &e.flags.no_new_privs, NULL, "no new privileges" },
		{ "cap", 'c', OPT_LIST, &e.flags.caps, "CAP", "add a capability" },
		{ "preserve-fds", 0, OPT_TEXT, &e.preserve_fds, "N", "only 0" },
		{ "cgroup", 0, OPT_TEXT, &e.cgroup, "PATH", "not supported" },
		{ "kata-debug-port", 0, OPT_TEXT, &e.debug_port, "PORT",
		  "of a sandbox's debug console (1026)" },
		{ "no-subreaper", 0, OPT_FLAG, &e.ignored, NULL, "no meaning here" },
		{ "ignore-paused", 0, OPT_FLAG, &e.ignored, NULL, "no meaning here" },
	};
	int first, r = -1;

	if (opts_parse(cmd, opts, ARRAY_LEN(opts), true, argc, argv, &first, err) == 0) {
		if (!argv[first])
			(void)err_set(err, ERR_INVALID, "Missing container ID");
		else if (id_check(argv[first], err) == 0) {
			e.id = argv[first];
			if (is_debug_console(&e, argv + first + 1)) {
				r = run_debug_console(&e, err);
				done(&e);
				return r;
			}
			r = prepare(&e, argv + first + 1, err);
		}
	}
	if (r == 0)
		r = run(&e, err);
	done(&e);
	return r;
}
