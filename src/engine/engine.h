/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * engine.h - one sandbox: its VM, its containers, their processes
 *
 * What the front ends (containerd-shim-kata-v2, kata-proxy) see of the engine. It knows
 * neither containerd nor docker. Every operation that takes time ends in a callback from
 * the loop, exactly once; err is NULL on success.
 *
 * Owns:   the VM and its helpers, the only QMP and agent connections, the journal
 * Errors: ERR_STATE: right request, wrong moment; ERR_NOT_FOUND: no such container or
 *         process; ERR_EXISTS: id in use; ERR_UNAVAILABLE: the VM is gone
 * Thread: the loop's
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/exit_latch.h"
#include "oci.pb-c.h"

struct config;
struct event_base;
struct sandbox;
struct container;
struct network; /* resource/network/network.h */
struct process;
struct rootfs_mount; /* resource/rootfs.h */
struct ttrpc_client;

enum container_status {
	CONTAINER_CREATING, /* container_up is running */
	CONTAINER_CREATED,  /* init waits in the guest */
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPED,  /* init has ended, or the VM is gone; waits for delete */
};
const char *container_status_name(enum container_status status); /* OCI's words */

/* Things that happen by themselves. Any member may be NULL. */
struct sandbox_events {
	void (*exited)(void *arg, struct process *p);         /* every process, after its output */
	void (*oom)(void *arg, struct container *c);
	/* After every exit was told, but of those whose output is still being written. */
	void (*vm_lost)(void *arg, const struct err *why);
	void (*warning)(void *arg, const char *text);         /* something failed and we went on */
	void (*console)(void *arg, const char *line);         /* guest's words: escape them */
	/* A call to the agent was answered, or has failed. */
	void (*agent_called)(void *arg, const char *method, uint64_t took_ns);
};

typedef void engine_done(void *arg, const struct err *err);

/*
 * config is taken (validated, read-only from here). id was checked. The directory of the
 * journal, /run/vc/sbs/<id>, was made by the caller. NULL: config is freed.
 */
struct sandbox *sandbox_new(struct event_base *base, const char *id, struct config *config,
			    const struct sandbox_events *events, void *events_arg, struct err *err);

/* Boot: the flow sandbox_up. spec is copied. On failure everything is undone. */
void sandbox_up(struct sandbox *sb, const Grpc__Spec *spec, engine_done *done,
		void *arg);

/*
 * Take everything down: containers, VM, helpers, mounts, directories, journal. Exits
 * that were still waited for are told first. Never gives up; the first problem met is
 * what done hears.
 */
void sandbox_down(struct sandbox *sb, engine_done *done, void *arg);
void sandbox_free(struct sandbox *sb); /* after sandbox_down(), or before sandbox_up() */

bool sandbox_is_up(const struct sandbox *sb);
const char *sandbox_id(const struct sandbox *sb);
const struct config *sandbox_config(const struct sandbox *sb);
const char *sandbox_cgroup(const struct sandbox *sb); /* its path (cgroup.h); "": there is none */
pid_t sandbox_vmm_pid(const struct sandbox *sb); /* 0: no VM */
pid_t sandbox_virtiofsd_pid(const struct sandbox *sb); /* 0: none */
/* "vsock://CID:1024", "unix:///run/vc/vm/ID/kata.sock"; NULL: no VM. Owned by the caller. */
char *sandbox_agent_url(const struct sandbox *sb);
/* For passing calls through; NULL while there is no agent. Borrowed until vm_lost. */
struct ttrpc_client *sandbox_agent(const struct sandbox *sb);
/* NULL: it has none that is connected (the model "none"). Borrowed until sandbox_down(). */
struct network *sandbox_network(const struct sandbox *sb);
size_t sandbox_n_containers(const struct sandbox *sb);
/* Oldest first; fn must not remove any. */
void sandbox_each(const struct sandbox *sb, void (*fn)(void *arg, struct container *c), void *arg);

/* One line a step of the last sandbox_up and container_up. */
typedef void timeline_fn(void *arg, const char *operation, const char *step, uint64_t took_ns);
void sandbox_timeline(const struct sandbox *sb, timeline_fn *fn, void *arg);

