/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemu.c - the life of one QEMU
 *
 * Three witnesses tell of its end: the pidfd, the QMP link and QMP's events. Whichever is
 * first starts QEMU_ENDING; `lost` is told when the process was reaped and its last words
 * read, or a short while later, so that the reason is the best that can be had.
 */
#include "engine/vmm/qemu.h"

#include <assert.h>
#include <event2/event.h>
#include <json-c/json.h>
#include <string.h>

#include "engine/vmm/qemu_priv.h"
#include "engine/vmm/text.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DETAILS_MS    1000u /* from the first sign of its end to `lost` */
#define STOP_MS       5000u /* from SIGKILL to giving up */
#define LAST_WORD_MAX 120u

static void set_timer(struct qemu *q, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(&q->timer, &tv);
}

bool qemu_finish_op(struct qemu *q, struct qemu_op *op, const struct err *err)
{
	vmm_done *done = op->done;
	bool freed = false, *outer = q->freed;

	if (!done)
		return true;
	op->done = NULL;
	q->freed = &freed; /* cppcheck-suppress autoVariables; taken back below, or q is gone */
	done(op->arg, err);
	if (freed) {
		if (outer)
			*outer = true;
		return false;
	}
	q->freed = outer;
	return true;
}

/* The text of a loss: why it ended, what the guest or QEMU said last. */
static void complete_reason(struct qemu *q)
{
	scoped_free char *output = tail_text(q->output);
	struct str text = { .max = ERR_TEXT_MAX };

	if (q->why.code != ERR_OK)
		str_addf(&text, "%s; ", q->why.text);
	str_add(&text, "QEMU ");
	if (q->child.ended)
		child_describe(&q->child, &text);
	else
		str_add(&text, *q->link_end ? q->link_end : "does not end");
	if (*q->panic) {
		str_addf(&text, "; guest: %s", q->panic);
	} else if (*output) {
		str_add(&text, "; QEMU: ");
		text_last_line(&text, output, LAST_WORD_MAX);
	}
	err_set(&q->why, ERR_UNAVAILABLE, "%s", str_get(&text));
	str_done(&text);
}

/* Fail whoever waits. False: a callback freed or stopped us, and nothing more is due. */
static bool fail_ops(struct qemu *q, const struct err *why)
{
	enum qemu_state state = q->state;

	for (size_t i = 0; i < QEMU_OP_STOP; i++)
		if (!qemu_finish_op(q, &q->ops[i], why) || q->state != state)
			return false;
	return true;
}

static void tell_lost(struct qemu *q)
{
	struct err why;

	event_del(&q->timer);
	tail_drain(q->early);
	tail_drain(q->console);
	tail_drain(q->output);
	complete_reason(q);
	why = q->why;
	q->state = QEMU_LOST;
	if (fail_ops(q, &why) && qemu_nic_fail_all(q, &why) && q->events.lost)
		q->events.lost(q->arg, &why);
}

/* The first witness sets the reason; the rest is awaited. */
static void begin_end(struct qemu *q, const char *reason)
{
	if (q->why.code == ERR_OK && reason)
		err_set(&q->why, ERR_UNAVAILABLE, "%s", reason);
	if (q->state != QEMU_RUNNING)
		return;
	q->state = QEMU_ENDING;
	set_timer(q, q->child.ended ? 0 : DETAILS_MS);
}

static void finish_stop(struct qemu *q)
{
	struct err err = ERR_INIT, why = ERR_INIT;

	event_del(&q->timer);
	err_set(&why, ERR_STATE, "QEMU is being stopped");
	if (!fail_ops(q, &why))
		return;
	if (!q->child.ended && q->child.pid > 0)
		err_set(&err, ERR_TIMEOUT, "stop QEMU: process %d is still there %u ms after SIGKILL",
			(int)q->child.pid, STOP_MS);
	else
		qemu_remove_dir(q, &err);
	q->state = QEMU_STOPPED;
	(void)qemu_finish_op(q, &q->ops[QEMU_OP_STOP], err.code == ERR_OK ? NULL : &err);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct qemu *q = arg;

	(void)fd;
	(void)what;
	switch (q->state) {
	case QEMU_ENDING:
		tell_lost(q);
		break;
	case QEMU_STOPPING:
		finish_stop(q);
		break;
	case QEMU_NEW:
	case QEMU_RUNNING:
	case QEMU_LOST:
	case QEMU_STOPPED: {
		/* Operations asked for when there was nobody left to ask. */
		struct err why = q->why;

		if (why.code == ERR_OK)
			err_set(&why, ERR_STATE, "QEMU does not run");
		(void)fail_ops(q, &why);
		break;
	}
	}
}

