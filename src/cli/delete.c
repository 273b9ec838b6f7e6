/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete.c - remove a container, whatever state it and its sandbox are in
 *
 * With a supervisor that answers, it does the work. Without one, or when it does not
 * answer in time and the VM is of no more use to anybody, it is killed and its journal is replayed.
 * The mapping goes last, so that a delete that failed can be repeated.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/create.h"
#include "cli/hooks.h"
#include "cli/oci_state.h"
#include "engine/persist/cleanup.h"
#include "engine/persist/mapping.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/log/log.h"
#include "lib/oci/spec.h"

/*
 * `delete` is to answer within 5 s when QEMU or the supervisor is stopped: what it takes
 * to find that out, to kill, and to clean up has to fit.
 */
#define ASK_MS      1000
#define KILL_MS     2500
#define DELETE_MS   2500
#define STAND_IN_MS 1000

struct delete
{
	const struct cli *cli;
	const char *cid;
	bool force;
	bool last; /* no other container in the sandbox */
	struct oci_state state;
	struct supervisor *sup; /* NULL: gone */
	Grpc__Spec *spec;       /* NULL: cannot be read any more */
	int shim_pidfd;
};

static int tell(struct delete *d, const char *method, const ProtobufCMessage *req, uint32_t ms,
		struct err *err)
{
	return supervisor_tell(d->sup, TASK_SERVICE, method, req, ms, err);
}

static int kill_container(struct delete *d, struct err *err)
{
	Containerd__Task__V2__KillRequest req = CONTAINERD__TASK__V2__KILL_REQUEST__INIT;
	Containerd__Task__V2__WaitRequest wait = CONTAINERD__TASK__V2__WAIT_REQUEST__INIT;

	req.id = wait.id = unconst(d->cid);
	req.signal = SIGKILL;
	req.all = true;
	if (tell(d, "Kill", &req.base, KILL_MS, err) < 0)
		return -1;
	return tell(d, "Wait", &wait.base, KILL_MS, err);
}

/* The stand-in reads the last output and the exit code first: with luck it ends by itself. */
static void end_stand_in(struct delete *d, int wait_ms)
{
	struct pollfd pfd = { .fd = d->shim_pidfd, .events = POLLIN };
	struct err ignored = ERR_INIT;

	if (d->shim_pidfd < 0 || poll(&pfd, 1, wait_ms) > 0)
		return;
	(void)proc_kill_wait(d->shim_pidfd, STAND_IN_MS, &ignored);
}

static int delete_container(struct delete *d, struct err *err)
{
	Containerd__Task__V2__DeleteRequest req = CONTAINERD__TASK__V2__DELETE_REQUEST__INIT;

	req.id = unconst(d->cid);
	if (tell(d, "Delete", &req.base, d->last ? DELETE_MS : CALL_AGENT_MS, err) == 0)
		return 0;
	if (err->code != ERR_NOT_FOUND)
		return -1;
	*err = ERR_INIT; /* a delete that was cut short before */
	return 0;
}

/*
 * Somebody killed it. Its end is the container's for whoever asked for that, and they come here at
 * once, while the supervisor may still be killing what is in the guest.
 */
static bool stand_in_ended(const struct delete *d)
{
	struct pollfd pfd = { .fd = d->shim_pidfd, .events = POLLIN };

	return d->shim_pidfd < 0 || poll(&pfd, 1, 0) > 0;
}

/* Through the supervisor. */
static int delete_orderly(struct delete *d, struct err *err)
{
	bool runs =
		strcmp(d->state.status, "running") == 0 || strcmp(d->state.status, "paused") == 0;
	bool waits = strcmp(d->state.status, "created") == 0;

	if (runs && !d->force && !stand_in_ended(d))
		return err_set(err, ERR_STATE, "Container still running, should be stopped");
	if ((runs || waits) && kill_container(d, err) < 0)
		return -1;
	end_stand_in(d, STAND_IN_MS);
	return delete_container(d, err);
}

