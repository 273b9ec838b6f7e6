/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * fake_engine.h - engine.h without a virtual machine
 *
 * Operations are noted and wait until the test ends them with fake_end(); states are set by hand.
 */
#include <stdbool.h>

#include "engine/engine.h"

#define FAKE_CONTAINERS_MAX 4
#define FAKE_OPS_MAX        8

struct process {
	struct container *container;
	char exec_id[32]; /* "": free, or an init */
	struct exit_latch exit;
	bool started;
	pid_t shim_pid;
	const struct stdio_request *stdio;
};

struct container {
	struct sandbox *sandbox;
	char id[32]; /* "": free */
	char bundle[256], rootfs[256];
	enum container_status status;
	struct process init, exec;
};

struct sandbox {
	struct sandbox_events events;
	void *events_arg;
	struct container containers[FAKE_CONTAINERS_MAX];
	struct ttrpc_client *agent;
};

struct fake_op {
	char what[256]; /* "start c1/e1" */
	engine_done *done;
	void *arg;
};

extern struct fake {
	struct sandbox *sandbox; /* the one there is */
	struct fake_op ops[FAKE_OPS_MAX]; /* oldest first */
	size_t n_ops;
	bool refuse_sandbox;
	bool vm_gone;
	struct network *network; /* anything but NULL: there is one */
	void *network_answered, *network_arg; /* a network_request() under way; NULL: none */
	container_counted *counted; /* a container_stats() under way; NULL: none */
	void *counted_arg;
	size_t n_freed;
} fake;

/* The oldest open operation must be this one; it ends so. err NULL is success. */
void fake_end(const char *what, const struct err *err);

/* Nothing is open. */
bool fake_is_idle(void);