void qemu_on_child_exit(void *arg)
{
	struct qemu *q = arg;

	if (q->state == QEMU_STOPPING) {
		finish_stop(q);
		return;
	}
	/* QMP may have the reason in its buffer still: let it speak, then tell. */
	begin_end(q, NULL);
	if (q->state == QEMU_ENDING)
		set_timer(q, 0);
}

void qemu_on_qmp_closed(void *arg, const struct err *why)
{
	struct qemu *q = arg;

	/* A plain close mostly is QEMU just ending, and then its status says more. */
	memcpy(q->link_end, why->text, sizeof(q->link_end));
	begin_end(q, why->code == ERR_UNAVAILABLE ? NULL : why->text);
}

/* The guest's own words about its end; it may lie, so they are only shown. */
static void note_panic(struct qemu *q, const char *line)
{
	const char *at = strstr(line, "Kernel panic");
	struct str text = { .max = sizeof(q->panic) - 1 };

	if (!at || *q->panic)
		return;
	text_escape(&text, at, strnlen(at, sizeof(q->panic)));
	memcpy(q->panic, str_get(&text), text.len + 1); /* capped by .max */
	str_done(&text);
}

void qemu_on_console_line(void *arg, const char *line)
{
	struct qemu *q = arg;

	note_panic(q, line);
	if (q->events.console)
		q->events.console(q->arg, line);
}

