/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "fake_proxy.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/oci/spec.h"

typedef struct ttrpc_call call_t;
#define HANDLER(name) static void name(call_t *call, const ProtobufCMessage *msg, void *arg)

void note(struct fake *fake, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vdprintf(fake->log_fd, fmt, ap);
	va_end(ap);
	(void)!write(fake->log_fd, "\n", 1);
}

struct proc *find_proc(struct fake *fake, const char *cid, const char *exec_id, struct err *err)
{
	if (strcmp(cid, exec_id) == 0)
		exec_id = "";
	list_for_each(&fake->procs, struct proc, node, p)
		if (strcmp(p->cid, cid) == 0 && strcmp(p->exec_id, exec_id) == 0)
			return p;
	(void)err_set(err, ERR_NOT_FOUND, "find process '%s' of '%s': no such process", exec_id,
		      cid);
	return NULL;
}

static void done(call_t *call)
{
	Containerd__Task__V2__Empty empty = CONTAINERD__TASK__V2__EMPTY__INIT;

	ttrpc_reply(call, &empty.base);
}

static void fail(call_t *call, enum err_code code, const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, code, "%s", text);
	ttrpc_fail(call, &err);
}

/* Finds the process or answers the call. */
static struct proc *find_or_fail(call_t *call, struct fake *fake, const char *cid,
				 const char *exec_id)
{
	struct err err = ERR_INIT;
	struct proc *p = find_proc(fake, cid, exec_id, &err);

	if (!p)
		ttrpc_fail(call, &err);
	return p;
}

/* --- Task --- */

HANDLER(task_create)
{
	const Containerd__Task__V2__CreateTaskRequest *req = (const void *)msg;
	Containerd__Task__V2__CreateTaskResponse resp =
		CONTAINERD__TASK__V2__CREATE_TASK_RESPONSE__INIT;
	struct fake *fake = arg;
	struct err err = ERR_INIT;
	Grpc__Spec *spec = spec_load(req->bundle, &err);
	const char *how, *agent;
	struct proc *p;

	note(fake, "Create %s terminal=%d", req->id, req->terminal);
	if (!spec) {
		ttrpc_fail(call, &err);
		return;
	}
	how = spec_annotation(spec, "fake.create");
	agent = spec_annotation(spec, "fake.agent");
	fake->agent_hangs = agent && strcmp(agent, "hang") == 0;
	if (how && strcmp(how, "die") == 0)
		_exit(3);
	if (how && strcmp(how, "hang") == 0)
		return;
	if (how) {
		fail(call, ERR_INTERNAL, "reach agent: made to fail\nwith a \x1b[31msecond line");
		return;
	}
	if (proc_check(spec->process->args[0], &err) < 0) {
		ttrpc_fail(call, &err);
		protobuf_c_message_free_unpacked(&spec->base, NULL);
		return;
	}
	p = proc_new(fake, req->id, "", spec->process);
	free(p->bundle);
	p->bundle = xstrdup(req->bundle);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	ttrpc_reply(call, &resp.base);
}

HANDLER(task_start)
{
	const Containerd__Task__V2__StartRequest *req = (const void *)msg;
	Containerd__Task__V2__StartResponse resp = CONTAINERD__TASK__V2__START_RESPONSE__INIT;
	struct proc *p = find_or_fail(call, arg, req->id, req->exec_id);
	struct err err = ERR_INIT;

	if (!p)
		return;
	note(arg, "Start %s %s", req->id, req->exec_id);
	if (p->started || p->exit.set)
		fail(call, ERR_STATE, "it was started already");
	else if (proc_start(p, &err) < 0)
		ttrpc_fail(call, &err);
	else
		ttrpc_reply(call, &resp.base);
}

HANDLER(task_exec)
{
	const Containerd__Task__V2__ExecProcessRequest *req = (const void *)msg;
	struct proc *init = find_or_fail(call, arg, req->id, "");
	struct err err = ERR_INIT;
	Grpc__Process *process;

	if (!init)
		return;
	note(arg, "Exec %s %.*s", req->id, (int)req->spec->value.len,
	     (char *)req->spec->value.data);
	process = (void *)spec_parse(&grpc__process__descriptor, (char *)req->spec->value.data,
				     req->spec->value.len, &err);
	if (!process) {
		ttrpc_fail(call, &err);
		return;
	}
	(void)proc_new(arg, req->id, req->exec_id, process);
	protobuf_c_message_free_unpacked(&process->base, NULL);
	done(call);
}

