/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_hook.c - run a hook and wait for it
 *
 * The hook is a child of the container's first process, so it lives in all its namespaces
 * and dies with them. It gets the state on stdin and /dev/null for its output.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/launch/child_priv.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/proc.h"

static int write_state(int fd, const struct plan_hook *hook, const struct child *child,
		       struct err *err)
{
	if (write_all(fd, hook->state, strlen(hook->state), err) < 0 ||
	    write_all(fd, child->pid, strlen(child->pid), err) < 0)
		return -1;
	return write_all(fd, "}", 1, err);
}

/* In the hook's process. 127 is what a shell says for a program that is not there. */
static _Noreturn void run_hook(const struct plan_hook *hook, int stdin_fd)
{
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (dup2(stdin_fd, 0) < 0 ||
	    (null_fd >= 0 && (dup2(null_fd, 1) < 0 || dup2(null_fd, 2) < 0)))
		_exit(126);
	execve(hook->path, hook->argv, hook->envp);
	_exit(errno == ENOENT ? 127 : 126);
}

static int wait_hook(const struct plan_hook *hook, int pidfd, struct err *err)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	int r;

	do
		r = poll(&p, 1, hook->timeout_ms ? (int)hook->timeout_ms : -1);
	while (r < 0 && errno == EINTR);
	if (r == 0) {
		struct err ignored = ERR_INIT;

		(void)proc_signal(pidfd, SIGKILL, &ignored);
	}
	if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		return err_sys(err, errno, "wait for it");
	if (r == 0)
		return err_set(err, ERR_TIMEOUT, "still running after %u ms", hook->timeout_ms);
	if (info.si_code != CLD_EXITED)
		return err_set(err, ERR_INTERNAL, "killed by signal %d", info.si_status);
	if (info.si_status == 127)
		return err_set(err, ERR_NOT_FOUND, "ended with code 127: not found");
	if (info.si_status != 0)
		return err_set(err, ERR_INTERNAL, "ended with code %d", info.si_status);
	return 0;
}

static int hook_once(const struct plan_hook *hook, struct child *child, struct err *err)
{
	scoped_fd int read_fd = -1, write_fd = -1, pidfd = -1;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	read_fd = fds[0];
	write_fd = fds[1];
	/* It fits the pipe (plan_hooks.c), so nobody has to read yet. */
	if (write_state(write_fd, hook, child, err) < 0)
		return -1;
	close_fd(&write_fd);
	pid = launch_fork_hook(&pidfd, err);
	if (pid < 0)
		return -1;
	if (pid == 0)
		run_hook(hook, read_fd);
	return wait_hook(hook, pidfd, err);
}

int op_hook(const struct plan_op *op, struct child *child, struct err *err)
{
	if (hook_once(op->hook, child, err) < 0)
		return err_wrap(err, "'%s'", op->hook->path);
	return 0;
}
