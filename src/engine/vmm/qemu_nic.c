/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemu_nic.c - network devices of a QEMU: in, out, cable
 *
 * A device has two parts, what is behind it (a netdev, perhaps with a chardev) and the PCI
 * device that the guest sees. The commands of one change are sent at once, without waiting for one
 * another: QEMU carries them out in order, and each fails when the one before it did. When all are
 * answered the change goes on, so nothing is decided with half of the answers. It is the same
 * before and after the guest runs.
 *
 * A device leaves when the guest lets it go (DEVICE_DELETED): asked by us, late, or by itself at
 * any time. One whose guest never did so stays as a husk, which keeps its slot and its name taken.
 *
 * A change lives until its last command is answered, also when its caller has heard of its end:
 * the commands point to it. Before vmm_stop() and vmm_free() drop it, the link is gone.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "engine/vmm/nic_args.h"
#include "engine/vmm/qemu_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define CLEAN_UP_MS 2000u /* for commands that only QEMU has a part in */

struct nic {
	struct list node; /* in qemu->nics */
	char *id;
	enum vm_nic_backend backend;
	unsigned int slot;
	size_t n_fds, n_vhost_fds;
	struct change *change; /* under way; NULL: none */
	bool device_gone;      /* the guest let it go */
	bool is_husk;          /* nothing is behind it any more */
};

enum stage {
	DOOMED,   /* nothing was sent: only the caller has to hear of it */
	TOO_LATE, /* nothing was sent: the loss of the machine will be told soon */
	PLUGGING,
	TAKING_BACK, /* plugging failed */
	ASKING,      /* the guest, to let it go */
	REMOVING,    /* what is behind the device */
	SWITCHING,   /* the cable */
};

struct change {
	struct list node; /* in qemu->nic_changes */
	struct qemu *qemu;
	enum stage stage;
	struct nic *nic;         /* of PLUGGING to REMOVING */
	char id[NIC_ID_MAX + 1]; /* of SWITCHING: the device may go meanwhile */
	struct qemu_op op;       /* whom to tell; done is NULL when told */
	size_t n_awaited;        /* answers */
	uint32_t timeout_ms;
	struct err err;     /* the first one */
	struct event timer; /* ASKING: the guest takes too long; else: go on from the loop */
};

static void nic_free(struct nic *nic)
{
	list_remove(&nic->node);
	free(nic->id);
	free(nic);
}

static struct nic *find(struct qemu *q, const char *id)
{
	list_for_each(&q->nics, struct nic, node, nic)
		if (strcmp(nic->id, id) == 0)
			return nic;
	return NULL;
}

static void change_free(struct change *c)
{
	if (c->nic)
		c->nic->change = NULL;
	list_remove(&c->node);
	event_del(&c->timer);
	free(c);
}

/* Takes c. The qemu may be gone afterwards. */
static void finish(struct change *c)
{
	struct qemu *q = c->qemu;
	struct qemu_op told = c->op;
	struct err err = c->err;

	change_free(c);
	(void)qemu_finish_op(q, &told, err.code == ERR_OK ? NULL : &err);
}

static void set_timer(struct change *c, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(&c->timer, &tv);
}

static void advance(struct change *c);

static void on_answer(void *arg, struct json_object *result, const struct err *err)
{
	struct change *c = arg;

	(void)result;
	if (err)
		err_keep_first(&c->err, err);
	if (--c->n_awaited == 0)
		advance(c);
}

/* Whether the guest was asked is of interest only as long as it is waited for. */
static void on_asked(void *arg, struct json_object *result, const struct err *err)
{
	const struct change *c = arg;

	on_answer(arg, result, c->stage == ASKING ? err : NULL);
}

