/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.c - the operations on one container, and which may run beside which
 *
 *	state      allowed
 *	creating   nothing but being aborted with the sandbox
 *	created    start, exec is refused, signal, delete by force
 *	running    exec, pause, update, signal
 *	paused     resume, update, signal
 *	stopped    delete
 *
 * start, pause, resume and delete exclude one another (`busy`); signals, waits and exec
 * run beside anything.
 */
#include "engine/agent/agent.h"
#include "engine/guest_spec.h"
#include "engine/resource/rootfs.h"
#include "engine/sandbox_priv.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

#include <stdlib.h>
#include <string.h>

const char *container_status_name(enum container_status status)
{
	static const char *const names[] = {
		[CONTAINER_CREATING] = "creating", [CONTAINER_CREATED] = "created",
		[CONTAINER_RUNNING] = "running",   [CONTAINER_PAUSED] = "paused",
		[CONTAINER_STOPPED] = "stopped",
	};

	return names[status];
}

enum container_status container_status(const struct container *c)
{
	return c->status;
}

const char *container_id(const struct container *c)
{
	return c->id;
}

const char *container_bundle(const struct container *c)
{
	return c->bundle;
}

const char *container_rootfs(const struct container *c)
{
	return c->rootfs;
}

uint64_t container_created_at_ns(const struct container *c)
{
	return c->created_at_ns;
}

const Grpc__Spec *container_spec(const struct container *c)
{
	return c->spec;
}

struct process *container_init(const struct container *c)
{
	return c->init;
}

struct process *container_find_process(struct container *c, const char *exec_id, struct err *err)
{
	if (!exec_id[0])
		return c->init;
	list_for_each(&c->execs, struct process, node, p)
		if (strcmp(p->exec_id, exec_id) == 0)
			return p;
	err_set(err, ERR_NOT_FOUND, "find process '%s': no such process in container '%s'", exec_id,
		c->id);
	return NULL;
}

void container_free(struct container *c)
{
	if (c->sandbox->agent)
		agent_forget(c->sandbox->agent, c);
	list_for_each_safe(&c->execs, struct process, node, p)
		process_free(p);
	process_free(c->init);
	list_remove(&c->node);
	rootfs_free(c->mounts);
	volumes_done(&c->volumes);
	message_drop(&c->guest_spec);
	protobuf_c_message_free_unpacked(&c->spec->base, NULL);
	free(c->id);
	free(c->bundle);
	free(c->rootfs);
	free(c);
}

/* --- create --- */

static void on_created(void *owner, const struct err *err)
{
	struct container *c = owner;
	struct sandbox *sb = c->sandbox;
	engine_done *done = c->up_done;
	void *arg = c->up_arg;

	memcpy(sb->container_took_ns, c->up.took_ns, sizeof(sb->container_took_ns));
	sb->container_timed = true;
	if (err) {
		container_free(c);
	} else {
		sb->had_container = true;
		c->status = CONTAINER_CREATED;
		c->created_at_ns = clock_real_ns();
		process_watch(c->init);
	}
	done(arg, err);
}

/* NULL: the mounts of its root file system cannot be understood. */
static struct container *container_new(struct sandbox *sb, const struct container_request *req,
				       struct err *err)
{
	struct rootfs *mounts = rootfs_new(req->rootfs, req->mounts, req->n_mounts, err);
	struct container *c;

	if (!mounts)
		return NULL;
	c = xnew(struct container);
	c->sandbox = sb;
	c->first = !sb->had_container;
	c->mounts = mounts;
	c->id = xstrdup(req->id);
	c->bundle = xstrdup(req->bundle);
	c->rootfs = xstrdup(req->rootfs);
	c->spec = spec_copy(req->spec);
	c->status = CONTAINER_CREATING;
	list_init(&c->execs);
	c->init = process_new(c, "");
	list_add(&sb->containers, &c->node);
	return c;
}

