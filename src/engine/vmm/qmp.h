/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * qmp.h - talk to one QEMU over its monitor socket
 *
 * Commands are sent in order and answered by id; events may come in between. The
 * greeting and qmp_capabilities are handled here: a command issued before the handshake
 * is over is queued, and its deadline runs from the moment it was issued.
 *
 * Spec:   QEMU docs/interop/qmp-spec.rst; command arguments in qapi/ of QEMU 7.2
 * Trust:  QEMU handles hostile guests, so its output is bounded and checked
 * Owns:   the socket, every pending command
 * Limits: QMP_LINE_MAX a line, QMP_DEPTH_MAX levels in it, QMP_PENDING_MAX commands
 * Thread: the loop's
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct event_base;
struct json_object;
struct qmp;

#define QMP_LINE_MAX    (1u << 20) /* bytes in one reply; more closes the link */
#define QMP_DEPTH_MAX   16
#define QMP_PENDING_MAX 1536 /* thirty network devices of sixteen queues at a time */

/*
 * One call per command, from the loop, never from inside qmp_execute(); none after
 * qmp_free(). On success err is NULL and result is the "return" value, borrowed until
 * the callback returns. On failure result is NULL: ERR_UNAVAILABLE if QEMU is gone,
 * ERR_TIMEOUT, ERR_EXHAUSTED when too much is pending, or ERR_INTERNAL with QEMU's
 * "desc" as text or for what was no QMP. May free the qmp.
 */
typedef void qmp_done(void *arg, struct json_object *result, const struct err *err);

struct qmp_events {
	/* name is e.g. "SHUTDOWN"; data is borrowed and may be NULL. May free the qmp. */
	void (*event)(void *arg, const char *name, struct json_object *data);
	/*
	 * The link is dead, once, after every pending command failed. ERR_UNAVAILABLE: QEMU
	 * closed it; ERR_INTERNAL: what came was no QMP, and we did. May free the qmp.
	 */
	void (*closed)(void *arg, const struct err *why);
};

/* Takes fd, a connected stream socket. events are copied; members may be NULL. */
struct qmp *qmp_new(struct event_base *base, int fd, const struct qmp_events *events, void *arg);

/* Closes the socket. Pending commands are dropped without a call. NULL is fine. */
void qmp_free(struct qmp *qmp);

/*
 * Queue a command. args is the JSON text of "arguments", or NULL. pass_fd, if not -1,
 * travels with it (see add-fd and getfd) and is borrowed for the call. timeout_ms 0: no
 * deadline.
 */
void qmp_execute(struct qmp *qmp, const char *command, const char *args, int pass_fd,
		 uint32_t timeout_ms, qmp_done *done, void *arg);
