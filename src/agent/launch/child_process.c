/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_process.c - operations on the process itself, and the end: the program
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/launch/caps.h"
#include "agent/launch/child_priv.h"
#include "agent/launch/passwd.h"
#include "agent/launch/report.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"

#define PASSWD_MAX (4u << 20) /* bytes read of a file that the image wrote */

/* From linux/sched/types.h, which cannot be included beside sched.h. */
struct sched_attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

int op_stdio(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	for (int i = 0; i < 3; i++) {
		int from = child->tty_fd >= 0 ? child->tty_fd : child->stdio[i];

		if (dup2(from, i) < 0)
			return err_sys(err, errno, "file %d", i);
	}
	if (child->tty_fd >= 0 && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(err, errno, "take the terminal");
	return 0;
}

int op_cwd(const struct plan_op *op, struct child *child, struct err *err)
{
	/* Inside the root and through no magic link, so not into a file left open. */
	scoped_fd int fd = open_in_root(child->root_fd, op->dst, O_PATH | O_DIRECTORY, 0, err);

	if (fd < 0)
		return -1;
	if (fchdir(fd) < 0)
		return err_sys(err, errno, "'%s'", op->dst);
	return 0;
}

int op_umask(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	(void)err;
	umask((mode_t)op->number);
	return 0;
}

int op_personality(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	if (personality((unsigned long)op->number) < 0)
		return err_sys(err, errno, "%llu", (unsigned long long)op->number);
	return 0;
}

int op_scheduler(const struct plan_op *op, struct child *child, struct err *err)
{
	const struct plan_sched *s = op->sched;
	struct sched_attributes attr = { .size = sizeof(attr),
					 .policy = s->policy,
					 .flags = s->flags,
					 .nice = s->nice,
					 .priority = s->priority,
					 .runtime = s->runtime,
					 .deadline = s->deadline,
					 .period = s->period };

	(void)child;
	if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return err_sys(err, errno, "policy %u, nice %d, priority %u", s->policy, s->nice,
			       s->priority);
	return 0;
}

int op_io_priority(const struct plan_op *op, struct child *child, struct err *err)
{
	const int who_process = 1;

	(void)child;
	if (syscall(SYS_ioprio_set, who_process, 0, (int)op->number) < 0)
		return err_sys(err, errno, "0x%llx", (unsigned long long)op->number);
	return 0;
}

/* ---- rights ---- */

int op_bounding(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	for (unsigned int cap = 0; cap <= op->number; cap++) {
		if (op->caps->bounding >> cap & 1 || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(err, errno, "drop capability %u", cap);
	}
	return 0;
}

int op_ids(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)child;
	/* Raw calls: the library's would tell threads that are not there. */
	if (syscall(SYS_setgroups, op->n_gids, op->gids) < 0)
		return err_sys(err, errno, "%zu additional groups", op->n_gids);
	if (syscall(SYS_setresgid, op->gid, op->gid, op->gid) < 0)
		return err_sys(err, errno, "group %u", op->gid);
	/* The capabilities are settled by their own operation, also for another user. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "keep capabilities");
	if (syscall(SYS_setresuid, op->uid, op->uid, op->uid) < 0)
		return err_sys(err, errno, "user %u", op->uid);
	return 0;
}

int op_capabilities(const struct plan_op *op, struct child *child, struct err *err)
{
	const struct plan_caps *c = op->caps;

	(void)child;
	if (caps_set(c->effective, c->permitted, c->inheritable, err) < 0)
		return -1;
	/* A kernel without ambient capabilities (before 4.3) is none of ours. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, errno, "clear ambient capabilities");
	for (unsigned int cap = 0; cap <= op->number; cap++)
		if (c->ambient >> cap & 1 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_sys(err, errno, "raise ambient capability %u", cap);
	return 0;
}

int op_no_new_privs(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	(void)child;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "set");
	return 0;
}

int op_seccomp(const struct plan_op *op, struct child *child, struct err *err)
{
	const struct seccomp_filter *f = &child->plan->filter;
	struct sock_fprog program = { .len = f->n_code, .filter = f->code };

	(void)op;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &program) < 0)
		return err_sys(err, errno, "load a filter of %u instructions", f->n_code);
	return 0;
}

/* ---- HOME ---- */

static bool search_passwd(int fd, uid_t uid, char *home, size_t home_size)
{
	struct passwd_search search = { .uid = uid };
	char buf[4096];
	size_t total = 0;
	ssize_t n;

	while (total < PASSWD_MAX && (n = read(fd, buf, sizeof(buf))) > 0) {
		total += (size_t)n;
		passwd_feed(&search, buf, (size_t)n);
	}
	passwd_feed(&search, "\n", 1); /* a last line may lack it */
	return search.found && snprintf(home, home_size, "HOME=%s", search.home) < (int)home_size;
}

/* Whatever the image has for a password file, the worst outcome is HOME=/. */
int op_home(const struct plan_op *op, struct child *child, struct err *err)
{
	struct err ignored = ERR_INIT;
	scoped_fd int fd = open_in_root(child->root_fd, "/etc/passwd",
					O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &ignored);
	char **place = child->plan->envp;
	struct stat st;

	(void)err;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    !search_passwd(fd, op->uid, child->home, sizeof(child->home)))
		snprintf(child->home, sizeof(child->home), "HOME=/");
	while (*place)
		place++;
	*place = child->home;
	return 0;
}

/* ---- the program ---- */

/* These two speak for themselves: callers look for "exec '...'". */
static _Noreturn void fail_exec(const char *program, int sys, struct child *child)
{
	struct err err = ERR_INIT;

	/*
	 * In the words of Go's errno: docker's client tells 127 and 126 apart by
	 * "no such file or directory" and "permission denied" in small letters.
	 */
	if (sys == ENOENT)
		err_set(&err, ERR_NOT_FOUND, "exec '%s': no such file or directory", program);
	else if (sys == EACCES)
		err_set(&err, ERR_DENIED, "exec '%s': permission denied", program);
	else
		err_sys(&err, sys, "exec '%s'", program);
	report_failure(child->report_fd, &err);
}

/* 0, or the errno that executing this file would give. */
static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EACCES;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return errno;
	return 0;
}

