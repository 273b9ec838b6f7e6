/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch.c - fork the child, see it through to READY, let it go
 *
 * How it works. The parent opens everything that may fail with a good message, steps into
 * namespaces that a child can only be born in, clones, and steps back. From then on it is a
 * small state machine over two fds and a timer:
 *
 *   BUILDING  the child works through its plan; its end is READY, a report, or the deadline
 *   WAITING   it stands at READY; launch_start() sends GO
 *   GOING     it loads its filter and executes; end of file on the report pipe is success
 *   RUNNING   it is the container's program and none of our business any more
 *   FAILED    told, or to be told by the next callback
 */
#include "agent/launch/launch.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "agent/launch/child.h"
#include "agent/launch/facts.h"
#include "agent/launch/plan.h"
#include "agent/launch/prepare.h"
#include "agent/launch/report.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"

#define WCHAN_MAX 128 /* KSYM_NAME_LEN of kernels before 6.1 */

enum launch_state { BUILDING, WAITING, GOING, RUNNING, FAILED };

struct launch {
	enum launch_state state;
	pid_t pid;
	int pidfd;
	int sync_fd, report_fd;
	struct launch_io io;
	struct event on_sync, on_report, on_timer;
	uint32_t deadline_ms;
	launch_done *done; /* of the call in progress, NULL: none */
	void *arg;
	struct err why;        /* valid with has_late_failure */
	bool has_late_failure; /* found inside a call, to be told from the loop */
	char *warnings;
	struct plan_rlimit rlimits[PLAN_RLIMITS_MAX]; /* set at READY */
	size_t n_rlimits;
};

/* ---- clones ---- */

static int poke_pid(pid_t pid, const char *file, const char *text, struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return file_poke(path, text, err);
}

/*
 * A user namespace with these maps, for an idmapped mount: it takes a process to make one.
 * That process does nothing but wait to be killed, which is why waiting for it is short.
 */
int launch_map_namespace(const struct plan_idmap *map, struct err *err)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				   .exit_signal = SIGCHLD };
	scoped_fd int pidfd = -1;
	int pidfd_out = -1, fd = -1;
	struct err ignored = ERR_INIT;
	char path[64];
	long pid;

	args.pidfd = (uint64_t)(uintptr_t)&pidfd_out;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	if (pid < 0)
		return err_sys(err, errno, "make a user namespace for a mount");
	pidfd = pidfd_out;
	snprintf(path, sizeof(path), "/proc/%ld/ns/user", pid);
	if (poke_pid((pid_t)pid, "uid_map", map->uid_map, err) == 0 &&
	    poke_pid((pid_t)pid, "gid_map", map->gid_map, err) == 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			err_sys(err, errno, "open '%s'", path);
	}
	(void)proc_signal(pidfd, SIGKILL, &ignored);
	(void)waitid((idtype_t)P_PIDFD, (id_t)pidfd, NULL, WEXITED);
	return fd;
}

pid_t launch_fork_hook(int *ret_pidfd, struct err *err)
{
	struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD };
	int pidfd = -1;
	long pid;

	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return err_sys(err, errno, "clone a process for the hook");
	if (pid > 0)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

static pid_t clone_child(const struct plan *plan, const struct facts *facts, struct wires *w,
			 int *ret_pidfd, struct err *err)
{
	struct child child = { .plan = plan,
			       .sync_fd = w->sync[1],
			       .report_fd = w->report[1],
			       .stdio = { w->in[0], w->out[1], w->errors[1] },
			       .root_fd = -1,
			       .tty_fd = -1 };
	struct clone_args args = { .flags = plan->clone_flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				   .exit_signal = SIGCHLD };
	scoped_free int *keep = plan_list_fds(plan, w, &child.n_keep);
	sigset_t all, before;
	int pidfd = -1;
	long pid;

	child.keep = keep;
	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	if (facts->cgroup_dir_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)facts->cgroup_dir_fd;
	}
	/* No handler of ours may run in the child: it would write to the loop's own pipe. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child_run(&child);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0 && errno == ENOMEM && plan->ns[NS_PID].how == NS_JOIN_FIRST)
		return err_set(err, ERR_STATE, "join pid namespace: its first process has ended");
	if (pid < 0)
		return err_sys(err, errno, "clone the container's process");
	*ret_pidfd = pidfd;
	return (pid_t)pid;
}

/* ---- what only the parent may do for the child ---- */

