/* SPDX-License-Identifier: Apache-2.0 */
#include "kata-shim/shim.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"
#include "task.pb-c.h"

#define DELETE_MS 2000 /* an exec is forgotten by the supervisor; nobody waits longer for that */

static void on_agent_wait(void *arg, const ProtobufCMessage *resp, const struct err *err);
static void on_progress(void *arg);

/* Task's name of the process. */
static char *task_exec_id(const struct shim *shim)
{
	bool is_init = strcmp(shim->exec_id, shim->container_id) == 0;

	return unconst(is_init ? "" : shim->exec_id);
}

static void set_status(struct shim *shim, int status)
{
	shim->exited = true;
	shim->status = status;
	stdio_exited(&shim->stdio);
	on_progress(shim);
}

static void set_lost(struct shim *shim, const struct err *why)
{
	shim->lost = *why;
	if (why->code == ERR_UNAVAILABLE)
		(void)err_set(&shim->lost, why->code, "its supervisor, kata-proxy, has ended");
	set_status(shim, EXIT_LOST);
}

static void on_deleted(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct shim *shim = arg;

	(void)resp;
	(void)err; /* it may have been removed with its container */
	event_base_loopbreak(shim->base);
}

/* The process of an exec has no other owner who would tell the supervisor to forget it. */
static void finish(struct shim *shim)
{
	Containerd__Task__V2__DeleteRequest req = CONTAINERD__TASK__V2__DELETE_REQUEST__INIT;

	if (shim->deleting)
		return;
	shim->deleting = true;
	req.id = unconst(shim->container_id);
	req.exec_id = task_exec_id(shim);
	if (!shim->client || shim->use_agent_wait || req.exec_id[0] == '\0') {
		event_base_loopbreak(shim->base);
		return;
	}
	shim_call(shim, TASK_SERVICE, "Delete", &req.base, DELETE_MS, NULL, on_deleted, shim);
}

static void agent_wait(struct shim *shim)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;

	if (!shim->client)
		return;
	req.container_id = unconst(shim->container_id);
	req.exec_id = unconst(shim->exec_id);
	shim_call(shim, AGENT_SERVICE, "WaitProcess", &req.base, 0,
		  &grpc__wait_process_response__descriptor, on_agent_wait, shim);
}

/* A stream has ended, or the code is known: is it time to exit? */
static void on_progress(void *arg)
{
	struct shim *shim = arg;

	if (!stdio_is_drained(&shim->stdio))
		return;
	if (shim->lost.code == ERR_OK)
		shim->lost = shim->stdio.lost;
	if (shim->exited)
		finish(shim);
	else if (shim->use_agent_wait)
		agent_wait(
			shim); /* only then: other agents forget a process once it was waited for */
}

static void on_agent_wait(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const Grpc__WaitProcessResponse *r = (const void *)resp;

	set_status(arg, err ? EXIT_LOST : r->status & 0xff);
}

static void on_task_wait(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const Containerd__Task__V2__WaitResponse *r = (const void *)resp;
	struct shim *shim = arg;

	if (err && err->code == ERR_UNIMPLEMENTED) {
		shim->use_agent_wait = true;
		on_progress(shim);
		return;
	}
	if (err)
		set_lost(shim, err);
	else
		set_status(shim, (int)(r->exit_status & 0xff));
}

static void task_wait(struct shim *shim)
{
	Containerd__Task__V2__WaitRequest req = CONTAINERD__TASK__V2__WAIT_REQUEST__INIT;

	req.id = unconst(shim->container_id);
	req.exec_id = task_exec_id(shim);
	shim_call(shim, TASK_SERVICE, "Wait", &req.base, 0,
		  &containerd__task__v2__wait_response__descriptor, on_task_wait, shim);
}

static void resize(struct shim *shim)
{
	Grpc__TtyWinResizeRequest req = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;

	if (!shim->client || !term_size(0, &req.row, &req.column))
		return;
	req.container_id = unconst(shim->container_id);
	req.exec_id = unconst(shim->exec_id);
	shim_call(shim, AGENT_SERVICE, "TtyWinResize", &req.base, 0, NULL, NULL, NULL);
}

