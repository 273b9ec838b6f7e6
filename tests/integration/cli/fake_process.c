/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_proxy.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"

#define READ_MAX (1u << 20)

static void keep(int *slot, int fd, bool ours)
{
	*slot = fd;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (ours)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void make_pipe(int *ours, int *theirs, bool we_write)
{
	int fds[2];

	if (pipe(fds) < 0)
		abort();
	keep(ours, fds[we_write ? 1 : 0], true);
	keep(theirs, fds[we_write ? 0 : 1], false);
}

static void make_terminal(struct proc *p)
{
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		abort();
	keep(&p->out.fd, master, true);
	keep(&p->in.fd, fcntl(master, F_DUPFD_CLOEXEC, 3), true);
	for (int i = 0; i < 3; i++)
		keep(&p->child_fds[i], i == 0 ? slave : fcntl(slave, F_DUPFD_CLOEXEC, 3), false);
	p->err.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

struct proc *proc_new(struct fake *fake, const char *cid, const char *exec_id,
		      const Grpc__Process *process)
{
	struct proc *p = xnew(struct proc);
	size_t len = protobuf_c_message_get_packed_size(&process->base);
	scoped_free uint8_t *bytes = xcalloc(1, len + 1);

	protobuf_c_message_pack(&process->base, bytes);
	p->process = grpc__process__unpack(NULL, len, bytes);
	p->fake = fake;
	p->cid = xstrdup(cid);
	p->exec_id = xstrdup(exec_id);
	p->bundle = xstrdup("");
	p->rootfs = xstrdup("");
	p->pidfd = p->shim_fd = -1;
	if (process->terminal) {
		make_terminal(p);
	} else {
		make_pipe(&p->in.fd, &p->child_fds[0], true);
		make_pipe(&p->out.fd, &p->child_fds[1], false);
		make_pipe(&p->err.fd, &p->child_fds[2], false);
	}
	list_add(&fake->procs, &p->node);
	return p;
}

static void drop_channel(struct channel *c)
{
	struct err err = ERR_INIT;

	if (event_initialized(&c->event))
		event_del(&c->event);
	close_fd(&c->fd);
	if (!c->call)
		return;
	(void)err_set(&err, ERR_NOT_FOUND, "process is gone");
	ttrpc_fail(take_ptr(&c->call), &err);
}

void proc_free(struct proc *p)
{
	proc_signal_to(p, SIGKILL);
	drop_channel(&p->in);
	drop_channel(&p->out);
	drop_channel(&p->err);
	for (int i = 0; i < 3; i++)
		close_fd(&p->child_fds[i]);
	if (event_initialized(&p->ended))
		event_del(&p->ended);
	if (event_initialized(&p->shim_ended))
		event_del(&p->shim_ended);
	close_fd(&p->pidfd);
	close_fd(&p->shim_fd);
	list_remove(&p->node);
	grpc__process__free_unpacked(p->process, NULL);
	free(p->cid);
	free(p->exec_id);
	free(p->bundle);
	free(p->rootfs);
	free(p);
}

void proc_set_exit(struct proc *p, int status)
{
	const struct exit_info info = { .status = status, .at_ns = clock_real_ns() };

	exit_latch_set(&p->exit, &info);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;
	struct err ignored = ERR_INIT;
	int status;

	(void)what;
	if (spawn_wait((int)fd, 0, &status, &ignored) == 0)
		proc_set_exit(p, status);
}

static char *find_program(const char *name, struct err *err)
{
	static const char *const dirs[] = { "/bin", "/usr/bin", "/sbin", "/usr/sbin" };

	if (strchr(name, '/')) {
		if (access(name, F_OK) < 0)
			(void)err_sys(err, errno, "exec '%s'", name);
		else if (access(name, X_OK) < 0)
			(void)err_sys(err, EACCES, "exec '%s'", name);
		else
			return xstrdup(name);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char *path = xasprintf("%s/%s", dirs[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	(void)err_set(err, ERR_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", name);
	return NULL;
}

int proc_check(const char *name, struct err *err)
{
	scoped_free char *program = find_program(name, err);

	return program ? 0 : -1;
}

int proc_start(struct proc *p, struct err *err)
{
	struct spawn s = SPAWN_INIT;
	scoped_strv char **argv = NULL;
	scoped_strv char **envp = NULL;
	scoped_free char *program = find_program(p->process->args[0], err);

	if (!program)
		return -1;
	if (p->process->terminal) { /* only a session's leader may take the terminal */
		strv_add(&argv, "/usr/bin/setsid");
		strv_add(&argv, "--ctty");
	}
	strv_add(&argv, program);
	for (size_t i = 1; i < p->process->n_args; i++)
		strv_add(&argv, p->process->args[i]);
	for (size_t i = 0; i < p->process->n_env; i++)
		strv_add(&envp, p->process->env[i]);
	s.argv = argv;
	s.envp = envp;
	s.cwd = p->process->cwd;
	s.stdin_fd = p->child_fds[0];
	s.stdout_fd = p->child_fds[1];
	s.stderr_fd = p->child_fds[2];
	s.new_session = !p->process->terminal;
	s.death_signal = SIGKILL;
	if (spawn(&s, NULL, &p->pidfd, err) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		close_fd(&p->child_fds[i]);
	p->started = true;
	event_assign(&p->ended, p->fake->base, p->pidfd, EV_READ, on_ended, p);
	event_add(&p->ended, NULL);
	return 0;
}

void proc_signal_to(struct proc *p, int sig)
{
	struct err ignored = ERR_INIT;

	if (p->pidfd >= 0 && !p->exit.set)
		(void)proc_signal(p->pidfd, sig, &ignored);
	else if (!p->started && sig == SIGKILL && !p->exit.set)
		proc_set_exit(p, 128 + SIGKILL);
}

/* --- streams --- */

static void try_read(struct channel *c)
{
	Grpc__ReadStreamResponse resp = GRPC__READ_STREAM_RESPONSE__INIT;
	scoped_free uint8_t *buf = xcalloc(1, c->len + 1);
	ssize_t n = read(c->fd, buf, c->len);

	if (n < 0 && errno == EAGAIN) {
		event_add(&c->event, NULL);
		return;
	}
	resp.data.data = buf;
	resp.data.len = n > 0 ? (size_t)n : 0;
	ttrpc_reply(take_ptr(&c->call), &resp.base);
}

static void on_channel(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	if (what & EV_READ)
		try_read(arg);
}

static void on_hung_up(void *arg)
{
	struct channel *c = arg;

	event_del(&c->event);
	c->call = NULL;
}

void proc_read(struct proc *p, struct channel *c, struct ttrpc_call *call, uint32_t len)
{
	c->call = call;
	c->len = MIN(len, READ_MAX);
	event_assign(&c->event, p->fake->base, c->fd, EV_READ, on_channel, c);
	ttrpc_call_on_cancel(call, on_hung_up, c);
	try_read(c);
}

static void try_write(struct channel *c)
{
	Grpc__WriteStreamResponse resp = GRPC__WRITE_STREAM_RESPONSE__INIT;
	struct err err = ERR_INIT;
	ssize_t n = write(c->fd, c->data, c->data_len);

	if (n < 0 && errno == EAGAIN) {
		event_add(&c->event, NULL);
		return;
	}
	if (n < 0) {
		(void)err_sys(&err, errno, "write");
		ttrpc_fail(take_ptr(&c->call), &err);
		return;
	}
	resp.len = (uint32_t)n;
	ttrpc_reply(take_ptr(&c->call), &resp.base);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	try_write(arg);
}

void proc_write(struct proc *p, struct ttrpc_call *call, const uint8_t *data, size_t len)
{
	struct channel *c = &p->in;

	c->call = call;
	c->data = data;
	c->data_len = len;
	event_assign(&c->event, p->fake->base, c->fd, EV_WRITE, on_writable, c);
	ttrpc_call_on_cancel(call, on_hung_up, c);
	try_write(c);
}