void container_create(struct sandbox *sb, const struct container_request *req, engine_done *done,
		      void *arg)
{
	struct err err = ERR_INIT, ignored = ERR_INIT;
	struct container *c = NULL;

	if (sandbox_find(sb, req->id, &ignored))
		err_set(&err, ERR_EXISTS, "create container '%s': the id is in use",
			req->id);
	else if (sandbox_need_up(sb, &err) == 0)
		c = container_new(sb, req, &err);
	if (!c) {
		sandbox_later(sb, done, arg, &err);
		return;
	}
	if (process_open_io(c->init, req->stdio, &err) < 0) {
		container_free(c);
		sandbox_later(sb, done, arg, &err);
		return;
	}
	c->up_done = done;
	c->up_arg = arg;
	c->up = (struct flow){ .steps = container_up_steps,
			       .n_steps = container_up_n_steps,
			       .owner = c,
			       .done = on_created };
	flow_start(&c->up);
}

void container_start(struct container *c, engine_done *done, void *arg)
{
	process_start(c->init, done, arg);
}

/* --- pause, resume, update --- */

struct op {
	struct container *c;
	engine_done *done;
	void *arg;
	enum container_status from, to;
};

static struct op *op_new(struct container *c, engine_done *done, void *arg)
{
	struct op *op = xnew(struct op);

	*op = (struct op){ .c = c, .done = done, .arg = arg };
	return op;
}

static void on_frozen(void *arg, const struct err *err)
{
	struct op op = *(struct op *)arg;

	free(arg);
	op.c->busy = false;
	if (!err && op.c->status == op.from)
		op.c->status = op.to;
	op.done(op.arg, err);
}

static bool may(struct container *c, const char *verb, enum container_status status, engine_done *done,
		void *arg)
{
	struct err err = ERR_INIT;

	if (sandbox_need_up(c->sandbox, &err) == 0) {
		if (!c->busy && c->status == status)
			return true;
		err_set(&err, ERR_STATE, "%s container '%s': it is %s", verb, c->id,
			c->busy ? "busy" : container_status_name(c->status));
	}
	sandbox_later(c->sandbox, done, arg, &err);
	return false;
}

void container_pause(struct container *c, engine_done *done, void *arg)
{
	struct op *op;

	if (!may(c, "pause", CONTAINER_RUNNING, done, arg))
		return;
	op = op_new(c, done, arg);
	op->from = CONTAINER_RUNNING;
	op->to = CONTAINER_PAUSED;
	c->busy = true;
	agent_pause(c->sandbox->agent, c->id, on_frozen, op);
}

void container_resume(struct container *c, engine_done *done, void *arg)
{
	struct op *op;

	if (!may(c, "resume", CONTAINER_PAUSED, done, arg))
		return;
	op = op_new(c, done, arg);
	op->from = CONTAINER_PAUSED;
	op->to = CONTAINER_RUNNING;
	c->busy = true;
	agent_resume(c->sandbox->agent, c->id, on_frozen, op);
}

void container_update(struct container *c, const Grpc__LinuxResources *res, engine_done *done,
		      void *arg)
{
	struct err err = ERR_INIT;
	Grpc__LinuxResources *guest;

	if (sandbox_need_up(c->sandbox, &err) == 0 &&
	    (c->status == CONTAINER_CREATING || c->status == CONTAINER_STOPPED))
		err_set(&err, ERR_STATE, "update container '%s': it is %s", c->id,
			container_status_name(c->status));
	/* The VM is in the first container's group. */
	if (err.code == ERR_OK && c->first)
		(void)sandbox_limit(c->sandbox, res, &err);
	if (err.code != ERR_OK) {
		sandbox_later(c->sandbox, done, arg, &err);
		return;
	}
	guest = guest_resources_make(res);
	agent_update(c->sandbox->agent, c->id, guest, done, arg);
	protobuf_c_message_free_unpacked(&guest->base, NULL);
}

/* --- statistics --- */

struct refused {
	container_counted *done;
	void *arg;
};

