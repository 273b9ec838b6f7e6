/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * shim.h - the process that docker and podman take for the container
 *
 * It carries stdin to, and stdout and stderr from, one process in the guest, forwards the signals
 * that it gets, and exits with that process's code. All of it is calls over proxy.sock:
 * streams and signals are the agent's own methods, passed through by the supervisor; the
 * exit code is Task.Wait, so that it is also known when the VM is gone.
 *
 * How it ends: the code is known, and the streams are drained by the rules of lib/stdio/streams.h.
 *
 * Thread: one loop; nothing blocks
 * Size:   there is one for every container process, so memory counts: only the messages that
 *         are used are linked in
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/stdio/streams.h"

struct ttrpc_client;
struct shim;

#define EXIT_LOST 255        /* the code when nobody can tell it; Kata's for a wait that failed */

struct shim {
	struct event_base *base;
	struct ttrpc_client *client; /* NULL once the supervisor is gone */
	struct list calls;           /* call.c's */
	const char *container_id;
	const char *exec_id; /* the agent's name of the process: the container's id for its own */
	bool terminal;
	/*
	 * A socket to who started us, or -1: it is told when signals are watched, and we touch
	 * neither streams nor exit before it has told the supervisor that we stand in.
	 */
	int ready_fd;
	int mount_ns_fd; /* -1: ours stays */
	struct event go;
	struct stdio stdio;
	struct event signals;
	bool exited;
	bool use_agent_wait; /* the peer has no Task service */
	bool deleting;
	int status;
	struct err lost; /* why the code is EXIT_LOST; ERR_OK: the process may have exited with it */
};

/* shim.c */
int shim_run(struct shim *shim, const char *socket, struct err *err);

/*
 * call.c: like ttrpc_client_call(), but by name, so that the descriptors of whole services and
 * all their messages need not be in this program. resp_desc NULL: the reply does not matter.
 */
typedef void shim_done(void *arg, const ProtobufCMessage *resp, const struct err *err);
void shim_call(struct shim *shim, const char *service, const char *method,
	       const ProtobufCMessage *req, uint32_t timeout_ms,
	       const ProtobufCMessageDescriptor *resp_desc, shim_done *done, void *arg);

#define TASK_SERVICE  "containerd.task.v2.Task"

/* Forget the calls that a client took with it. */
void shim_drop_calls(struct shim *shim);

/* term.c: the terminal behind a descriptor, if there is one. */
void term_raw(int fd);
void term_restore(void);
bool term_size(int fd, uint32_t *ret_rows, uint32_t *ret_columns);
