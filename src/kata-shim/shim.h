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
 * How it ends: the code is known, and everything that was read has been written. A child that was
 * left in the background may hold the streams open for ever, so once the code is known
 * and the guest has been silent for GRACE_MS, or has said more than a pipe can have held,
 * the end of the streams is no longer waited for. A reader that is slow is waited for without
 * limit: its output is kept.
 *
 * Thread: one loop; nothing blocks
 * Size:   there is one for every container process, so memory counts: buffers exist only
 *         while they hold something, and only the messages that are used are linked in
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "kata-shim/fdio.h"
#include "lib/base/err.h"
#include "lib/base/list.h"

struct evbuffer;
struct ttrpc_client;
struct shim;

#define CHUNK     (256u << 10) /* bytes carried by one call, either way */
#define GRACE_MS  2000
#define LATE_MAX  (4u << 20) /* bytes of one stream after the exit; a pipe holds 64 KiB to 1 MiB */
#define EXIT_LOST 255        /* the code when nobody can tell it; Kata's for a wait that failed */

struct input {
	struct shim *shim;
	struct fdio io;
	struct event readable;
	struct evbuffer *buf; /* at most CHUNK, besides what is on its way */
	bool writing;         /* a WriteStdin is on its way */
	bool eof;
	bool closed; /* CloseStdin was sent, or the process takes no more */
};

struct output {
	struct shim *shim;
	const char *method; /* "ReadStdout" or "ReadStderr" */
	struct fdio io;
	struct event writable;
	struct evbuffer *buf;
	bool reading; /* a call is on its way */
	bool eof;     /* of the guest's side */
	size_t late;  /* bytes that came after the exit */
	bool broken;  /* nobody reads ours: what comes is dropped */
};

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
	struct input in;
	struct output out[2];
	struct event signals;
	struct event grace;
	uint64_t heard; /* counts what came from the guest; for the grace */
	uint64_t heard_before;
	bool exited;
	bool use_agent_wait; /* the peer has no Task service */
	bool deleting;
	int status;
	struct err lost; /* why the code is EXIT_LOST; ERR_OK: the process may have exited with it */
};

/* input.c. stop: no more is read or sent; done: after stop, releases memory. */
void input_start(struct input *in, struct shim *shim);
void input_stop(struct input *in);
void input_done(struct input *in);

/* output.c */
void output_start(struct output *out, struct shim *shim, int fd, const char *method);
void output_done(struct output *out);
bool output_is_done(const struct output *out);  /* the end was read, and all is written */
bool output_is_quiet(const struct output *out); /* nothing waits to be written */

/* shim.c */
int shim_run(struct shim *shim, const char *socket, struct err *err);
void shim_progress(struct shim *shim); /* something ended: is it time to exit? */

/*
 * call.c: like ttrpc_client_call(), but by name, so that the descriptors of whole services and
 * all their messages need not be in this program. resp_desc NULL: the reply does not matter.
 */
typedef void shim_done(void *arg, const ProtobufCMessage *resp, const struct err *err);
void shim_call(struct shim *shim, const char *service, const char *method,
	       const ProtobufCMessage *req, uint32_t timeout_ms,
	       const ProtobufCMessageDescriptor *resp_desc, shim_done *done, void *arg);

#define AGENT_SERVICE "grpc.AgentService"
#define TASK_SERVICE  "containerd.task.v2.Task"

/* Forget the calls that a client took with it. */
void shim_drop_calls(struct shim *shim);

/* term.c: the terminal behind a descriptor, if there is one. */
void term_raw(int fd);
void term_restore(void);
bool term_size(int fd, uint32_t *ret_rows, uint32_t *ret_columns);
