/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * task.h - containerd's Task service on top of one sandbox of the engine
 *
 * The border where containerd's messages end. Both supervisors serve it: to containerd,
 * and to the OCI command line, whose kata-shim carries the streams itself, so that stdin,
 * stdout and stderr of Create and Exec are empty there (tasks_carry_streams()).
 *
 * The first container makes the sandbox: its configuration comes from the front end.
 *
 * Spec:  containerd runtime v2, containerd.task.v2.Task; protocols/task.proto
 * Trust: the caller is trusted; its messages are checked all the same
 */
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/ttrpc/server.h"
#include "oci.pb-c.h"

struct config;
struct container;
struct event_base;
struct sandbox;
struct tasks;

struct tasks_front {
	/*
	 * The configuration for a sandbox that begins with this container; NULL on failure.
	 * config_path: of the request's options, NULL when they name none.
	 */
	struct config *(*configure)(void *arg, const Grpc__Spec *spec, const char *config_path,
				    struct err *err);
	/*
	 * Everything was taken down, after Shutdown or tasks_down(); err is the first thing that
	 * could not be removed. Called once; nothing happens afterwards.
	 */
	void (*down)(void *arg, const struct err *err);
	/* The first container could not be made, so there is no sandbox; its caller was told. */
	void (*stillborn)(void *arg);
	/*
	 * There is no container any more: the last was deleted, or one more could not be made. A
	 * Shutdown should follow, or another Create. May be NULL.
	 */
	void (*empty)(void *arg);
	/* A Create has begun. May be NULL. */
	void (*busy)(void *arg);
	/* A container was made. May be NULL. */
	void (*created)(void *arg, const char *id, const char *bundle);
	/* To be logged by the front end. */
	void (*failed)(void *arg, const char *what, const struct err *err);
	void (*warning)(void *arg, const char *text);
	void (*console)(void *arg, const char *line);
	/* The guest killed a process of this container for want of memory. May be NULL. */
	void (*oom)(void *arg, const struct container *c);
	/*
	 * For whoever follows the tasks: "/tasks/start" and a message of task_events.proto, whose
	 * full name is its type; borrowed. In the order in which things happened. May be NULL.
	 */
	void (*event)(void *arg, const char *topic, const ProtobufCMessage *message);
	void (*timeline)(void *arg, const char *operation, const char *step, uint64_t took_ns);
};

/* front and arg are borrowed for the life of the tasks. */
struct tasks *tasks_new(struct event_base *base, const char *sandbox_id,
			const struct tasks_front *front, void *arg);
/*
 * The streams of every process are carried here, those that a request leaves empty too: what it says
 * is dropped then. Otherwise only streams by path are, and kata-shim has the rest. namespace is
 * containerd's, for a logger's environment; borrowed.
 */
void tasks_carry_streams(struct tasks *tasks, const char *namespace);
/* Run the hooks of config.json (engine/hooks.h), since no command line does. */
void tasks_run_hooks(struct tasks *tasks);
/* Take the sandbox down whatever is in it; front->down follows. Asking again changes nothing. */
void tasks_down(struct tasks *tasks);
void tasks_free(struct tasks *tasks); /* after down, or when there never was a sandbox */

/*
 * Delete a container for which nobody will call Delete once it has ended, which comes at once if
 * it never started or is to be killed. done runs once, from the loop. One that is gone already is
 * success.
 */
typedef void tasks_forgotten(void *arg, const char *id, const struct err *err);
void tasks_forget(struct tasks *tasks, const char *id, bool kill, tasks_forgotten *done, void *arg);

/* Every call that has ended, of containerd's to us and of ours to the agent; for statistics. */
struct tasks_watch {
	void (*served)(void *arg, const char *method, uint64_t took_ns);
	void (*agent_called)(void *arg, const char *method, uint64_t took_ns);
};
/* Both are set; watch and arg are borrowed. NULL: nobody any more. One at a time. */
void tasks_watch_calls(struct tasks *tasks, const struct tasks_watch *watch, void *arg);
size_t tasks_open_calls(const struct tasks *tasks);

/* The row for ttrpc_server_new(); borrows tasks. */
struct ttrpc_service tasks_service(struct tasks *tasks);
/* The same under the name of version 3, which containerd 2.x prefers: the messages are the same. */
struct ttrpc_service tasks_service_v3(struct tasks *tasks);

struct sandbox *tasks_sandbox(const struct tasks *tasks); /* NULL: none yet */

/* ERR_NOT_FOUND, also while there is no sandbox. */
struct container *tasks_find(const struct tasks *tasks, const char *id, struct err *err);
