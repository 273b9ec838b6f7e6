/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sandbox_priv.h - what the engine's own files know of one another
 */
#include "engine/engine.h"
#include "engine/resource/volume.h"
#include "engine/stdio/logger.h"
#include "engine/vmm/tsc.h"
#include "engine/vmm/vm_config.h"
#include "engine/vmm/vmm.h"
#include "lib/base/flow.h"
#include "lib/base/list.h"
#include "lib/cgroup/cgroup.h"

struct accel_choice;
struct agent;
struct journal;
struct network;
struct process_io;
struct resolver;
struct rootfs;
struct scope_call;
struct share;
struct virtiofsd;

enum sandbox_state {
	SANDBOX_NEW,     /* nothing made */
	SANDBOX_BOOTING, /* sandbox_up runs */
	SANDBOX_UP,      /* the guest answers */
	SANDBOX_LOST,    /* the VM is gone; containers are stopped and wait for delete */
	SANDBOX_DOWN,    /* sandbox_down runs or has run */
};

struct sandbox {
	struct event_base *base;
	char *id;
	struct config *config;
	struct sandbox_events events;
	void *events_arg;
	enum sandbox_state state;
	struct err lost; /* why, in SANDBOX_LOST */

	/* what the first container asked for; in use while booting */
	Grpc__Spec *spec;

	/* in the order of sandbox_up */
	struct journal *journal;
	struct accel_choice *accel_choice;
	enum vm_accel accel;
	struct tsc_mark tsc_mark; /* before the VM was started */
	struct cgroup *cgroup;
	struct scope_call *scope; /* cgroup is one of systemd's, and we are in it */
	uint64_t cgroup_seq;
	struct share *share; /* NULL when nothing is shared */
	struct virtiofsd *virtiofsd;
	uint64_t virtiofsd_seq;
	struct event *virtiofsd_lost_event; /* there while virtiofsd is */
	struct err virtiofsd_lost;
	int vsock_fd;
	uint32_t cid;
	struct vm_config vm_config;
	struct network *network; /* NULL: the VM has none, as the configuration says */
	struct vmm *vmm;
	uint64_t vmm_seq, vm_dir_seq;
	struct agent *agent;
	struct resolver *resolver; /* NULL: nothing to relay */

	struct flow up;
	engine_done *up_done;
	void *up_arg;
	bool booted;

	engine_done *down_done;
	void *down_arg;
	struct err down_first; /* the first problem met */

	struct list containers;
	struct loggers loggers; /* those of processes that are gone, too */
	bool had_container; /* the first one has been there */
	bool has_own_pids;  /* some container beside the sandbox's has a pid namespace for itself */
	bool checking; /* a sandbox_check() is under way */

	/* the step times of the last container_up */
	uint64_t container_took_ns[FLOW_STEPS_MAX];
	bool container_timed;
};

struct process {
	struct list node;            /* in container->execs; init is not listed */
	struct container *container;
	char *exec_id;               /* "" for init */
	Grpc__Process *process;      /* an exec's, owned; NULL for init */
	bool created;                /* the agent has it */
	struct start *start;         /* a start that is under way; NULL: none */
	bool started;
	bool failed;                 /* an exec that could not be started: to be deleted */
	bool waiting;                /* a WaitProcess is out */
	struct process_io *io;       /* NULL: others carry its streams */
	engine_done *opened;         /* of the exec, while io is being opened */
	void *opened_arg;
	bool sized;                  /* rows and columns were asked for before it was there */
	uint32_t rows, columns;
	/*
	 * It has ended with `end`. The latch is set once its output is written and its start
	 * was answered.
	 */
	bool ended;
	struct exit_info end;
	struct exit_latch exit;
	pid_t shim_pid;
	bool attached;               /* there has been a stand-in */
	uint64_t shim_seq;
	int shim_fd;                 /* pidfd, -1: none */
	struct event *shim_event;
};

struct container {
	struct list node;
	struct sandbox *sandbox;
	char *id, *bundle, *rootfs;
	Grpc__Spec *spec;
	uint64_t created_at_ns;
	enum container_status status;
	bool busy; /* an operation that excludes others is running */
	struct process *init;
	struct list execs;

