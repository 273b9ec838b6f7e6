/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete.c - after the supervisor's death: remove what it left, from its journal
 *
 * containerd runs this for each container of a sandbox at the same moment, when the connection breaks;
 * whoever has the lock does the work, and the others find it done. It also runs it when it
 * comes back and a supervisor does not answer: that one is killed first, unless the container is
 * just one of a pod and the supervisor does answer. Then it ends that one; the others live on even
 * when it cannot do so in time.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "engine/persist/cleanup.h"
#include "engine/pod.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/mount.h"
#include "lib/oci/spec.h"
#include "lib/ttrpc/client.h"
#include "shim/shim.h"
#include "task.pb-c.h"

/* All together less than the five seconds after which containerd gives up. */
#define ASK_MS      1000
#define WAIT_MS     2500
#define KILLED_EXIT (128 + SIGKILL)

/* One call of the Task service; its answer does not matter but for being one. */
static int tell(int fd, const char *method, const ProtobufCMessage *req, uint32_t timeout_ms,
		struct err *err)
{
	ProtobufCMessage *resp = ttrpc_client_call_wait(
		fd, &containerd__task__v2__task__descriptor, method, req, timeout_ms, err);

	if (!resp)
		return -1;
	protobuf_c_message_free_unpacked(resp, NULL);
	return 0;
}

static bool is_answer(const struct err *err)
{
	return err->code != ERR_UNAVAILABLE && err->code != ERR_TIMEOUT;
}

/* *ret_answers, which is always set: the supervisor lives, and the rest of the pod with it. */
static int delete_by_supervisor(const char *socket, const char *id, bool *ret_answers,
				struct err *err)
{
	Containerd__Task__V2__KillRequest kill_req = CONTAINERD__TASK__V2__KILL_REQUEST__INIT;
	Containerd__Task__V2__WaitRequest wait_req = CONTAINERD__TASK__V2__WAIT_REQUEST__INIT;
	Containerd__Task__V2__DeleteRequest delete_req = CONTAINERD__TASK__V2__DELETE_REQUEST__INIT;
	struct err why = ERR_INIT;
	scoped_fd int fd = unix_connect(socket, err);

	*ret_answers = false;
	if (fd < 0)
		return -1;
	kill_req.id = wait_req.id = delete_req.id = unconst(id);
	kill_req.signal = SIGKILL;
	kill_req.all = true;
	if (tell(fd, "Kill", &kill_req.base, ASK_MS, &why) == 0) {
		*ret_answers = true;
		if (tell(fd, "Wait", &wait_req.base, WAIT_MS, err) < 0)
			return -1;
		return tell(fd, "Delete", &delete_req.base, ASK_MS, err);
	}
	*ret_answers = is_answer(&why);
	if (why.code == ERR_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
}

/* With all that is in it. */
static int delete_sandbox(const char *name, const char *socket, struct err *err)
{
	scoped_fd int lock = sandbox_lock(name);

	(void)lock; /* held while it is worked on; -1: there is nothing to be locked */
	if (sandbox_cleanup(name, err) < 0)
		return -1;
	(void)unlink(socket);
	return 0;
}

static int clean_up(const struct shim_args *args, const char *sid, struct err *err)
{
	scoped_free char *name = shim_sandbox_name(args->namespace, sid);
	scoped_free char *socket = shim_socket_path(args->address, args->namespace, sid);
	struct err why = ERR_INIT;
	bool answers = false;

	if (strcmp(sid, args->id) != 0 && sandbox_supervisor_alive(name)) {
		if (delete_by_supervisor(socket, args->id, &answers, &why) == 0)
			return 0;
		if (answers) {
			*err = why;
			return -1;
		}
	}
	return delete_sandbox(name, socket, err);
}

static int print_response(struct err *err)
{
	Containerd__Task__V2__DeleteResponse resp = CONTAINERD__TASK__V2__DELETE_RESPONSE__INIT;
	Containerd__Task__V2__Timestamp at = CONTAINERD__TASK__V2__TIMESTAMP__INIT;
	const uint64_t now = clock_real_ns();
	scoped_free uint8_t *bytes = NULL;

	at.seconds = (int64_t)(now / NS_PER_SEC);
	at.nanos = (int32_t)(now % NS_PER_SEC);
	resp.exit_status = KILLED_EXIT;
	resp.exited_at = &at;
	bytes = xcalloc(1, containerd__task__v2__delete_response__get_packed_size(&resp));
	return write_all(STDOUT_FILENO, bytes,
			 containerd__task__v2__delete_response__pack(&resp, bytes), err);
}

int shim_delete(const struct shim_args *args, struct err *err)
{
	scoped_free char *rootfs = xasprintf("%s/rootfs", args->bundle);
	struct err ignored = ERR_INIT;
	Grpc__Spec *spec = spec_load(args->bundle, &ignored); /* may be gone already */
	const char *sid = spec ? pod_sandbox_id(spec, args->id, &ignored) : NULL;
	int r = clean_up(args, sid ? sid : args->id, err);

	if (spec)
		protobuf_c_message_free_unpacked(&spec->base, NULL);
	if (r == 0)
		r = mount_remove(rootfs, err);
	if (r == 0)
		r = print_response(err);
	return r < 0 ? err_wrap(err, "delete '%s'", args->id) : 0;
}