static int set_oom_score(pid_t pid, const struct plan *plan, struct err *err)
{
	scoped_free char *now = NULL;
	char path[64], want[16];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	snprintf(want, sizeof(want), "%d\n", plan->oom_score_adj);
	if (file_read(path, 64, &now, NULL, err) < 0)
		return -1;
	/* Not touching what is right already spares the right to lower it. */
	return strcmp(now, want) == 0 ? 0 : file_poke(path, want, err);
}

static int prepare_child(struct launch *l, const struct plan *plan, struct err *err)
{
	if (plan->has_oom_score_adj && set_oom_score(l->pid, plan, err) < 0)
		return -1;
	if (!plan->uid_map)
		return 0;
	if (poke_pid(l->pid, "uid_map", plan->uid_map, err) < 0 ||
	    poke_pid(l->pid, "gid_map", plan->gid_map, err) < 0)
		return -1;
	return sync_send(l->sync_fd, SYNC_MAPPED, -1, err);
}

/* Last of all, so that the way to READY is not under the container's limits. */
static int set_rlimits(const struct launch *l, struct err *err)
{
	for (size_t i = 0; i < l->n_rlimits; i++) {
		const struct plan_rlimit *want = &l->rlimits[i];
		struct rlimit now;

		if (prlimit(l->pid, (enum __rlimit_resource)want->resource, NULL, &now) == 0 &&
		    now.rlim_cur == want->value.rlim_cur && now.rlim_max == want->value.rlim_max)
			continue;
		if (prlimit(l->pid, (enum __rlimit_resource)want->resource, &want->value, NULL) < 0)
			return err_sys(err, errno, "set rlimit '%s' to %llu:%llu", want->name,
				       (unsigned long long)want->value.rlim_cur,
				       (unsigned long long)want->value.rlim_max);
	}
	return 0;
}

/* ---- the way to READY and beyond ---- */

static const char died_early[] = "the container's process ended before its program";

static void kill_child(struct launch *l)
{
	struct err ignored = ERR_INIT; /* it may be gone already */

	(void)proc_signal(l->pidfd, SIGKILL, &ignored);
}

static void stop_watching(struct launch *l)
{
	event_del(&l->on_sync);
	event_del(&l->on_report);
	event_del(&l->on_timer);
	close_fd(&l->sync_fd);
	close_fd(&l->report_fd);
}

/* Ends the call in progress. The callback may free l. */
static void finish(struct launch *l, const struct err *err)
{
	launch_done *done = l->done;

	l->done = NULL;
	event_del(&l->on_timer);
	if (done)
		done(l->arg, err);
}

static void fail(struct launch *l, const struct err *why)
{
	struct err told = *why;

	l->state = FAILED;
	kill_child(l);
	stop_watching(l);
	if (l->done)
		finish(l, &told);
}

static void start_timer(struct launch *l, uint32_t ms)
{
	struct timeval after = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	event_add(&l->on_timer, &after);
}

/* Tell the caller from the loop what was found while it was calling. */
static void fail_later(struct launch *l, const struct err *why)
{
	l->why = *why;
	l->has_late_failure = true;
	start_timer(l, 0);
}