/* As execvp() does it: a directory that may not be searched does not end the search. */
static int search_program(const char *name, const char *path, char *out, size_t out_size)
{
	int found = ENOENT;

	for (;;) {
		size_t n = strcspn(path, ":");
		int sys;

		if (snprintf(out, out_size, "%.*s%s%s", (int)n, path, n ? "/" : "./", name) <
		    (int)out_size) {
			sys = check_program(out);
			if (sys == 0)
				return 0;
			if (sys == EACCES)
				found = EACCES;
		}
		if (!path[n])
			return found;
		path += n + 1;
	}
}

int op_find_program(const struct plan_op *op, struct child *child, struct err *err)
{
	int sys;

	if (strchr(op->src, '/')) {
		if (snprintf(child->program, sizeof(child->program), "%s", op->src) >=
		    (int)sizeof(child->program))
			fail_exec(op->src, ENAMETOOLONG, child);
		sys = check_program(child->program);
		if (sys)
			fail_exec(op->src, sys, child);
		return 0;
	}
	sys = search_program(op->src, op->dst, child->program, sizeof(child->program));
	if (sys == ENOENT) {
		err_set(err, ERR_NOT_FOUND, "exec '%s': executable file not found in $PATH",
			op->src);
		report_failure(child->report_fd, err);
	}
	if (sys)
		fail_exec(op->src, sys, child);
	return 0;
}

int op_ready(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	if (sync_send(child->sync_fd, SYNC_READY, -1, err) < 0)
		return -1;
	return sync_expect(child->sync_fd, SYNC_GO, err);
}

int op_execute(const struct plan_op *op, struct child *child, struct err *err)
{
	(void)op;
	(void)err;
	execve(child->program, child->plan->argv, child->plan->envp);
	fail_exec(child->program, errno, child);
}
