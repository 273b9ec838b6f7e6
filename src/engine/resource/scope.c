/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/vmm/child.h"
#include "engine/vmm/tail.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/cgroup/systemd.h"

#define HELPER_ARG   "--make-systemd-scope"
#define BUS_VARIABLE "DBUS_SYSTEM_BUS_ADDRESS" /* where the bus is, if not in its usual place */

struct scope_call {
	struct child child;
	struct tail *output; /* the helper's one line, when it failed */
	char *path;
	scope_done *done;
	void *arg;
};

bool scope_is_asked(const char *path)
{
	const char *first = strchr(path, ':');

	return first && strchr(first + 1, ':') && path[0] != '/';
}

char *scope_path(const char *cgroups_path, struct err *err)
{
	struct systemd_unit unit;
	char *path;

	if (systemd_unit_parse(cgroups_path, &unit, err) < 0)
		return NULL;
	path = take_ptr(&unit.path);
	systemd_unit_done(&unit);
	return path;
}

static void on_helper_exit(void *arg)
{
	struct scope_call *call = arg;
	scoped_free char *text = NULL;
	struct str how = { .max = ERR_TEXT_MAX };
	struct err err = ERR_INIT;

	if (call->child.status == 0) {
		call->done(call->arg, NULL);
		return;
	}
	tail_drain(call->output);
	text = tail_text(call->output);
	text[strcspn(text, "\n")] = '\0';
	child_describe(&call->child, &how);
	err_set(&err, ERR_UNAVAILABLE, "%s", text[0] ? text : str_get(&how));
	str_done(&how);
	call->done(call->arg, &err);
}

static int start_helper(struct scope_call *call, struct event_base *base, struct err *err)
{
	static char program[] = "/proc/self/exe", option[] = HELPER_ARG;
	const char *bus = getenv(BUS_VARIABLE);
	char *argv[] = { program, option, call->path, NULL };
	scoped_strv char **envp = NULL;
	struct spawn s = SPAWN_INIT;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make pipe");
	if (bus)
		strv_addf(&envp, BUS_VARIABLE "=%s", bus);
	s.argv = argv;
	s.envp = envp;
	s.stdout_fd = p[1];
	s.death_signal = SIGKILL;
	r = child_start(&call->child, base, &s, on_helper_exit, call, err);
	close(p[1]);
	call->output = tail_new(base, p[0], (struct tail_limits){ 512, 256 }, NULL, NULL);
	return r;
}

struct scope_call *scope_make(struct event_base *base, const char *cgroups_path, scope_done *done,
			      void *arg, struct err *err)
{
	struct scope_call *call = xnew(struct scope_call);

	*call = (struct scope_call){ .child = CHILD_INIT, .path = xstrdup(cgroups_path),
				     .done = done, .arg = arg };
	if (start_helper(call, base, err) < 0) {
		scope_call_free(call);
		return NULL;
	}
	return call;
}

void scope_call_free(struct scope_call *call)
{
	if (!call)
		return;
	child_done(&call->child);
	tail_free(call->output);
	free(call->path);
	free(call);
}

int scope_helper_main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct cgroup *cg;

	if (argc != 3 || strcmp(argv[1], HELPER_ARG) != 0)
		return -1;
	cg = cgroup_create_systemd(argv[2], getppid(), &err);
	if (!cg) {
		printf("%s\n", err.text);
		return 1;
	}
	cgroup_free(cg);
	return 0;
}
