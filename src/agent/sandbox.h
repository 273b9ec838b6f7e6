/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sandbox.h - what the containers of this VM share
 *
 * There is one struct sandbox from the start; CreateSandbox brings it up, once. It holds the
 * IPC and UTS namespaces that every container joins, the pid namespace when one is shared
 * (it is that of the first container that asked for it), and the sandbox's storages.
 */
#include <stdbool.h>

#include "agent.pb-c.h"
#include "agent/storage.h"
#include "lib/base/err.h"
#include "lib/base/list.h"

#define SANDBOX_CONTAINERS_MAX 1024
#define SANDBOX_DIR            STORAGE_ROOT "/sandbox"

struct agent;
struct container;
struct launch_context;
struct ttrpc_call;

struct sandbox {
	struct agent *agent;
	bool up;
	char *id;
	struct storages storages;
	char **points;                       /* the sandbox's own */
	int ipc_ns_fd, uts_ns_fd, pid_ns_fd; /* -1: none */
	struct list containers;
	char *hook_dir; /* NULL: no guest hooks */
	/* private */
	struct list oom_waiters; /* kept GetOOMEvent calls */
	size_t n_oom_waiters;
	char **oom_pending; /* container ids not told yet, each once */
	bool has_resolv_conf;
};

struct sandbox *sandbox_new(struct agent *agent);
void sandbox_free(struct sandbox *sb);

/* ERR_STATE when it is up already; on failure nothing remains. */
int sandbox_up(struct sandbox *sb, const Grpc__CreateSandboxRequest *req, struct err *err);

/* Undo what sandbox_up() did. The containers are gone before. */
void sandbox_down(struct sandbox *sb);

/* ERR_INVALID for what is no id, ERR_NOT_FOUND. */
struct container *sandbox_find(struct sandbox *sb, const char *id, struct err *err);

/* The namespaces that a container's init joins instead of making its own; borrowed fds. */
void sandbox_fill_namespaces(const struct sandbox *sb, const struct container *ctr,
			     struct launch_context *ctx);

/*
 * Remember the pid namespace of a container whose init is there, if others may be told to join it:
 * that of the sandbox's own container, in whose absence the first that shares one.
 */
int sandbox_keep_pidns(struct sandbox *sb, const struct container *ctr, struct err *err);

/* A container was hit by the OOM killer: to one waiter, or kept for the next. */
void sandbox_tell_oom(struct sandbox *sb, const char *container_id);
void sandbox_wait_oom(struct sandbox *sb, struct ttrpc_call *call);
