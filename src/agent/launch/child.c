/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.c - what runs between clone3() and execve()
 *
 * Everything here was decided by the parent and written into the plan. This
 * file takes no decisions, allocates nothing, logs nothing and never returns.
 */
#include "agent/launch/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/launch/child_priv.h"
#include "agent/launch/report.h"
#include "lib/base/signals.h"

child_op *const child_ops[PLAN_KIND_COUNT] = {
	[PLAN_ENTER_CGROUP] = op_enter_cgroup,
	[PLAN_JOIN] = op_join,
	[PLAN_UNSHARE] = op_unshare,
	[PLAN_WAIT_MAPPED] = op_wait_mapped,
	[PLAN_SESSION] = op_session,
	[PLAN_KEYRING] = op_keyring,
	[PLAN_PROPAGATION] = op_propagation,
	[PLAN_COVER_ROOT] = op_cover_root,
	[PLAN_ROOTFS] = op_rootfs,
	[PLAN_FILESYSTEM] = op_filesystem,
	[PLAN_BIND] = op_bind,
	[PLAN_MAKE_DIR] = op_make_dir,
	[PLAN_NODE] = op_node,
	[PLAN_NODE_BIND] = op_node_bind,
	[PLAN_LINK] = op_link,
	[PLAN_RELINK] = op_relink,
	[PLAN_SYSCTL] = op_sysctl,
	[PLAN_HOSTNAME] = op_hostname,
	[PLAN_DOMAINNAME] = op_domainname,
	[PLAN_HOOK] = op_hook,
	[PLAN_READONLY_MOUNT] = op_readonly_mount,
	[PLAN_READONLY_PATH] = op_readonly_path,
	[PLAN_MASK] = op_mask,
	[PLAN_TERMINAL] = op_terminal,
	[PLAN_CONSOLE] = op_console,
	[PLAN_READONLY_ROOT] = op_readonly_root,
	[PLAN_PIVOT] = op_pivot,
	[PLAN_CHROOT] = op_chroot,
	[PLAN_ROOT_PROPAGATION] = op_root_propagation,
	[PLAN_STDIO] = op_stdio,
	[PLAN_CWD] = op_cwd,
	[PLAN_UMASK] = op_umask,
	[PLAN_PERSONALITY] = op_personality,
	[PLAN_SCHEDULER] = op_scheduler,
	[PLAN_IO_PRIORITY] = op_io_priority,
	[PLAN_LABEL] = op_label,
	[PLAN_BOUNDING] = op_bounding,
	[PLAN_IDS] = op_ids,
	[PLAN_CAPABILITIES] = op_capabilities,
	[PLAN_NO_NEW_PRIVS] = op_no_new_privs,
	[PLAN_HOME] = op_home,
	[PLAN_FIND_PROGRAM] = op_find_program,
	[PLAN_READY] = op_ready,
	[PLAN_SECCOMP] = op_seccomp,
	[PLAN_EXECUTE] = op_execute,
};

/* Everything from 3 up that the plan does not need, by the gaps between what it does. */
static int close_others(const struct child *child, struct err *err)
{
	unsigned int from = 3;

	for (size_t i = 0; i <= child->n_keep; i++) {
		unsigned int to = i < child->n_keep ? (unsigned int)child->keep[i] - 1 : ~0u;

		if (i < child->n_keep && (unsigned int)child->keep[i] < from)
			continue;
		if (from <= to && syscall(SYS_close_range, from, to, 0) < 0)
			return err_sys(err, errno, "close files %u to %u", from, to);
		if (i < child->n_keep)
			from = (unsigned int)child->keep[i] + 1;
	}
	return 0;
}

/* The agent's /proc knows us by the agent's number; getpid() does not. */
static void read_pid(struct child *child)
{
	ssize_t n = readlink("/proc/self", child->pid, sizeof(child->pid) - 1);

	child->pid[n < 0 ? 0 : n] = '\0';
}

_Noreturn void child_run(struct child *child)
{
	struct err err = ERR_INIT;

	/* The parent blocked every signal around the clone, so none of its handlers runs here. */
	signals_reset();
	/* Nobody in a joined pid namespace may look into us while we are still the agent. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		err_sys(&err, errno, "make the process undumpable");
		report_failure(child->report_fd, &err);
	}
	umask(0); /* modes are the plan's, exactly */
	read_pid(child);
	if (close_others(child, &err) < 0)
		report_failure(child->report_fd, &err);
	for (size_t i = 0; i < child->plan->n_ops; i++) {
		const struct plan_op *op = &child->plan->ops[i];

		if (child_ops[op->kind](op, child, &err) < 0) {
			err_wrap(&err, "%s", plan_kind_name(op->kind));
			report_failure(child->report_fd, &err);
		}
	}
	err_set(&err, ERR_INTERNAL, "the plan ends without a program");
	report_failure(child->report_fd, &err);
}