static void execute_fd(struct change *c, const char *command, int fd, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void execute_fd(struct change *c, const char *command, int fd, const char *fmt, ...)
{
	bool cleans_up = c->stage == TAKING_BACK || c->stage == REMOVING;
	char *args;
	va_list ap;

	va_start(ap, fmt);
	args = xvasprintf(fmt, ap);
	va_end(ap);
	c->n_awaited++;
	qmp_execute(c->qemu->qmp, command, args, fd, cleans_up ? CLEAN_UP_MS : c->timeout_ms,
		    c->stage == ASKING ? on_asked : on_answer, c);
	free(args);
}
#define execute(c, command, ...) execute_fd((c), (command), -1, __VA_ARGS__)

static void pass_fds(struct change *c, const struct vm_nic *nic)
{
	for (size_t i = 0; i < nic->n_fds; i++)
		execute_fd(c, "getfd", nic->fds[i], "{\"fdname\":\"" NIC_QUEUE_NAME "\"}",
			   nic->slot, i);
	for (size_t i = 0; i < nic->n_vhost_fds; i++)
		execute_fd(c, "getfd", nic->vhost_fds[i], "{\"fdname\":\"" NIC_VHOST_NAME "\"}",
			   nic->slot, i);
}

/* Takes args; NULL: there is nothing of that kind. */
static void execute_text(struct change *c, const char *command, char *args)
{
	if (args)
		execute(c, command, "%s", args);
	free(args);
}

static void plug(struct change *c, const struct vm_nic *nic)
{
	pass_fds(c, nic);
	execute_text(c, "chardev-add", nic_args_chardev(nic));
	execute_text(c, "netdev_add", nic_args_netdev(nic));
	execute_text(c, "device_add", nic_args_device(nic));
}

/* A chardev goes with its netdev. */
static void remove_backend(struct change *c)
{
	if (c->nic->backend != VM_NIC_VFIO)
		execute(c, "netdev_del", "{\"id\":\"be-%s\"}", c->nic->id);
}

/* All that there may be: what there is not, QEMU says so, and nobody listens. */
static void take_back(struct change *c)
{
	const struct nic *nic = c->nic;

	c->stage = TAKING_BACK;
	/* Without an answer to it, the device may be there. */
	if (c->err.code == ERR_TIMEOUT)
		execute(c, "device_del", "{\"id\":\"%s\"}", nic->id);
	remove_backend(c);
	if (nic->backend == VM_NIC_VHOST_USER)
		execute(c, "chardev-remove", "{\"id\":\"char-%s\"}", nic->id);
	for (size_t i = 0; i < nic->n_fds; i++)
		execute(c, "closefd", "{\"fdname\":\"" NIC_QUEUE_NAME "\"}", nic->slot, i);
	for (size_t i = 0; i < nic->n_vhost_fds; i++)
		execute(c, "closefd", "{\"fdname\":\"" NIC_VHOST_NAME "\"}", nic->slot, i);
	if (c->n_awaited == 0)
		advance(c);
}

/* The guest let the device go, or had its time. */
static void begin_remove(struct change *c)
{
	event_del(&c->timer);
	c->stage = REMOVING;
	c->err = ERR_INIT;
	if (!c->nic->is_husk)
		remove_backend(c);
	c->nic->is_husk = true;
	if (c->n_awaited == 0)
		set_timer(c, 0);
}

static void finish_remove(struct change *c)
{
	struct nic *nic = c->nic;

	if (c->err.code != ERR_OK)
		err_wrap(&c->err, "unplug network device '%s'", nic->id);
	else if (!nic->device_gone && c->qemu->held)
		err_set(&c->err, ERR_TIMEOUT,
			"unplug network device '%s': the guest does not run yet, and cannot let it go",
			nic->id);
	else if (!nic->device_gone)
		err_set(&c->err, ERR_TIMEOUT,
			"unplug network device '%s': the guest did not let it go within %u ms",
			nic->id, c->timeout_ms);
	if (nic->device_gone) {
		c->nic = NULL;
		nic_free(nic);
	}
	finish(c);
}

static void finish_plug(struct change *c)
{
	struct nic *nic = c->nic;

	err_wrap(&c->err, "plug network device '%s'", nic->id);
	c->nic = NULL;
	nic_free(nic);
	finish(c);
}

static void finish_asking(struct change *c)
{
	/* A husk was asked before, and QEMU may refuse to ask again. */
	if (c->err.code == ERR_OK || c->nic->is_husk)
		return;
	if (c->err.code == ERR_TIMEOUT) {
		begin_remove(c);
		return;
	}
	err_wrap(&c->err, "unplug network device '%s'", c->nic->id);
	finish(c);
}

/* Every command was answered. */
static void advance(struct change *c)
{
	if (!c->op.done) {
		change_free(c);
		return;
	}
	/* The end of the process has better words for it; they come soon. */
	if (c->err.code == ERR_UNAVAILABLE && c->stage != DOOMED)
		return;
	switch (c->stage) {
	case PLUGGING:
		if (c->err.code == ERR_OK)
			finish(c);
		else
			take_back(c);
		break;
	case TAKING_BACK:
		finish_plug(c);
		break;
	case ASKING:
		finish_asking(c);
		break;
	case REMOVING:
		finish_remove(c);
		break;
	case SWITCHING:
		if (c->err.code != ERR_OK)
			err_wrap(&c->err, "set carrier of network device '%s'", c->id);
		finish(c);
		break;
	case DOOMED:
		finish(c);
		break;
	case TOO_LATE:
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct change *c = arg;

	(void)fd;
	(void)what;
	if (c->stage == ASKING)
		begin_remove(c);
	else
		advance(c);
}

static struct change *change_new(struct qemu *q, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	struct change *c = xnew(struct change);

	c->qemu = q;
	c->timeout_ms = timeout_ms;
	c->op = (struct qemu_op){ .qemu = q, .done = done, .arg = arg };
	evtimer_assign(&c->timer, q->base, on_timer, c);
	list_add(&q->nic_changes, &c->node);
	return c;
}

/* c->err is set: the caller hears of it from the loop. */
static void doom(struct change *c)
{
	c->stage = DOOMED;
	set_timer(c, 0);
}

/* False: there is nobody to ask, and c will hear of it. */
static bool may_ask(struct change *c)
{
	struct qemu *q = c->qemu;

	if (q->state == QEMU_RUNNING)
		return true;
	c->stage = TOO_LATE;
	if (q->state == QEMU_ENDING)
		return false;
	c->err = q->why;
	if (c->err.code == ERR_OK)
		err_set(&c->err, ERR_STATE, "QEMU does not run");
	doom(c);
	return false;
}

static int check(struct qemu *q, const struct vm_nic *nic, struct err *err)
{
	if (nic_args_check(nic, err) < 0)
		return -1;
	if (q->vm->bridges == 0)
		return err_set(err, ERR_INVALID, "default_bridges is 0: there is no place for it");
	if (find(q, nic->id))
		return err_set(err, ERR_EXISTS, "it is there already");
	list_for_each(&q->nics, struct nic, node, other)
		if (other->slot == nic->slot)
			return err_set(err, ERR_EXISTS, "slot %u is taken by '%s'", nic->slot,
				       other->id);
	return 0;
}

static struct nic *nic_new(struct qemu *q, const struct vm_nic *from)
{
	struct nic *nic = xnew(struct nic);

	nic->id = xstrdup(from->id);
	nic->backend = from->backend;
	nic->slot = from->slot;
	nic->n_fds = from->n_fds;
	nic->n_vhost_fds = from->n_vhost_fds;
	list_add(&q->nics, &nic->node);
	return nic;
}

static void attach(struct change *c, struct nic *nic, enum stage stage)
{
	c->nic = nic;
	c->stage = stage;
	nic->change = c;
}

static struct qemu *qemu_of(struct vmm *vmm)
{
	return container_of(vmm, struct qemu, vmm);
}

void qemu_add_nic(struct vmm *vmm, const struct vm_nic *nic, uint32_t timeout_ms, vmm_done *done,
		  void *arg)
{
	struct qemu *q = qemu_of(vmm);
	struct change *c = change_new(q, timeout_ms, done, arg);

	if (!may_ask(c))
		return;
	if (check(q, nic, &c->err) < 0) {
		err_wrap(&c->err, "plug network device '%s'", nic->id);
		doom(c);
		return;
	}
	attach(c, nic_new(q, nic), PLUGGING);
	plug(c, nic);
}

void qemu_remove_nic(struct vmm *vmm, const char *id, uint32_t timeout_ms, vmm_done *done,
		     void *arg)
{
	struct qemu *q = qemu_of(vmm);
	struct change *c = change_new(q, timeout_ms, done, arg);
	struct nic *nic = find(q, id);

	if (!may_ask(c))
		return;
	if (!nic || nic->change) {
		err_set(&c->err, nic ? ERR_STATE : ERR_NOT_FOUND, "unplug network device '%s': %s",
			id,
			nic ? "it is being plugged or unplugged" : "there is none of that name");
		doom(c);
		return;
	}
	attach(c, nic, ASKING);
	/*
	 * A guest that boots forgets what it was asked before, and QEMU 7.2 does not ask it again
	 * ("already in the process of unplug"): so it is not asked until it runs.
	 */
	if (nic->device_gone || q->held) {
		begin_remove(c);
		return;
	}
	execute(c, "device_del", "{\"id\":\"%s\"}", id);
	set_timer(c, timeout_ms);
}

void qemu_set_carrier(struct vmm *vmm, const char *id, bool carrier, uint32_t timeout_ms,
		      vmm_done *done, void *arg)
{
	struct qemu *q = qemu_of(vmm);
	struct change *c = change_new(q, timeout_ms, done, arg);

	if (!may_ask(c))
		return;
	if (!find(q, id)) {
		err_set(&c->err, ERR_NOT_FOUND,
			"set carrier of network device '%s': there is none of that name", id);
		doom(c);
		return;
	}
	c->stage = SWITCHING;
	snprintf(c->id, sizeof(c->id), "%s", id);
	execute(c, "set_link", "{\"name\":\"%s\",\"up\":%s}", id, carrier ? "true" : "false");
}

void qemu_nic_on_deleted(struct qemu *q, const char *id)
{
	struct nic *nic = find(q, id);

	if (!nic)
		return;
	nic->device_gone = true;
	if (nic->change && nic->change->stage == ASKING)
		begin_remove(nic->change);
	else if (!nic->change && nic->is_husk)
		nic_free(nic);
}

bool qemu_nic_fail_all(struct qemu *q, const struct err *why)
{
	enum qemu_state state = q->state;
	bool found = true;

	/* From the start again each time: the callback may have changed the list. */
	while (found) {
		found = false;
		list_for_each(&q->nic_changes, struct change, node, c) {
			struct qemu_op told = c->op;

			if (!told.done || c->stage == DOOMED)
				continue;
			found = true;
			c->op.done = NULL;
			event_del(&c->timer);
			if (c->n_awaited == 0)
				change_free(c);
			if (!qemu_finish_op(q, &told, why) || q->state != state)
				return false;
			break;
		}
	}
	return true;
}

void qemu_nic_forget(struct qemu *q)
{
	list_for_each_safe(&q->nic_changes, struct change, node, c)
		change_free(c);
	list_for_each_safe(&q->nics, struct nic, node, nic)
		nic_free(nic);
}