/* May the whole VM be killed to get rid of this container? */
static bool may_kill_sandbox(const struct delete *d, const struct err *why)
{
	if (!d->last || why->code == ERR_STATE)
		return false;
	return d->force || strcmp(d->state.status, "stopped") == 0 || !d->sup;
}

static int remove_container(struct delete *d, struct err *err)
{
	struct err why = ERR_INIT;

	if (d->sup && delete_orderly(d, &why) == 0)
		return d->last ? sandbox_end(d->state.map.sid, d->sup, KILL_MS, err) : 0;
	if (d->sup && !may_kill_sandbox(d, &why)) {
		*err = why;
		return -1;
	}
	end_stand_in(d, 0);
	return sandbox_kill(d->state.map.sid, err);
}

/* A failure is a warning: the container is gone already. */
static void run_poststop(struct delete *d)
{
	scoped_free char *state = NULL;
	struct err err = ERR_INIT;

	if (!d->spec || !d->spec->hooks || d->spec->hooks->n_poststop == 0)
		return;
	free(d->state.status);
	d->state.status = xstrdup("stopped");
	d->state.pid = 0;
	state = oci_state_format(&d->state, d->spec);
	if (hooks_run("poststop", d->spec->hooks->poststop, d->spec->hooks->n_poststop, state,
		      &err) < 0)
		log_warn(err.text);
}

static void open_all(struct delete *d)
{
	struct err ignored = ERR_INIT;
	uint64_t start;

	d->sup = strcmp(d->state.status, "unknown") == 0
			 ? NULL
			 : supervisor_open(d->state.map.sid, &ignored);
	d->spec = d->state.bundle[0] ? spec_load(d->state.bundle, &ignored) : NULL;
	if (d->state.pid > 1 && proc_start_time((pid_t)d->state.pid, &start, &ignored) == 0)
		d->shim_pidfd = proc_open((pid_t)d->state.pid, start, &ignored);
}

/* Nobody knows the id; a sandbox of that name may have lost its mapping all the same. */
static int delete_unknown(const char *cid, struct err *err)
{
	scoped_free char *dir = supervisor_dir(cid);
	struct stat st;

	return lstat(dir, &st) == 0 ? sandbox_kill(cid, err) : 0;
}

/*
 * Containers of a pod are deleted at the same time, and each may have seen the other as still
 * there: whoever finds nobody left ends the sandbox. The lock is held for as long as that takes,
 * which has its deadlines, so that the sandbox is gone when the last delete returns.
 */
static int forget(struct delete *d, struct err *err)
{
	scoped_fd int lock = -1;
	size_t others = 0;

	if (d->last)
		return mapping_remove(d->cli->root, d->cid, err);
	lock = sandbox_lock(d->state.map.sid);
	if (mapping_remove(d->cli->root, d->cid, err) < 0 ||
	    mapping_count(d->cli->root, d->state.map.sid, &others, err) < 0)
		return -1;
	return others == 0 ? sandbox_end(d->state.map.sid, d->sup, KILL_MS, err) : 0;
}

int delete_run(const struct cli *cli, const char *cid, bool force, struct err *err)
{
	struct delete d = { .cli = cli, .cid = cid, .force = force, .shim_pidfd = -1 };
	scoped_fd int lock = -1;
	size_t n = 0;
	int r;

	if (oci_state_get(cli, cid, ASK_MS, true, &d.state, err) < 0) {
		if (err->code != ERR_NOT_FOUND || !force)
			return -1;
		*err = ERR_INIT;
		return delete_unknown(cid, err);
	}
	lock = sandbox_lock(d.state.map.sid);
	r = mapping_count(cli->root, d.state.map.sid, &n, err);
	d.last = n <= 1;
	if (!d.last)
		close_fd(&lock);
	if (r == 0) {
		open_all(&d);
		r = remove_container(&d, err);
	}
	if (r == 0) {
		run_poststop(&d);
		r = forget(&d, err);
	}
	supervisor_close(d.sup);
	close_fd(&d.shim_pidfd);
	if (d.spec)
		protobuf_c_message_free_unpacked(&d.spec->base, NULL);
	oci_state_done(&d.state);
	return r < 0 ? err_wrap(err, "delete container '%s'", cid) : 0;
}