static void on_refused(void *arg, const struct err *err)
{
	struct refused refused = *(struct refused *)arg;

	free(arg);
	refused.done(refused.arg, NULL, err);
}

void container_stats(struct container *c, container_counted *done, void *arg)
{
	struct err err = ERR_INIT;
	struct refused *refused;

	if (c->status == CONTAINER_CREATING || c->status == CONTAINER_STOPPED)
		err_set(&err, ERR_NOT_FOUND, "read statistics of container '%s': it is %s", c->id,
			container_status_name(c->status));
	if (err.code == ERR_OK && sandbox_need_up(c->sandbox, &err) == 0) {
		agent_stats(c->sandbox->agent, c->id, done, arg);
		return;
	}
	refused = xnew(struct refused);
	*refused = (struct refused){ .done = done, .arg = arg };
	sandbox_later(c->sandbox, on_refused, refused, &err);
}

/* --- exec --- */

void container_exec(struct container *c, const char *exec_id, const Grpc__Process *process,
		    const struct stdio_request *stdio, engine_done *done, void *arg)
{
	struct err err = ERR_INIT, ignored = ERR_INIT;
	struct process *p;

	if (sandbox_need_up(c->sandbox, &err) == 0) {
		if (c->status != CONTAINER_RUNNING)
			err_set(&err, ERR_STATE, "exec in container '%s': it is %s", c->id,
				container_status_name(c->status));
		else if (!exec_id[0] || strcmp(exec_id, c->id) == 0 ||
			 container_find_process(c, exec_id, &ignored))
			err_set(&err, ERR_EXISTS, "exec in container '%s': id '%s' is in use", c->id,
				exec_id);
	}
	if (err.code == ERR_OK) {
		p = process_new(c, exec_id);
		p->process = message_copy(Grpc__Process, process);
		if (process_open_io(p, stdio, &err) < 0) {
			process_free(p);
		} else {
			list_add(&c->execs, &p->node);
			process_on_opened(p, done, arg);
			return;
		}
	}
	sandbox_later(c->sandbox, done, arg, &err);
}

/* --- delete --- */

static void remove_host_side(struct op *op, const struct err *err)
{
	struct sandbox *sb = op->c->sandbox;

	container_undo_share(op->c);
	container_free(op->c);
	sandbox_later(sb, op->done, op->arg, err);
	free(op);
}

static void on_removed(void *arg, const struct err *err)
{
	struct op *op = arg;

	/* A guest that lost the container, or itself, holds nothing any more. */
	if (err && err->code != ERR_NOT_FOUND && err->code != ERR_UNAVAILABLE) {
		struct err why = *err;

		err_wrap(&why, "remove container '%s' from the guest, going on", op->c->id);
		sandbox_warn(op->c->sandbox, &why);
	}
	remove_host_side(op, NULL);
}

/*
 * The sandbox ends with the container that began it, and its VM is killed: what the guest
 * wrote to a share is on the host by then, as neither virtio-fs nor 9p holds back writes of
 * files that were closed.
 */
static bool ends_sandbox(const struct container *c)
{
	return c->first && sandbox_n_containers(c->sandbox) == 1;
}

void container_delete(struct container *c, bool force, engine_done *done, void *arg)
{
	struct sandbox *sb = c->sandbox;
	struct err err = ERR_INIT;

	if (c->busy || c->status == CONTAINER_CREATING ||
	    (!force && c->status != CONTAINER_STOPPED)) {
		err_set(&err, ERR_STATE, "delete container '%s': it is %s, not stopped", c->id,
			c->busy ? "busy" : container_status_name(c->status));
		sandbox_later(sb, done, arg, &err);
		return;
	}
	c->busy = true;
	if (!sandbox_is_up(sb) || ends_sandbox(c)) {
		remove_host_side(op_new(c, done, arg), NULL);
		return;
	}
	/* A guest may take long to write back what it holds; one that is stopped may not. */
	sandbox_check(sb);
	agent_remove_container(sb->agent, c->id, on_removed, op_new(c, done, arg));
}