static void forward(struct shim *shim, uint32_t sig)
{
	Grpc__SignalProcessRequest req = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

	if (!shim->client)
		return;
	req.container_id = unconst(shim->container_id);
	req.exec_id = unconst(shim->exec_id);
	req.signal = sig;
	shim_call(shim, AGENT_SERVICE, "SignalProcess", &req.base, 0, NULL, NULL, NULL);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo si;
	struct shim *shim = arg;

	(void)what;
	if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH && shim->terminal)
		resize(shim);
	else
		forward(shim, si.ssi_signo);
}

/* All but those that mean a mistake of ours, and those that the kernel keeps for itself. */
static int watch_signals(struct shim *shim, struct err *err)
{
	static const int ours[] = { SIGSEGV, SIGBUS, SIGFPE,  SIGILL, SIGTRAP,
				    SIGABRT, SIGSYS, SIGCHLD, SIGPIPE };
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		sigdelset(&set, ours[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return err_sys(err, errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "watch signals");
	event_assign(&shim->signals, shim->base, fd, EV_READ | EV_PERSIST, on_signal, shim);
	event_add(&shim->signals, NULL);
	return 0;
}

/* Pending calls have failed by now: the streams have ended, and Wait said EXIT_LOST. */
static void on_close(void *arg, const struct err *why)
{
	struct err reason = *why; /* the client's */
	struct shim *shim = arg;

	ttrpc_client_free(shim->client);
	shim->client = NULL;
	shim_drop_calls(shim);
	if (shim->ready_fd >= 0)
		event_base_loopbreak(shim->base);
	else if (!shim->exited)
		set_lost(shim, &reason);
	else
		on_progress(shim);
	if (shim->deleting)
		event_base_loopbreak(shim->base);
}

/* epoll is all that is needed, and looking for others costs memory. */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static void start_streams(struct shim *shim)
{
	task_wait(shim);
	stdio_input_start(&shim->stdio, STDIN_FILENO);
	stdio_output_start(&shim->stdio, 0, STDOUT_FILENO);
	stdio_output_start(&shim->stdio, 1, STDERR_FILENO);
	if (shim->terminal) {
		term_raw(0);
		resize(shim);
	}
}

/* The end without a byte: who started us has given up, or died. */
static void on_go(evutil_socket_t fd, short what, void *arg)
{
	struct shim *shim = arg;
	char byte;
	bool go = read(fd, &byte, 1) == 1;

	(void)what;
	event_del(&shim->go);
	close_fd(&shim->ready_fd);
	if (go && shim->client)
		start_streams(shim);
	else
		event_base_loopbreak(shim->base);
}

static void wait_for_go(struct shim *shim)
{
	(void)!write(shim->ready_fd, "R", 1);
	event_assign(&shim->go, shim->base, shim->ready_fd, EV_READ, on_go, shim);
	event_add(&shim->go, NULL);
}

static void release(struct shim *shim)
{
	ttrpc_client_free(shim->client);
	shim->client = NULL;
	shim_drop_calls(shim);
	stdio_done(&shim->stdio);
	if (event_initialized(&shim->signals)) {
		event_del(&shim->signals);
		close(event_get_fd(&shim->signals));
	}
	event_base_free(shim->base);
}

/* What we need of the host's file system we have by now. */
static int enter_mount_ns(struct shim *shim, struct err *err)
{
	if (shim->mount_ns_fd < 0)
		return 0;
	if (setns(shim->mount_ns_fd, CLONE_NEWNS) < 0)
		return err_sys(err, errno, "enter mount namespace");
	close_fd(&shim->mount_ns_fd);
	return 0;
}

int shim_run(struct shim *shim, const char *socket, struct err *err)
{
	const struct stdio_peer peer = { .client = &shim->client,
					 .container_id = shim->container_id,
					 .exec_id = shim->exec_id };
	int fd = unix_connect(socket, err);

	if (fd < 0 || enter_mount_ns(shim, err) < 0)
		return -1;
	list_init(&shim->calls);
	shim->base = new_base();
	if (!shim->base)
		return err_set(err, ERR_INTERNAL, "make the event loop");
	shim->client = ttrpc_client_new(shim->base, fd, on_close, shim);
	stdio_init(&shim->stdio, shim->base, &peer, on_progress, shim);
	if (watch_signals(shim, err) < 0) {
		release(shim);
		return -1;
	}
	if (shim->ready_fd >= 0)
		wait_for_go(shim);
	else
		start_streams(shim);
	event_base_dispatch(shim->base);
	term_restore();
	release(shim);
	return shim->exited ? shim->status : EXIT_LOST;
}