/* What the process waits for, as the kernel calls it: "fuse_..." is the host's share. */
static void tell_late(const struct launch *l, struct err *err)
{
	scoped_free char *path = xasprintf("/proc/%d/wchan", (int)l->pid);
	scoped_free char *place = NULL;
	struct err ignored = ERR_INIT;

	(void)file_read(path, WCHAN_MAX, &place, NULL, &ignored);
	err_set(err, ERR_TIMEOUT, "%s: no answer in %u ms (the process is in '%s')",
		l->state == GOING ? "execute the program" : "build the container", l->deadline_ms,
		place ? place : "?");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct launch *l = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (l->has_late_failure) {
		l->has_late_failure = false;
		err = l->why;
		finish(l, &err);
		return;
	}
	tell_late(l, &err);
	fail(l, &err);
}

static void on_report(evutil_socket_t fd, short what, void *arg)
{
	struct launch *l = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (report_read(l->report_fd, &err) < 0) {
		fail(l, &err);
		return;
	}
	if (l->state == GOING) {
		l->state = RUNNING;
		stop_watching(l);
		finish(l, NULL);
		return;
	}
	err_set(&err, ERR_INTERNAL, "%s", died_early);
	fail(l, &err);
}

static int take_sync_point(struct launch *l, struct err *err)
{
	scoped_fd int fd = -1;
	enum sync_point point;

	if (sync_receive(l->sync_fd, &point, &fd, err) < 0)
		return -1;
	switch (point) {
	case SYNC_TERMINAL:
		if (fd < 0)
			return err_set(err, ERR_INTERNAL, "the terminal came without a file");
		close_fd(&l->io.stdin_fd);
		l->io.stdin_fd = take_fd(&fd);
		return 0;
	case SYNC_READY:
		if (set_rlimits(l, err) < 0)
			return -1;
		l->state = WAITING;
		return 0;
	case SYNC_MAPPED:
	case SYNC_GO:
		break;
	}
	return err_set(err, ERR_INTERNAL, "unexpected sync point '%s'", sync_point_name(point));
}

static void on_sync(evutil_socket_t fd, short what, void *arg)
{
	struct launch *l = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (take_sync_point(l, &err) < 0) {
		/* Gone: the report pipe has the reason, or ends as well. */
		event_del(&l->on_sync);
		if (err.code != ERR_UNAVAILABLE)
			fail(l, &err);
		return;
	}
	if (l->state == WAITING)
		finish(l, NULL);
}

static void watch(struct launch *l, struct event_base *base)
{
	event_assign(&l->on_sync, base, l->sync_fd, EV_READ | EV_PERSIST, on_sync, l);
	event_assign(&l->on_report, base, l->report_fd, EV_READ | EV_PERSIST, on_report, l);
	event_assign(&l->on_timer, base, -1, 0, on_timer, l);
	event_add(&l->on_sync, NULL);
	event_add(&l->on_report, NULL);
	start_timer(l, l->deadline_ms);
}

/* From here on there is a process, so every failure goes to the callback. */
static struct launch *launch_new(struct event_base *base, const struct plan *plan, struct wires *w,
				 pid_t pid, int pidfd)
{
	struct launch *l = xnew(struct launch);

	l->pid = pid;
	l->pidfd = pidfd;
	l->sync_fd = take_fd(&w->sync[0]);
	l->report_fd = take_fd(&w->report[0]);
	l->io = (struct launch_io){ .stdin_fd = take_fd(&w->in[1]),
				    .stdout_fd = take_fd(&w->out[0]),
				    .stderr_fd = take_fd(&w->errors[0]),
				    .pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3) };
	l->warnings = xstrdup(str_get(&plan->warnings));
	memcpy(l->rlimits, plan->rlimits, sizeof(l->rlimits));
	l->n_rlimits = plan->n_rlimits;
	event_assign(&l->on_sync, base, -1, 0, on_sync, l);
	event_assign(&l->on_report, base, -1, 0, on_report, l);
	event_assign(&l->on_timer, base, -1, 0, on_timer, l);
	return l;
}

static int write_own_sysctls(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];
		scoped_free char *path = NULL;

		if (op->kind != PLAN_SYSCTL || !(op->number & PLAN_SYSCTL_BY_PARENT))
			continue;
		path = xasprintf("/proc/sys/%s", op->dst);
		if (file_poke(path, op->src, err) < 0)
			return err_wrap(err, "set sysctl");
	}
	return 0;
}