HANDLER(task_kill)
{
	const Containerd__Task__V2__KillRequest *req = (const void *)msg;
	struct proc *p = find_or_fail(call, arg, req->id, req->exec_id);

	if (!p)
		return;
	note(arg, "Kill %s %s signal=%u all=%d", req->id, req->exec_id, req->signal, req->all);
	if (p->exit.set && req->signal != SIGKILL && req->signal != SIGTERM) {
		fail(call, ERR_STATE, "it has ended");
		return;
	}
	proc_signal_to(p, (int)req->signal);
	done(call);
}

struct waiting {
	struct exit_waiter waiter;
	struct proc *p;
	call_t *call;
};

static void reply_exit(call_t *call, const struct exit_info *info)
{
	Containerd__Task__V2__WaitResponse resp = CONTAINERD__TASK__V2__WAIT_RESPONSE__INIT;

	resp.exit_status = (uint32_t)info->status;
	ttrpc_reply(call, &resp.base);
}

static void on_exit_told(struct exit_waiter *waiter, const struct exit_info *info)
{
	struct waiting *w = container_of(waiter, struct waiting, waiter);

	reply_exit(w->call, info);
	free(w);
}

static void on_wait_cancelled(void *arg)
{
	struct waiting *w = arg;

	exit_latch_cancel(&w->p->exit, &w->waiter);
	free(w);
}

HANDLER(task_wait)
{
	const Containerd__Task__V2__WaitRequest *req = (const void *)msg;
	struct proc *p = find_or_fail(call, arg, req->id, req->exec_id);
	struct waiting *w;

	if (!p)
		return;
	if (p->exit.set) {
		reply_exit(call, &p->exit.info);
		return;
	}
	w = xnew(struct waiting);
	*w = (struct waiting){ .waiter.fn = on_exit_told, .p = p, .call = call };
	exit_latch_wait(&p->exit, &w->waiter);
	ttrpc_call_on_cancel(call, on_wait_cancelled, w);
}

HANDLER(task_delete)
{
	const Containerd__Task__V2__DeleteRequest *req = (const void *)msg;
	Containerd__Task__V2__DeleteResponse resp = CONTAINERD__TASK__V2__DELETE_RESPONSE__INIT;
	struct proc *p = find_or_fail(call, arg, req->id, req->exec_id);
	struct fake *fake = arg;

	if (!p)
		return;
	note(fake, "Delete %s %s", req->id, req->exec_id);
	if (p->started && !p->exit.set) {
		fail(call, ERR_STATE, "it is running");
		return;
	}
	resp.exit_status = (uint32_t)p->exit.info.status;
	proc_set_exit(p, 255);
	if (!p->exec_id[0]) {
		list_for_each_safe(&fake->procs, struct proc, node, other)
			if (other != p && strcmp(other->cid, p->cid) == 0)
				proc_free(other);
	}
	proc_free(p);
	ttrpc_reply(call, &resp.base);
}

static void set_paused(call_t *call, struct fake *fake, const char *id, bool paused)
{
	struct proc *p = find_or_fail(call, fake, id, "");

	if (!p)
		return;
	note(fake, "%s %s", paused ? "Pause" : "Resume", id);
	p->paused = paused;
	proc_signal_to(p, paused ? SIGSTOP : SIGCONT);
	done(call);
}

HANDLER(task_pause)
{
	set_paused(call, arg, ((const Containerd__Task__V2__PauseRequest *)msg)->id, true);
}

HANDLER(task_resume)
{
	set_paused(call, arg, ((const Containerd__Task__V2__ResumeRequest *)msg)->id, false);
}

HANDLER(task_update)
{
	const Containerd__Task__V2__UpdateTaskRequest *req = (const void *)msg;

	note(arg, "Update %s %s %.*s", req->id, req->resources->type_url,
	     (int)req->resources->value.len, (char *)req->resources->value.data);
	done(call);
}

HANDLER(task_shutdown)
{
	const struct timeval soon = { .tv_usec = 10000 };
	struct fake *fake = arg;

	(void)msg;
	note(fake, "Shutdown");
	fake->down = true;
	done(call);
	event_base_loopexit(fake->base, &soon);
}