static const char *text_member(struct json_object *obj, const char *key)
{
	struct json_object *v = NULL;

	if (!obj || !json_object_object_get_ex(obj, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return "";
	return json_object_get_string(v);
}

/* query-status: running, or, held, about to; or why not. */
static int read_status(struct json_object *result, bool held, struct err *err)
{
	const char *status = json_object_is_type(result, json_type_object)
				     ? text_member(result, "status") : "";
	struct str text = { .max = 40 };

	if (strcmp(status, "running") == 0)
		return 0;
	if (held && (strcmp(status, "prelaunch") == 0 || strcmp(status, "paused") == 0))
		return 0;
	text_escape(&text, status, strnlen(status, 40));
	err_set(err, ERR_UNAVAILABLE, "guest does not run: %s",
		text.len ? str_get(&text) : "unknown state");
	str_done(&text);
	return -1;
}

static void on_stop_reason(void *arg, struct json_object *result, const struct err *err)
{
	struct qemu *q = arg;
	struct err why = ERR_INIT;

	if (err)
		begin_end(q, err->text);
	else if (read_status(result, false, &why) < 0 && !q->want_paused)
		begin_end(q, why.text);
}

static const char *shutdown_reason(const char *reason)
{
	static const char *const known[][2] = {
		{ "guest-shutdown", "guest powered off" },
		{ "guest-reset", "guest reset itself" },
		{ "guest-panic", "guest panicked" },
		{ "host-qmp-quit", "QEMU was told to quit" },
		{ "host-signal", "QEMU was told to end by a signal" },
		{ "host-qmp-system-reset", "guest was reset over QMP" },
		{ "host-error", "QEMU met an error" },
		{ "host-ui", "QEMU was closed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(reason, known[i][0]) == 0)
			return known[i][1];
	return "guest shut down";
}

void qemu_on_qmp_event(void *arg, const char *name, struct json_object *data)
{
	struct qemu *q = arg;

	if (strcmp(name, "SHUTDOWN") == 0)
		begin_end(q, shutdown_reason(text_member(data, "reason")));
	else if (strcmp(name, "GUEST_PANICKED") == 0)
		begin_end(q, "guest panicked");
	else if (strcmp(name, "DEVICE_DELETED") == 0)
		qemu_nic_on_deleted(q, text_member(data, "device"));
	else if (strcmp(name, "STOP") == 0 && !q->want_paused)
		qmp_execute(q->qmp, "query-status", NULL, -1, DETAILS_MS, on_stop_reason, q);
}

static void on_status(void *arg, struct json_object *result, const struct err *err)
{
	struct qemu_op *op = arg;
	struct err why = ERR_INIT;

	/* The end of the process has better words for it; they come soon. */
	if (err && err->code == ERR_UNAVAILABLE)
		return;
	if (err)
		why = *err;
	else
		(void)read_status(result, op->held, &why);
	(void)qemu_finish_op(op->qemu, op, why.code == ERR_OK ? NULL : &why);
}

static void on_plain_answer(void *arg, struct json_object *result, const struct err *err)
{
	struct qemu_op *op = arg;

	(void)result;
	if (!err || err->code != ERR_UNAVAILABLE)
		(void)qemu_finish_op(op->qemu, op, err);
}

static void ask(struct qemu *q, size_t which, const char *command, uint32_t timeout_ms,
		vmm_done *done, void *arg)
{
	struct qemu_op *op = &q->ops[which];

	*op = (struct qemu_op){ .qemu = q, .done = done, .arg = arg, .held = q->held };
	if (q->state == QEMU_RUNNING)
		qmp_execute(q->qmp, command, NULL, -1, timeout_ms,
			    strcmp(command, "query-status") == 0 ? on_status : on_plain_answer, op);
	else if (q->state != QEMU_ENDING && q->state != QEMU_STOPPING)
		set_timer(q, 0); /* the timer is the end's own otherwise, which fails whoever waits */
}

static struct qemu *qemu_of(struct vmm *vmm)
{
	return container_of(vmm, struct qemu, vmm);
}

static const struct qemu *of_const(const struct vmm *vmm)
{
	static_assert(offsetof(struct qemu, vmm) == 0, "the ops come first");

	return (const struct qemu *)vmm;
}

static int start(struct vmm *vmm, const struct vmm_place *place, struct err *err)
{
	struct qemu *q = qemu_of(vmm);

	if (q->state != QEMU_NEW)
		return err_set(err, ERR_STATE, "start QEMU: was started before");
	if (qemu_launch(q, place, err) < 0)
		return -1;
	q->held = q->want_paused = q->vm->start_paused;
	q->state = QEMU_RUNNING;
	return 0;
}

static void ready(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	ask(qemu_of(vmm), QEMU_OP_READY, "query-status", timeout_ms, done, arg);
}

static void check(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	ask(qemu_of(vmm), QEMU_OP_CHECK, "query-status", timeout_ms, done, arg);
}

static void pause_guest(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	qemu_of(vmm)->want_paused = true;
	ask(qemu_of(vmm), QEMU_OP_PAUSE, "stop", timeout_ms, done, arg);
}

static void resume(struct vmm *vmm, uint32_t timeout_ms, vmm_done *done, void *arg)
{
	qemu_of(vmm)->want_paused = qemu_of(vmm)->held = false;
	ask(qemu_of(vmm), QEMU_OP_RESUME, "cont", timeout_ms, done, arg);
}

static void stop(struct vmm *vmm, vmm_done *done, void *arg)
{
	struct qemu *q = qemu_of(vmm);

	for (size_t i = 0; i < QEMU_N_OPS; i++)
		q->ops[i].done = NULL;
	q->ops[QEMU_OP_STOP] = (struct qemu_op){ .qemu = q, .done = done, .arg = arg };
	qmp_free(take_ptr(&q->qmp));
	qemu_nic_forget(q);
	q->state = QEMU_STOPPING;
	child_kill(&q->child);
	set_timer(q, q->child.pid > 0 ? STOP_MS : 0);
}

static void qemu_free(struct vmm *vmm)
{
	struct qemu *q = qemu_of(vmm);
	struct err ignored = ERR_INIT;

	if (q->freed)
		*q->freed = true;
	event_del(&q->timer);
	qmp_free(q->qmp);
	qemu_nic_forget(q);
	child_done(&q->child);
	tail_free(q->early);
	tail_free(q->console);
	tail_free(q->output);
	qemu_remove_dir(q, &ignored);
	free(q);
}

static pid_t pid(const struct vmm *vmm, uint64_t *ret_start_ticks)
{
	const struct qemu *q = of_const(vmm);

	if (ret_start_ticks)
		*ret_start_ticks = q->child.start_ticks;
	return q->child.pid;
}

static char *agent_path(const struct vmm *vmm)
{
	const struct vm_config *vm = of_const(vmm)->vm;

	if (vm->channel == VM_CHANNEL_VSOCK)
		return xasprintf("vsock://%u:1024", vm->cid);
	return xasprintf("unix://%s/kata.sock", vm->vm_dir);
}

static char *console_tail(const struct vmm *vmm)
{
	const struct qemu *q = of_const(vmm);
	scoped_free char *early = tail_text(q->early);
	scoped_free char *guest = tail_text(q->console);
	scoped_free char *own = tail_text(q->output);

	return xasprintf("%s%s%s%s", early, guest, *own ? "\nQEMU: " : "", own);
}

static const struct vmm_ops qemu_ops = {
	.name = "qemu",
	.start = start,
	.ready = ready,
	.check = check,
	.pause = pause_guest,
	.resume = resume,
	.add_nic = qemu_add_nic,
	.remove_nic = qemu_remove_nic,
	.set_carrier = qemu_set_carrier,
	.stop = stop,
	.free = qemu_free,
	.pid = pid,
	.agent_path = agent_path,
	.console_tail = console_tail,
};

struct vmm *qemu_new(struct event_base *base, const struct vm_config *vm,
		     const struct vmm_events *events, void *arg)
{
	struct qemu *q = xnew(struct qemu);

	*q = (struct qemu){ .vmm.ops = &qemu_ops, .base = base, .vm = vm, .events = *events,
			    .arg = arg, .child = CHILD_INIT };
	list_init(&q->nics);
	list_init(&q->nic_changes);
	evtimer_assign(&q->timer, base, on_timer, q);
	return &q->vmm;
}