static struct launch *fork_and_watch(struct event_base *base, struct plan *plan,
				     const struct facts *facts, struct wires *w,
				     uint32_t deadline_ms, struct err *err)
{
	struct steps steps;
	struct err late = ERR_INIT;
	struct launch *l;
	int pidfd = -1, r;
	pid_t pid = -1;

	if (write_own_sysctls(plan, err) < 0)
		return NULL;
	if (steps_out(plan, facts, &steps, err) == 0)
		pid = clone_child(plan, facts, w, &pidfd, err);
	r = steps_back(&steps, &late);
	if (pid < 0)
		return NULL;
	l = launch_new(base, plan, w, pid, pidfd);
	l->deadline_ms = deadline_ms;
	if (r == 0)
		r = prepare_child(l, plan, &late);
	watch(l, base);
	if (r < 0) {
		fail(l, &late);
		fail_later(l, &late);
	}
	return l;
}

/* An exec's pipes belong to its user as the container's user namespace maps it. */
static int settle_owner(const struct launch_context *ctx, const Grpc__Process *process,
			const struct facts *facts, struct plan *plan, struct err *err)
{
	uid_t uid = process->user ? process->user->uid : 0;

	if (!ctx->init_pid)
		return 0;
	if (facts->ns_fd[NS_USER] >= 0)
		return facts_host_uid(ctx->init_pid, uid, &plan->stdio_uid, err);
	plan->stdio_uid = uid;
	return 0;
}

struct launch *launch_prepare(struct event_base *base, const struct launch_context *ctx,
			      const Grpc__Spec *spec, const Grpc__Process *process,
			      uint32_t deadline_ms, launch_done *ready, void *arg, struct err *err)
{
	struct wires w = WIRES_INIT;
	struct launch *l = NULL;
	struct plan *plan = NULL;
	struct facts facts;

	if (facts_read(ctx, &facts, err) < 0)
		return NULL;
	if (plan_build(&facts.plan, spec, process, &plan, err) == 0 &&
	    settle_owner(ctx, process, &facts, plan, err) == 0 && wires_open(plan, &w, err) == 0 &&
	    plan_open_fds(plan, &facts, err) == 0)
		l = fork_and_watch(base, plan, &facts, &w, deadline_ms, err);
	if (l) {
		l->done = ready;
		l->arg = arg;
	}
	if (plan)
		plan_close_fds(plan);
	plan_free(plan);
	wires_done(&w);
	facts_done(&facts);
	return l;
}

pid_t launch_pid(const struct launch *launch)
{
	return launch->pid;
}

const char *launch_warnings(const struct launch *launch)
{
	return launch->warnings;
}

void launch_take_io(struct launch *launch, struct launch_io *ret)
{
	*ret = launch->io;
	launch->io = (struct launch_io){ -1, -1, -1, -1 };
}

void launch_start(struct launch *launch, launch_done *done, void *arg)
{
	struct err err = ERR_INIT;

	assert(!launch->done);
	launch->done = done;
	launch->arg = arg;
	if (launch->state != WAITING) {
		err_set(&err, ERR_STATE, "start: the process is not waiting for it");
		fail_later(launch, &err);
	} else if (sync_send(launch->sync_fd, SYNC_GO, -1, &err) < 0) {
		err_set(&err, ERR_INTERNAL, "%s", died_early);
		fail_later(launch, &err);
	} else {
		launch->state = GOING;
		start_timer(launch, launch->deadline_ms);
	}
}

void launch_free(struct launch *launch)
{
	if (!launch)
		return;
	if (launch->state != RUNNING)
		kill_child(launch);
	stop_watching(launch);
	close_fd(&launch->pidfd);
	close_fd(&launch->io.stdin_fd);
	close_fd(&launch->io.stdout_fd);
	close_fd(&launch->io.stderr_fd);
	close_fd(&launch->io.pidfd);
	free(launch->warnings);
	free(launch);
}
