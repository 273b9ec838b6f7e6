/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * qemu_priv.h - the inside of one running QEMU, shared by qemu*.c
 */
#include <event2/event_struct.h>
#include <stdbool.h>

#include "engine/vmm/child.h"
#include "engine/vmm/qemu.h"
#include "engine/vmm/qmp.h"
#include "engine/vmm/tail.h"
#include "lib/base/list.h"

enum qemu_state {
	QEMU_NEW,      /* nothing outside exists */
	QEMU_RUNNING,  /* the process was started; how far it is, QMP knows */
	QEMU_ENDING,   /* its end is known, the details (status, last words) are awaited */
	QEMU_LOST,     /* ended by itself, told */
	QEMU_STOPPING, /* vmm_stop(): killed, to be reaped */
	QEMU_STOPPED,  /* nothing outside exists any more */
};

/* One operation that waits for QEMU; at most one of a kind. */
struct qemu_op {
	struct qemu *qemu;
	vmm_done *done; /* NULL: none waits */
	void *arg;
	bool held; /* a guest that does not run yet is no failure */
};

/* Stopping comes last: it is no victim of a loss. */
enum { QEMU_OP_READY, QEMU_OP_CHECK, QEMU_OP_PAUSE, QEMU_OP_RESUME, QEMU_OP_STOP, QEMU_N_OPS };

struct qemu {
	struct vmm vmm;
	struct event_base *base;
	const struct vm_config *vm;
	struct vmm_events events;
	void *arg;
	enum qemu_state state;
	bool has_dir;
	bool want_paused; /* a STOP event is no surprise */
	bool held;        /* started paused, and not resumed since */
	struct child child;
	struct qmp *qmp;
	struct tail *early, *console, *output;
	struct err why;        /* of the loss; the first that is known */
	char link_end[ERR_TEXT_MAX]; /* how the QMP link ended; "" */
	char panic[160];       /* "Kernel panic ..." from the console, escaped; "" */
	struct event timer;    /* QEMU_ENDING: details are late; STOPPING: give up; else: due ops */
	struct qemu_op ops[QEMU_N_OPS];
	struct list nics;        /* qemu_nic.c; at most VM_NIC_SLOTS */
	struct list nic_changes; /* qemu_nic.c */
	bool *freed;           /* where to say that we were freed inside a callback */
};

/* qemu_launch.c: directory, sockets, process. On failure nothing is left. */
int qemu_launch(struct qemu *q, const struct vmm_place *place, struct err *err);
void qemu_remove_dir(struct qemu *q, struct err *err); /* ERR_OK in *err when it is gone */

/* qemu_nic.c: what vmm.h has for network devices. */
void qemu_add_nic(struct vmm *vmm, const struct vm_nic *nic, uint32_t timeout_ms, vmm_done *done,
		  void *arg);
void qemu_remove_nic(struct vmm *vmm, const char *id, uint32_t timeout_ms, vmm_done *done, void *arg);
void qemu_set_carrier(struct vmm *vmm, const char *id, bool carrier, uint32_t timeout_ms,
		      vmm_done *done, void *arg);
/* The event DEVICE_DELETED, of any device; id may be anything. */
void qemu_nic_on_deleted(struct qemu *q, const char *id);
/* Fail whoever waits for a loss. False: a callback freed or stopped us, and nothing more is due. */
bool qemu_nic_fail_all(struct qemu *q, const struct err *why);
void qemu_nic_forget(struct qemu *q); /* q->qmp is gone; silent */

/* qemu.c */
bool qemu_finish_op(struct qemu *q, struct qemu_op *op, const struct err *err); /* false: q is gone */
void qemu_on_child_exit(void *arg);
void qemu_on_console_line(void *arg, const char *line);
void qemu_on_qmp_event(void *arg, const char *name, struct json_object *data);
void qemu_on_qmp_closed(void *arg, const struct err *why);
