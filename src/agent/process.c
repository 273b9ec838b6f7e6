/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/launch/launch.h"
#include "agent/reaper.h"
#include "agent/sandbox.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/log/log.h"

#define STATUS_MAX 16384 /* bytes of /proc/PID/status */
/* Bytes; a larger pipe makes larger answers, and each answer is a round trip through the VM. */
#define PIPE_SIZE (256 << 10)

static void finish(struct process *p, const struct err *err)
{
	struct container *ctr = p->ctr;
	bool creating = ctr->creating; /* then done() may free the container */
	process_done *done = p->done;

	p->done = NULL;
	done(p->arg, err);
	if (!creating)
		container_on_change(ctr);
}

static void on_exited(void *arg, const struct exit_info *info)
{
	struct process *p = arg;

	p->watch = NULL;
	p->state = PROCESS_EXITED;
	input_exited(&p->in);
	output_exited(&p->out);
	output_exited(&p->errors);
	container_look_for_oom(p->ctr);
	exit_latch_set(&p->exit, info);
	log_debug("process exited", "container", p->ctr->id, "process", p->id);
	container_on_change(p->ctr);
}

static void set_pipe_size(const struct process *p, int fd)
{
	uint32_t asked = p->ctr->agent->options.container_pipe_size;
	int size = asked ? (int)asked : PIPE_SIZE;

	if (fcntl(fd, F_SETPIPE_SZ, size) < 0 && asked)
		log_warn("pipe size not set, going on", "process", p->id, "reason",
			 strerror(errno));
}

static void take_streams(struct process *p)
{
	struct event_base *base = p->ctr->agent->base;
	struct launch_io io;

	launch_take_io(p->launch, &io);
	p->pidfd = io.pidfd;
	if (io.stdout_fd < 0) {
		input_init(&p->in, base, io.stdin_fd, true);
		output_init(&p->out, base, fcntl(io.stdin_fd, F_DUPFD_CLOEXEC, 3), true);
		return; /* what goes to errors comes out of the one terminal */
	}
	set_pipe_size(p, io.stdout_fd);
	set_pipe_size(p, io.stderr_fd);
	input_init(&p->in, base, io.stdin_fd, false);
	output_init(&p->out, base, io.stdout_fd, false);
	output_init(&p->errors, base, io.stderr_fd, false);
}

static void on_ready(void *arg, const struct err *err)
{
	struct process *p = arg;

	if (!err) {
		take_streams(p);
		if (p->state == PROCESS_CREATING)
			p->state = PROCESS_CREATED;
	}
	finish(p, err);
}

static void on_started(void *arg, const struct err *err)
{
	struct process *p = arg;

	/* A short program may have ended before this news; its exit stays. */
	if (!err && p->state == PROCESS_STARTING)
		p->state = PROCESS_RUNNING;
	if (!err) {
		launch_free(p->launch);
		p->launch = NULL;
	}
	finish(p, err);
}

struct process *process_new(struct container *ctr, const struct process_plan *plan,
			    process_done *done, void *arg, struct err *err)
{
	struct agent *agent = ctr->agent;
	struct launch_context ctx = LAUNCH_CONTEXT_INIT;
	struct process *p = xnew(struct process);

	*p = (struct process){ .ctr = ctr, .pidfd = -1, .done = done, .arg = arg };
	input_init(&p->in, agent->base, -1, false);
	output_init(&p->out, agent->base, -1, false);
	output_init(&p->errors, agent->base, -1, false);
	ctx.container_id = ctr->id;
	ctx.rootfs = ctr->spec->root->path;
	ctx.cgroup = ctr->cgroup;
	ctx.init_pid = plan->init_pid;
	if (!plan->init_pid)
		sandbox_fill_namespaces(agent->sandbox, ctr, &ctx);
	p->launch = launch_prepare(agent->base, &ctx, ctr->spec, plan->process,
				   agent->options.launch_timeout_ms, on_ready, p, err);
	if (!p->launch) {
		free(p);
		return NULL;
	}
	p->id = xstrdup(plan->id);
	p->pid = launch_pid(p->launch);
	p->watch = reaper_add(agent->reaper, p->pid, on_exited, p);
	list_add(&ctr->processes, &p->node);
	if (*launch_warnings(p->launch))
		log_warn("spec not followed in full, going on", "container", ctr->id, "process",
			 p->id, "reason", launch_warnings(p->launch));
	return p;
}

int process_start(struct process *p, process_done *done, void *arg, struct err *err)
{
	if (p->state != PROCESS_CREATED)
		return err_set(err, ERR_STATE, "process '%s' %s", p->id,
			       p->state == PROCESS_EXITED ? "has exited" : "was started already");
	p->state = PROCESS_STARTING;
	p->done = done;
	p->arg = arg;
	launch_start(p->launch, on_started, p);
	return 0;
}

void process_free(struct process *p)
{
	const struct exit_info killed = { .status = 128 + SIGKILL, .at_ns = clock_real_ns() };

	if (!p)
		return;
	list_remove(&p->node);
	reaper_remove(p->watch);
	launch_free(p->launch);
	input_done(&p->in);
	output_done(&p->out);
	output_done(&p->errors);
	exit_latch_set(&p->exit, &killed);
	close_fd(&p->pidfd);
	free(p->id);
	free(p);
}

/* Would this process get the signal, or is it one that the kernel withholds? */
static bool has_disposition(pid_t pid, int sig)
{
	static const char *const masks[] = { "\nSigBlk:", "\nSigIgn:", "\nSigCgt:" };
	scoped_free char *path = xasprintf("/proc/%d/status", (int)pid);
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* gone: then it is the same */
	uint64_t all = 0;

	if (file_read(path, STATUS_MAX, &text, NULL, &ignored) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		const char *at = strstr(text, masks[i]);
		uint64_t mask;

		if (at && sscanf(at + strlen(masks[i]), "%" SCNx64, &mask) == 1)
			all |= mask;
	}
	return all & (UINT64_C(1) << (sig - 1));
}

int process_signal(struct process *p, int sig, struct err *err)
{
	bool is_init = p == p->ctr->init;

	if (p->state == PROCESS_EXITED)
		return err_set(err, ERR_NOT_FOUND, "process '%s' has exited", p->id);
	if (p->pidfd < 0)
		return err_set(err, ERR_STATE, "process '%s' is being created", p->id);
	if (is_init && sig == SIGTERM && !has_disposition(p->pid, sig))
		sig = SIGKILL;
	return proc_signal(p->pidfd, sig, err);
}

int process_resize(struct process *p, unsigned int rows, unsigned int columns, struct err *err)
{
	const struct winsize size = { .ws_row = (unsigned short)rows,
				      .ws_col = (unsigned short)columns };

	if (!p->in.terminal)
		return err_set(err, ERR_STATE, "process '%s' has no terminal", p->id);
	if (p->in.fd < 0)
		return err_set(err, ERR_NOT_FOUND, "process '%s' has exited", p->id);
	if (rows > UINT16_MAX || columns > UINT16_MAX)
		return err_set(err, ERR_INVALID, "a terminal of %u by %u", columns, rows);
	if (ioctl(p->in.fd, TIOCSWINSZ, &size) < 0)
		return err_sys(err, errno, "resize terminal of process '%s'", p->id);
	return 0;
}
