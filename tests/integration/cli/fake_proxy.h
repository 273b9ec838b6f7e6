/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * fake_proxy.h - a supervisor without a virtual machine
 *
 * Takes kata-proxy's arguments and serves the same three services on proxy.sock, with host
 * processes in the place of the guest's, so that kata-runtime and kata-shim can be
 * driven as a whole in seconds. Every call is noted in -log, for tests to look at.
 *
 * Annotations of the first container make it misbehave:
 *	fake.create = fail | hang | die	what Create does
 *	fake.agent = hang	the agent's methods are never answered
 * SIGUSR1 loses the "virtual machine": every process ends with 255, the agent is gone.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

#include "agent.pb-c.h"
#include "lib/base/exit_latch.h"
#include "lib/base/list.h"
#include "lib/ttrpc/server.h"
#include "oci.pb-c.h"
#include "supervisor.pb-c.h"
#include "task.pb-c.h"

struct fake;

/* One direction of a process's streams; the call that waits for it. */
struct channel {
	int fd;
	struct ttrpc_call *call;
	struct event event;
	uint32_t len;        /* reading */
	const uint8_t *data; /* writing; the call's */
	size_t data_len;
};

struct proc {
	struct list node;
	struct fake *fake;
	char *cid, *exec_id; /* exec_id "": the container's own */
	char *bundle, *rootfs;
	Grpc__Process *process;
	bool started, paused;
	int pidfd;
	int child_fds[3]; /* the child's ends, until it is started */
	struct channel in, out, err;
	struct event ended, shim_ended;
	struct exit_latch exit;
	pid_t shim_pid;
	int shim_fd;
};

struct fake {
	struct event_base *base;
	struct ttrpc_server *server;
	struct list procs;
	const char *sandbox;
	int log_fd;
	bool lost, agent_hangs, down;
	struct journal *journal;
};

/* process.c */
struct proc *proc_new(struct fake *fake, const char *cid, const char *exec_id,
		      const Grpc__Process *process);
void proc_free(struct proc *p);
int proc_check(const char *name, struct err *err); /* can it be run? */
int proc_start(struct proc *p, struct err *err);
void proc_signal_to(struct proc *p, int sig);
void proc_set_exit(struct proc *p, int status);
void proc_read(struct proc *p, struct channel *c, struct ttrpc_call *call, uint32_t len);
void proc_write(struct proc *p, struct ttrpc_call *call, const uint8_t *data, size_t len);

/* services.c */
extern const struct ttrpc_method task_methods[], agent_methods[], supervisor_methods[];
extern const size_t n_task_methods, n_agent_methods, n_supervisor_methods;
struct proc *find_proc(struct fake *fake, const char *cid, const char *exec_id, struct err *err);
void note(struct fake *fake, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
