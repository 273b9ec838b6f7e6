/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/signals.h"

static const char *program(const struct spawn *s)
{
	return s->path ? s->path : s->argv[0];
}

/* After the fork: no allocation, no decision, no return. */

static noreturn void give_up(int report_fd, const struct err *err)
{
	(void)!write(report_fd, err, sizeof(*err));
	_exit(127);
}

/*
 * Move every fd to its place. Sources are first lifted above all targets, so no
 * target overwrites a source that is still needed.
 */
static int place_fds(const struct spawn *s, int *report_fd, struct err *err)
{
	int lifted[SPAWN_FDS_MAX + 3];
	const int std[3] = { s->stdin_fd, s->stdout_fd, s->stderr_fd };
	int floor = 3;

	for (size_t i = 0; i < s->n_fds; i++)
		floor = MAX(floor, s->fds[i].to + 1);
	*report_fd = fcntl(*report_fd, F_DUPFD_CLOEXEC, floor);
	if (*report_fd < 0)
		return err_sys(err, errno, "move report pipe");
	for (size_t i = 0; i < 3; i++) {
		int from = std[i] >= 0 ? std[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

		lifted[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, floor);
		if (lifted[i] < 0)
			return err_sys(err, errno, "prepare standard stream %zu", i);
	}
	for (size_t i = 0; i < s->n_fds; i++) {
		lifted[3 + i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, floor);
		if (lifted[3 + i] < 0)
			return err_sys(err, errno, "prepare descriptor %d", s->fds[i].to);
	}
	for (size_t i = 0; i < 3 + s->n_fds; i++) {
		int to = i < 3 ? (int)i : s->fds[i - 3].to;

		if (dup2(lifted[i], to) < 0)
			return err_sys(err, errno, "place descriptor %d", to);
	}
	/* Everything else goes at exec; the report pipe must, by its meaning. */
	if (syscall(SYS_close_range, floor, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(err, errno, "mark descriptors close-on-exec");
	for (int fd = 3; fd < floor; fd++) {
		bool wanted = false;

		for (size_t i = 0; i < s->n_fds; i++)
			wanted = wanted || s->fds[i].to == fd;
		if (!wanted)
			close(fd);
	}
	return 0;
}

static int change_user(const struct spawn *s, struct err *err)
{
	if (!s->drop_user)
		return 0;
	if (setgroups(s->n_groups, s->groups) < 0)
		return err_sys(err, errno, "set supplementary groups");
	if (setresgid(s->gid, s->gid, s->gid) < 0)
		return err_sys(err, errno, "set group %u", (unsigned int)s->gid);
	if (setresuid(s->uid, s->uid, s->uid) < 0)
		return err_sys(err, errno, "set user %u", (unsigned int)s->uid);
	return 0;
}

static int keep_capabilities(const struct spawn *s, struct err *err)
{
	int bits = s->keep_capabilities ? prctl(PR_GET_SECUREBITS) : 0;

	if (bits < 0 || (s->keep_capabilities &&
			 prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP) < 0))
		return err_sys(err, errno, "keep capabilities over changes of user");
	return 0;
}

static int enter_places(const struct spawn *s, struct err *err)
{
	for (size_t i = 0; i < s->n_cgroup_fds; i++)
		if (write(s->cgroup_fds[i], "0", 1) < 0)
			return err_sys(err, errno, "enter cgroup");
	if (s->netns_fd >= 0 && setns(s->netns_fd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter network namespace");
	if (s->new_session && setsid() < 0)
		return err_sys(err, errno, "start session");
	if (chdir(s->cwd ? s->cwd : "/") < 0)
		return err_sys(err, errno, "enter directory '%s'", s->cwd ? s->cwd : "/");
	return 0;
}

/* A death before the signal was asked for is not told; nobody reads the report any more then. */
static bool parent_died(int report_fd)
{
	struct pollfd pfd = { .fd = report_fd };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLERR);
}

static noreturn void child(const struct spawn *s, int report_fd)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *const minimal[] = { path, NULL };
	struct err err = ERR_INIT;

	signals_reset();
	if (enter_places(s, &err) < 0 || place_fds(s, &report_fd, &err) < 0 ||
	    change_user(s, &err) < 0 || keep_capabilities(s, &err) < 0)
		give_up(report_fd, &err);
	/* After the change of user, which clears it; then the race with our death. */
	if (s->death_signal) {
		if (prctl(PR_SET_PDEATHSIG, s->death_signal) < 0)
			err_sys(&err, errno, "set death signal");
		else if (parent_died(report_fd))
			err_set(&err, ERR_CANCELLED, "parent died");
		if (err.code != ERR_OK)
			give_up(report_fd, &err);
	}
	execve(program(s), s->argv, s->envp ? s->envp : minimal);
	err_sys(&err, errno, "execute '%s'", program(s));
	give_up(report_fd, &err);
}

/* EOF: the program runs. Else the child's own words. */
static int read_report(int fd, struct err *err)
{
	struct err got = ERR_INIT;
	ssize_t n;

	do
		n = read(fd, &got, sizeof(got));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(got))
		return err_set(err, ERR_INTERNAL, "report of the child cut short");
	*err = got;
	err->text[sizeof(err->text) - 1] = '\0';
	return -1;
}

int spawn(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	scoped_fd int report_rd = -1, report_wr = -1, pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD };
	sigset_t all, old;
	int report[2];
	long pid;

	if (s->n_fds > SPAWN_FDS_MAX)
		return err_set(err, ERR_EXHAUSTED, "start '%s': too many descriptors", program(s));
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(err, errno, "start '%s': make pipe", program(s));
	report_rd = report[0];
	report_wr = report[1];
	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	if (s->new_pid_namespace)
		args.flags |= CLONE_NEWPID;
	if (s->cgroup_dir_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)s->cgroup_dir_fd;
	}

	/* No handler of ours may run in the child before the signals are reset. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		close(report_rd);
		child(s, report_wr);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_sys(err, errno, "start '%s': fork", program(s));

	close_fd(&report_wr);
	if (read_report(report_rd, err) < 0) {
		siginfo_t si;

		while (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0 && errno == EINTR)
			;
		return err_wrap(err, "start '%s'", program(s));
	}
	if (ret_pid)
		*ret_pid = (pid_t)pid;
	if (ret_pidfd)
		*ret_pidfd = take_fd(&pidfd);
	return 0;
}

int spawn_wait(int pidfd, int timeout_ms, int *ret_status, struct err *err)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	siginfo_t si = { 0 };
	int r;

	do
		r = poll(&pfd, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return err_set(err, ERR_TIMEOUT, "still running after %d ms", timeout_ms);
	if (r < 0 || waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0)
		return err_sys(err, errno, "wait for process");
	*ret_status = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
	return 0;
}
