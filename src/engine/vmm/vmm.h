/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * vmm.h - one virtual machine, whichever monitor runs it
 *
 * A monitor implements struct vmm_ops and is chosen by its constructor (qemu.h). Life:
 *
 *	new → start (the process runs) → ready (it answers) → stop or lost → free
 *
 * The machine has one end: `lost` is told once, when it goes away by itself in whatever
 * manner: killed, crashed, quit, guest panicked or powered off, stopped on an error,
 * control channel closed. Not for what vmm_stop() and vmm_free() do.
 *
 * The monitor dies with this process (death signal), so the moment between its start and
 * the caller's note of its pid leaves nothing behind either.
 *
 * Trust:  the monitor is on the guest's side: what it says is bounded and checked
 * Owns:   the process, its sockets and its directory
 * Errors: ERR_UNAVAILABLE: the machine is gone; ERR_TIMEOUT: it does not answer
 * Thread: the loop's; callbacks come from the loop, never from inside the call
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/vmm/vm_config.h"
#include "lib/base/err.h"

struct event_base;
struct vmm;

typedef void vmm_done(void *arg, const struct err *err);

/* What happens by itself. Members may be NULL. */
struct vmm_events {
	void (*lost)(void *arg, const struct err *why); /* once; the vmm may be freed in here */
	/*
	 * One line of the guest's console without its end: at most VMM_CONSOLE_LINE_MAX bytes,
	 * no NUL inside, otherwise as the guest wrote it. Must not free the vmm.
	 */
	void (*console)(void *arg, const char *line);
};
#define VMM_CONSOLE_LINE_MAX 4096u

/* Where the process shall live. Everything is borrowed for the call. */
struct vmm_place {
	int netns_fd; /* -1: ours */
	const int *cgroup_fds; /* the group to start it in (spawn.h) */
	size_t n_cgroup_fds;
	int cgroup_dir_fd;     /* -1: none */
	int vsock_fd; /* of vsock_open(); -1: none */
	int fs_fd;    /* of virtiofsd_start(); -1: none */
};
#define VMM_PLACE_INIT \
	((struct vmm_place){ .netns_fd = -1, .cgroup_dir_fd = -1, .vsock_fd = -1, .fs_fd = -1 })

struct vmm_ops {
	const char *name;
	int (*start)(struct vmm *vmm, const struct vmm_place *place, struct err *err);
	void (*ready)(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg);
	void (*check)(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg);
	void (*pause)(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg);
	void (*resume)(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg);
	void (*add_nic)(struct vmm *vmm, const struct vm_nic *nic, uint32_t timeout_ms, vmm_done *done,
			void *arg);
	void (*remove_nic)(struct vmm *vmm, const char *id, uint32_t timeout_ms, vmm_done *done,
			   void *arg);
	void (*set_carrier)(struct vmm *vmm, const char *nic_id, bool carrier, uint32_t timeout_ms,
			    vmm_done *done, void *arg);
	void (*stop)(struct vmm *vmm, vmm_done *done, void *arg);
	void (*free)(struct vmm *vmm);
	pid_t (*pid)(const struct vmm *vmm, uint64_t *ret_start_ticks);
	char *(*agent_path)(const struct vmm *vmm);
	char *(*console_tail)(const struct vmm *vmm);
};

struct vmm {
	const struct vmm_ops *ops;
};

/*
 * Make the directory and the sockets and start the process; on success it executes and
 * vmm_pid() knows it. On failure nothing is left.
 */
static inline int vmm_start(struct vmm *vmm, const struct vmm_place *place, struct err *err)
{
	return vmm->ops->start(vmm, place, err);
}

/* Call back when the machine runs. After a failure, stop or free. */
static inline void vmm_ready(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	vmm->ops->ready(vmm, timeout_ms, done, arg);
}

/*
 * Does it still answer, and does its guest run? For whoever waits too long for the agent:
 * a monitor stopped by a signal (SIGSTOP) shows in nothing else.
 */
static inline void vmm_check(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	vmm->ops->check(vmm, timeout_ms, done, arg);
}

static inline void vmm_pause(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	vmm->ops->pause(vmm, timeout_ms, done, arg);
}

static inline void vmm_resume(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	vmm->ops->resume(vmm, timeout_ms, done, arg);
}

/*
 * Plug a network device. Several may be under way at a time; each is answered. What is behind it
 * (descriptors) is borrowed for the call and the monitor's own from then on. On failure the machine
 * has nothing of it.
 */
static inline void vmm_add_nic(struct vmm *vmm, const struct vm_nic *nic, uint32_t timeout_ms,
			       vmm_done *done, void *arg)
{
	vmm->ops->add_nic(vmm, nic, timeout_ms, done, arg);
}

/*
 * Unplug it. The guest is asked to let it go, and has timeout_ms for that; then what is behind the
 * device is taken away all the same, and done hears ERR_TIMEOUT: its slot stays taken, until the
 * guest lets go after all. It may be asked again. A guest that was started paused and not resumed
 * is not asked: ERR_TIMEOUT at once. One that still boots hears of it only with the next change behind
 * its bridge: better wait for the agent.
 */
static inline void vmm_remove_nic(struct vmm *vmm, const char *id, uint32_t timeout_ms,
				  vmm_done *done, void *arg)
{
	vmm->ops->remove_nic(vmm, id, timeout_ms, done, arg);
}

/* What the guest sees of the cable: in or out. */
static inline void vmm_set_carrier(struct vmm *vmm, const char *nic_id, bool carrier,
				   uint32_t timeout_ms, vmm_done *done, void *arg)
{
	vmm->ops->set_carrier(vmm, nic_id, carrier, timeout_ms, done, arg);
}

/*
 * Kill, reap, remove the directory; then done. Drops every other callback that is still
 * due, `lost` too. Fine at any time, also when it never started or is gone.
 */
static inline void vmm_stop(struct vmm *vmm, vmm_done *done, void *arg)
{
	vmm->ops->stop(vmm, done, arg);
}

/*
 * Silent, and complete: what vmm_stop() would have done is done here, for undo.
 * Blocks: until a killed process is gone, at most two seconds. NULL is fine.
 */
static inline void vmm_free(struct vmm *vmm)
{
	if (vmm)
		vmm->ops->free(vmm);
}

/* 0 before start and after the end. ret_start_ticks may be NULL. */
static inline pid_t vmm_pid(const struct vmm *vmm, uint64_t *ret_start_ticks)
{
	return vmm->ops->pid(vmm, ret_start_ticks);
}

/*
 * The address of the agent: "vsock://CID:1024" or
 * "unix:///run/vc/vm/<id>/kata.sock". The unix socket may be connected to, and written
 * to, as soon as vmm_start() returned: the bytes wait for the guest. Owned by the caller.
 */
static inline char *vmm_agent_path(const struct vmm *vmm)
{
	return vmm->ops->agent_path(vmm);
}

/*
 * The last VMM_CONSOLE_KEEP bytes of the guest's console and of the monitor's own
 * complaints, escaped: printable ASCII, tabs and line ends. Owned by the caller. Works
 * until free.
 */
#define VMM_CONSOLE_KEEP (64u << 10)
static inline char *vmm_console_tail(const struct vmm *vmm)
{
	return vmm->ops->console_tail(vmm);
}