/*
 * Where a process's streams go, as containerd says it: "" or NULL nowhere (output is read and
 * dropped), a path or fifo:// of a FIFO, file://, binary:// (engine/stdio/uri.h). Borrowed for the
 * call.
 */
struct stdio_request {
	bool terminal; /* err is not used */
	const char *in, *out, *err;
	const char *namespace; /* containerd's, for a logger; NULL: none */
};

/* Borrowed for the call. */
struct container_request {
	const char *id, *bundle;
	const char *rootfs; /* the directory to show as root: spec.root.path made absolute */
	const struct rootfs_mount *mounts; /* to be made on it first */
	size_t n_mounts;
	const Grpc__Spec *spec;
	const struct stdio_request *stdio; /* of init; NULL: somebody else (kata-shim) carries it */
};

/* The flow container_up: afterwards init waits in the guest. Nothing is left of it on failure. */
void container_create(struct sandbox *sb, const struct container_request *req, engine_done *done,
		      void *arg);

struct container *sandbox_find(const struct sandbox *sb, const char *id, struct err *err);
enum container_status container_status(const struct container *c);
const char *container_id(const struct container *c);
const char *container_bundle(const struct container *c);
const char *container_rootfs(const struct container *c);
uint64_t container_created_at_ns(const struct container *c);
const Grpc__Spec *container_spec(const struct container *c); /* as given */
struct process *container_init(const struct container *c);

void container_start(struct container *c, engine_done *done, void *arg);
void container_pause(struct container *c, engine_done *done, void *arg);
void container_resume(struct container *c, engine_done *done, void *arg);
void container_update(struct container *c, const Grpc__LinuxResources *res, engine_done *done,
		      void *arg);
/*
 * What the guest counts of it, in the agent's own message: a second one would say the same. stats
 * is borrowed, NULL on failure. One that is not there to be counted, as it has ended:
 * ERR_NOT_FOUND, by which containerd passes over it.
 */
struct Grpc__StatsContainerResponse;
typedef void container_counted(void *arg, const struct Grpc__StatsContainerResponse *stats,
			       const struct err *err);
void container_stats(struct container *c, container_counted *done, void *arg);
/* Only when stopped (ERR_STATE otherwise), or created with force: removes it everywhere. */
void container_delete(struct container *c, bool force, engine_done *done, void *arg);

/* Processes: init has exec id "". process is copied; stdio as of a container_request. */
void container_exec(struct container *c, const char *exec_id, const Grpc__Process *process,
		    const struct stdio_request *stdio, engine_done *done, void *arg);
struct process *container_find_process(struct container *c, const char *exec_id, struct err *err);
void process_start(struct process *p, engine_done *done, void *arg);
/*
 * all: every process of the container. A process that has ended: success for KILL and TERM. done
 * may be NULL.
 */
void process_signal(struct process *p, int sig, bool all, engine_done *done, void *arg);
/*
 * The size of its terminal. Before the guest has the process it is kept for then; without a
 * terminal it has no effect.
 */
void process_resize(struct process *p, uint32_t rows, uint32_t columns, engine_done *done,
		    void *arg);
/* Its input ends once the clients have closed theirs. Nothing for streams that others carry. */
void process_close_stdin(struct process *p);
const struct stdio_request *process_stdio(const struct process *p); /* NULL: others carry them */
void process_delete(struct process *p, engine_done *done, void *arg); /* an exec that ended */
const struct exit_latch *process_exit(const struct process *p);
struct exit_latch *process_exit_latch(struct process *p);             /* for waiting */
const char *process_exec_id(const struct process *p);                 /* "" for init */
struct container *process_container(const struct process *p);
bool process_started(const struct process *p);

/*
 * The host process that stands in for this one (kata-shim). Recorded in the journal; when it
 * ends first, the process is killed in the guest. ERR_EXISTS when there is one.
 */
int process_attach_shim(struct process *p, pid_t pid, uint64_t start_ticks, struct err *err);
pid_t process_shim_pid(const struct process *p); /* 0: none, or it has ended */
bool process_attached(const struct process *p);  /* there is one, or has been */