const struct ttrpc_method task_methods[] = {
	{ "Create", task_create },     { "Start", task_start },   { "Exec", task_exec },
	{ "Kill", task_kill },         { "Wait", task_wait },     { "Delete", task_delete },
	{ "Pause", task_pause },       { "Resume", task_resume }, { "Update", task_update },
	{ "Shutdown", task_shutdown },
};
const size_t n_task_methods = ARRAY_LEN(task_methods);

/* --- Agent --- */

/* True when the agent gives no answer, or none any more. */
static bool is_away(call_t *call, struct fake *fake)
{
	if (fake->lost)
		fail(call, ERR_UNAVAILABLE, "there is no agent");
	return fake->lost || fake->agent_hangs;
}

static void read_stream(call_t *call, const ProtobufCMessage *msg, struct fake *fake, bool err)
{
	const Grpc__ReadStreamRequest *req = (const void *)msg;
	struct proc *p;

	if (is_away(call, fake))
		return;
	p = find_or_fail(call, fake, req->container_id, req->exec_id);
	if (p)
		proc_read(p, err ? &p->err : &p->out, call, req->len);
}

HANDLER(agent_read_stdout)
{
	read_stream(call, msg, arg, false);
}

HANDLER(agent_read_stderr)
{
	read_stream(call, msg, arg, true);
}

HANDLER(agent_write_stdin)
{
	const Grpc__WriteStreamRequest *req = (const void *)msg;
	struct proc *p;

	if (is_away(call, arg))
		return;
	p = find_or_fail(call, arg, req->container_id, req->exec_id);
	if (p)
		proc_write(p, call, req->data.data, req->data.len);
}

HANDLER(agent_close_stdin)
{
	const Grpc__CloseStdinRequest *req = (const void *)msg;
	struct proc *p = find_or_fail(call, arg, req->container_id, req->exec_id);

	if (!p)
		return;
	note(arg, "CloseStdin %s", req->container_id);
	close_fd(&p->in.fd);
	done(call);
}

HANDLER(agent_resize)
{
	const Grpc__TtyWinResizeRequest *req = (const void *)msg;
	struct proc *p = find_or_fail(call, arg, req->container_id, req->exec_id);
	struct winsize size = { .ws_row = (unsigned short)req->row,
				.ws_col = (unsigned short)req->column };

	if (!p)
		return;
	note(arg, "TtyWinResize %u %u", req->row, req->column);
	(void)ioctl(p->out.fd, TIOCSWINSZ, &size);
	done(call);
}

HANDLER(agent_signal)
{
	const Grpc__SignalProcessRequest *req = (const void *)msg;
	struct proc *p = find_or_fail(call, arg, req->container_id, req->exec_id);

	if (!p)
		return;
	note(arg, "SignalProcess %s %u", req->exec_id, req->signal);
	proc_signal_to(p, (int)req->signal);
	done(call);
}

HANDLER(agent_list)
{
	static uint8_t table[] = "PID   CMD\n1     guest-program\n";
	const Grpc__ListProcessesRequest *req = (const void *)msg;
	Grpc__ListProcessesResponse resp = GRPC__LIST_PROCESSES_RESPONSE__INIT;

	note(arg, "ListProcesses %s %s", req->format, req->n_args ? req->args[0] : "");
	resp.process_list.data = table;
	resp.process_list.len = sizeof(table) - 1;
	ttrpc_reply(call, &resp.base);
}

HANDLER(agent_stats)
{
	Grpc__StatsContainerResponse resp = GRPC__STATS_CONTAINER_RESPONSE__INIT;
	Grpc__CgroupStats cgroup = GRPC__CGROUP_STATS__INIT;
	Grpc__CpuStats cpu = GRPC__CPU_STATS__INIT;
	Grpc__CpuUsage usage = GRPC__CPU_USAGE__INIT;
	Grpc__MemoryStats memory = GRPC__MEMORY_STATS__INIT;
	Grpc__MemoryData data = GRPC__MEMORY_DATA__INIT;
	Grpc__PidsStats pids = GRPC__PIDS_STATS__INIT;

	(void)msg, (void)arg;
	usage.total_usage = 12345;
	cpu.cpu_usage = &usage;
	data.usage = 4096;
	data.limit = UINT64_MAX;
	memory.usage = &data;
	pids.current = 3;
	cgroup.cpu_stats = &cpu;
	cgroup.memory_stats = &memory;
	cgroup.pids_stats = &pids;
	resp.cgroup_stats = &cgroup;
	ttrpc_reply(call, &resp.base);
}