	struct flow up;
	engine_done *up_done;
	void *up_arg;
	bool first;              /* the sandbox was made for it */
	struct rootfs *mounts;   /* made on rootfs before it is shared */
	struct volumes volumes;
	bool rootfs_placed;
	Grpc__Spec *guest_spec; /* owned, between two steps */
	bool sandbox_pidns;
	bool asked_guest; /* CreateContainer was sent */
};

/* sandbox.c */
void sandbox_warn(struct sandbox *sb, const struct err *err);
void sandbox_lose(struct sandbox *sb, const struct err *why);
/* Ask the monitor for a sign of life; the VM is lost when there is none in SANDBOX_CHECK_MS. */
#define SANDBOX_CHECK_MS 2000u
void sandbox_check(struct sandbox *sb);
/* Fails with ERR_UNAVAILABLE and the reason unless the guest answers. */
int sandbox_need_up(const struct sandbox *sb, struct err *err);
/* Call done from the loop; err NULL is success. */
void sandbox_later(struct sandbox *sb, engine_done *done, void *arg, const struct err *err);

/*
 * The steps of sandbox_up, where they are not in sandbox_up.c. An undo takes back what its step
 * made, and is safe when that made nothing; the owner is the sandbox.
 */

/* sandbox_cgroup.c */
enum flow_next sandbox_make_cgroup(void *owner, struct err *err);
enum flow_next sandbox_limit_cgroup(void *owner, struct err *err);
void sandbox_undo_cgroup(void *owner);
/* What the host has to keep of a container's limits, on the VM's control group. */
int sandbox_limit(struct sandbox *sb, const Grpc__LinuxResources *res, struct err *err);
/* Where virtiofsd and QEMU are born: in the control group. Descriptors until closed. */
struct sandbox_place {
	struct vmm_place place;
	int fds[CGROUP_FDS_MAX];
};
int sandbox_open_place(const struct sandbox *sb, struct sandbox_place *ret, struct err *err);
void sandbox_close_place(struct sandbox_place *place);

/* sandbox_share.c */
enum flow_next sandbox_make_share(void *owner, struct err *err);
enum flow_next sandbox_start_virtiofsd(void *owner, struct err *err);
void sandbox_undo_share(void *owner);
void sandbox_undo_virtiofsd(void *owner);
/* In the journal, before anything is made in it. */
int sandbox_note_vm_dir(struct sandbox *sb, const char *vm_dir, struct err *err);

/* sandbox_network.c */
enum flow_next sandbox_connect_network(void *owner, struct err *err);
enum flow_next sandbox_plug_network(void *owner, struct err *err); /* the guest runs afterwards */
enum flow_next sandbox_configure_network(void *owner, struct err *err);
void sandbox_undo_network(void *owner);

/* sandbox_up.c */
void sandbox_undo_vmm(void *owner); /* blocks until QEMU is gone, at most two seconds */
void sandbox_undo_agent(void *owner);
extern const struct flow_step sandbox_up_steps[];
extern const size_t sandbox_up_n_steps;

/* container_up.c */
void container_undo_share(struct container *c);
extern const struct flow_step container_up_steps[];
extern const size_t container_up_n_steps;
void container_free(struct container *c); /* off the list, with its processes; host side must be gone */

/* process.c */
struct process *process_new(struct container *c, const char *exec_id);
void process_free(struct process *p);
/* The agent has it: wait for its end. */
void process_watch(struct process *p);
/* It has ended, if that was not known: its exit is told when its output is written. */
void process_end(struct process *p, int status);
/* The VM is gone, and with it the process; what was read of its output is still written. */
void process_lose(struct process *p, int status);
/* Its exit is told at once, whatever is left to be written. */
void process_set_exit(struct process *p, int status);
/* Begin to open its streams; nothing without a request. */
int process_open_io(struct process *p, const struct stdio_request *req, struct err *err);
/* done comes from the loop when they are open. An exec is gone after a failure. */
void process_on_opened(struct process *p, engine_done *done, void *arg);