const struct ttrpc_method agent_methods[] = {
	{ "ReadStdout", agent_read_stdout }, { "ReadStderr", agent_read_stderr },
	{ "WriteStdin", agent_write_stdin }, { "CloseStdin", agent_close_stdin },
	{ "TtyWinResize", agent_resize },    { "SignalProcess", agent_signal },
	{ "ListProcesses", agent_list },     { "StatsContainer", agent_stats },
};
const size_t n_agent_methods = ARRAY_LEN(agent_methods);

/* --- Supervisor --- */

static void on_shim_ended(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;

	(void)fd, (void)what;
	p->shim_pid = 0;
	note(p->fake, "stand-in of %s %s has ended", p->cid, p->exec_id);
	proc_signal_to(p, SIGKILL);
}

HANDLER(attach_shim)
{
	const Kata__Supervisor__AttachShimRequest *req = (const void *)msg;
	Kata__Supervisor__AttachShimResponse resp = KATA__SUPERVISOR__ATTACH_SHIM_RESPONSE__INIT;
	struct proc *p = find_or_fail(call, arg, req->id, req->exec_id);
	struct err err = ERR_INIT;

	if (!p)
		return;
	p->shim_fd = proc_open((pid_t)req->pid, req->start_ticks, &err);
	if (p->shim_fd < 0) {
		ttrpc_fail(call, &err);
		return;
	}
	p->shim_pid = (pid_t)req->pid;
	event_assign(&p->shim_ended, p->fake->base, p->shim_fd, EV_READ, on_shim_ended, p);
	event_add(&p->shim_ended, NULL);
	ttrpc_reply(call, &resp.base);
}

static const char *status_of(const struct proc *p)
{
	if (p->exit.set)
		return "stopped";
	if (p->paused)
		return "paused";
	return p->started ? "running" : "created";
}

HANDLER(describe)
{
	const Kata__Supervisor__DescribeRequest *req = (const void *)msg;
	Kata__Supervisor__DescribeResponse resp = KATA__SUPERVISOR__DESCRIBE_RESPONSE__INIT;
	struct fake *fake = arg;
	struct proc *p = find_or_fail(call, fake, req->id, "");

	if (!p)
		return;
	resp.id = req->id;
	resp.sandbox_id = unconst(fake->sandbox);
	resp.status = unconst(status_of(p));
	resp.pid = (uint32_t)p->shim_pid;
	resp.bundle = p->bundle;
	resp.rootfs = p->rootfs;
	resp.created_at_ns = 1700000000ull * NS_PER_SEC;
	resp.hypervisor_path = unconst("/bin/qemu");
	resp.kernel_path = unconst("/boot/vmlinux");
	resp.image_path = unconst("/boot/initrd");
	ttrpc_reply(call, &resp.base);
}

HANDLER(timeline)
{
	Kata__Supervisor__TimelineResponse resp = KATA__SUPERVISOR__TIMELINE_RESPONSE__INIT;
	Kata__Supervisor__Step steps[2] = { KATA__SUPERVISOR__STEP__INIT,
					    KATA__SUPERVISOR__STEP__INIT };
	Kata__Supervisor__Step *list[2] = { &steps[0], &steps[1] };

	(void)msg, (void)arg;
	steps[0].operation = unconst("sandbox up");
	steps[0].name = unconst("start vmm");
	steps[0].took_ns = 41500000;
	steps[1].operation = unconst("container up");
	steps[1].name = unconst("create in guest");
	steps[1].took_ns = 8500000;
	resp.steps = list;
	resp.n_steps = 2;
	ttrpc_reply(call, &resp.base);
}

const struct ttrpc_method supervisor_methods[] = {
	{ "AttachShim", attach_shim },
	{ "Describe", describe },
	{ "Timeline", timeline },
};
const size_t n_supervisor_methods = ARRAY_LEN(supervisor_methods);
