/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/check.h"
#include "agent/hooks.h"
#include "agent/sandbox.h"
#include "agent/storage.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"
#include "lib/log/log.h"

#define CGROUP_WAIT_MS  1000 /* for killed processes to leave it */
#define FREEZE_WAIT_MS  1000
#define OOM_AGAIN_MS    100
#define KEEP_TOLD_EXECS 64 /* records for late waits */

int container_check(const struct container *ctr, bool with_created, struct err *err)
{
	const char *why = NULL;

	if (ctr->creating)
		why = "is being created";
	else if (ctr->removing)
		why = "is being removed";
	else if (ctr->paused)
		why = "is paused";
	else if (!ctr->init || ctr->init->state == PROCESS_EXITED)
		why = "has exited";
	else if (ctr->init->state != PROCESS_RUNNING && !with_created)
		why = "is not started";
	if (why)
		return err_set(err, ERR_STATE, "container '%s' %s", ctr->id, why);
	return 0;
}

struct process *container_find_process(struct container *ctr, const char *exec_id, struct err *err)
{
	if (!*exec_id && ctr->init)
		return ctr->init;
	list_for_each(&ctr->processes, struct process, node, p)
		if (strcmp(p->id, exec_id) == 0)
			return p;
	err_set(err, ERR_NOT_FOUND, "container '%s' has no process '%.*s'", ctr->id, CHECK_ID_MAX,
		exec_id);
	return NULL;
}

/* An exec whose story is told in full: nobody but a late waiter can want it. */
static bool is_spent(const struct process *p)
{
	return p != p->ctr->init && p->state == PROCESS_EXITED && p->told && !p->done &&
	       output_has_ended(&p->out) && output_has_ended(&p->errors);
}

bool container_free_id(struct container *ctr, const char *exec_id)
{
	struct err not_found = ERR_INIT;
	struct process *p = container_find_process(ctr, exec_id, &not_found);

	if (!p)
		return true;
	if (p == ctr->init || p->state != PROCESS_EXITED || !p->told || p->done)
		return false;
	process_free(p);
	return true;
}

int container_make_room(struct container *ctr, struct err *err)
{
	size_t n = 0, n_spent = 0;

	list_for_each(&ctr->processes, struct process, node, p) {
		n++;
		n_spent += is_spent(p);
	}
	list_for_each_safe(&ctr->processes, struct process, node, p) {
		if (n_spent <= KEEP_TOLD_EXECS)
			break;
		if (!is_spent(p))
			continue;
		process_free(p);
		n_spent--;
		n--;
	}
	if (n >= CONTAINER_PROCESSES_MAX)
		return err_set(err, ERR_EXHAUSTED, "container '%s' has %zu processes", ctr->id, n);
	return 0;
}

/* Out of memory */

/* 1: told; 0: nothing to tell (yet); -1: the watch is lost. */
static int tell_oom(struct container *ctr)
{
	struct err err = ERR_INIT;
	int r = cgroup_oom_read(ctr->cgroup, ctr->oom_fd, &err);

	if (r < 0) {
		log_warn("OOM watch lost, going on", "container", ctr->id, "reason", err.text);
		event_del(&ctr->oom);
	} else if (r > 0) {
		log_info("out of memory", "container", ctr->id);
		sandbox_tell_oom(ctr->agent->sandbox, ctr->id);
	}
	return r;
}

static void on_oom_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)tell_oom(arg);
}

/* Version 1 wakes us before it has killed, and counted, anybody: then look once more. */
static void on_oom(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = { .tv_usec = OOM_AGAIN_MS * 1000 };
	struct container *ctr = arg;

	(void)fd;
	(void)what;
	if (tell_oom(ctr) == 0)
		event_add(&ctr->oom_again, &soon);
}

void container_watch_oom(struct container *ctr)
{
	struct err err = ERR_INIT;

	ctr->oom_fd = cgroup_oom_fd(ctr->cgroup, &err);
	if (ctr->oom_fd < 0) {
		log_debug("no OOM watch", "container", ctr->id, "reason", err.text);
		return;
	}
	event_assign(&ctr->oom, ctr->agent->base, ctr->oom_fd, EV_READ | EV_PERSIST, on_oom, ctr);
	event_assign(&ctr->oom_again, ctr->agent->base, -1, 0, on_oom_again, ctr);
	event_add(&ctr->oom, NULL);
}

/*
 * Mounts
 *
 * They would go with the last process. What is a file system of its own on the host is one here
 * too, below the share's, and to take it down while the kernel waits for the answer to a close is
 * a bug of that kernel (seen on 6.1: "VFS: Busy inodes after unmount"): whoever does it, which
 * is the container's init, stops for good and never ends. So the namespace is kept.
 */

int container_keep_mounts(struct container *ctr, struct err *err)
{
	scoped_free char *path = xasprintf("/proc/%d/ns/mnt", (int)ctr->init->pid);

	ctr->mount_ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ctr->mount_ns_fd < 0)
		return err_sys(err, errno, "open namespace '%s'", path);
	return 0;
}

/*
 * Answers come in order: the first here comes after those to reads that nobody waited for, the
 * second after those to the closes that these reads had put off. Asked of the share's top
 * ("TOP/ID/rootfs" is the root): to walk into the container's own directory would make the kernel
 * believe in it for another second, in which the host may make it anew (podman restart in a pod).
 */
static void drop_mounts(struct container *ctr)
{
	scoped_free char *path = xstrdup(ctr->spec ? ctr->spec->root->path : "/");
	struct statfs ignored;

	if (ctr->mount_ns_fd < 0)
		return;
	for (int i = 0; i < 2; i++) {
		char *name = strrchr(path, '/');

		if (name)
			*name = '\0';
	}
	for (int i = 0; i < 2; i++)
		(void)statfs(path, &ignored);
	close_fd(&ctr->mount_ns_fd);
}

void container_run_hooks(struct container *ctr, const char *point, const char *status)
{
	const struct hooks_state state = {
		.container_id = ctr->id,
		.status = status,
		.pid = ctr->init && ctr->init->state != PROCESS_EXITED ? ctr->init->pid : 0,
	};

	(void)hooks_run(ctr->agent, ctr->agent->sandbox->hook_dir, point, &state, NULL, NULL);
}

/* The end */

/* Exited, and nobody is to hear of a launch any more. */
static bool all_ended(struct container *ctr)
{
	list_for_each(&ctr->processes, struct process, node, p)
		if (p->state != PROCESS_EXITED || p->done)
			return false;
	return true;
}

static void kill_all(struct container *ctr)
{
	struct err err = ERR_INIT;

	if (ctr->paused && cgroup_freeze(ctr->cgroup, false, FREEZE_WAIT_MS, &err) < 0)
		log_warn("container not thawed, going on", "container", ctr->id, "reason",
			 err.text);
	ctr->paused = false;
	if (ctr->cgroup && cgroup_signal(ctr->cgroup, SIGKILL, &err) < 0)
		log_warn("container not killed as a group, going on", "container", ctr->id,
			 "reason", err.text);
	list_for_each(&ctr->processes, struct process, node, p) {
		struct err ignored = ERR_INIT; /* killed with the group already */

		if (p->state != PROCESS_EXITED)
			(void)process_signal(p, SIGKILL, &ignored);
	}
}

static void free_group(struct container *ctr)
{
	struct err err = ERR_INIT;

	if (ctr->oom_fd >= 0) {
		event_del(&ctr->oom);
		event_del(&ctr->oom_again);
	}
	close_fd(&ctr->oom_fd);
	if (!ctr->cgroup)
		return;
	if (cgroup_remove(ctr->cgroup, CGROUP_WAIT_MS, &err) < 0)
		log_warn("cgroup not removed, going on", "container", ctr->id, "reason", err.text);
	cgroup_free(ctr->cgroup);
	ctr->cgroup = NULL;
}

static void remove_bundle(struct container *ctr)
{
	scoped_free char *path = xasprintf("%s/%s", CONTAINER_BUNDLES, ctr->id);
	struct err err = ERR_INIT;

	if (ctr->has_bundle && dir_remove(path, &err) < 0)
		log_warn("bundle not removed, going on", "container", ctr->id, "reason", err.text);
	ctr->has_bundle = false;
}

void container_free(struct container *ctr)
{
	if (!ctr)
		return;
	event_del(&ctr->remove_turn);
	event_del(&ctr->remove_deadline);
	hooks_free(ctr->prestart);
	if (ctr->cgroup)
		kill_all(ctr);
	while (!list_empty(&ctr->processes))
		process_free(container_of(ctr->processes.next, struct process, node));
	free_group(ctr);
	drop_mounts(ctr);
	storages_drop(&ctr->agent->sandbox->storages, &ctr->points);
	remove_bundle(ctr);
	close_fd(&ctr->pid_ns_fd);
	list_remove(&ctr->node);
	if (ctr->spec)
		protobuf_c_message_free_unpacked(&ctr->spec->base, NULL);
	free(ctr->id);
	free(ctr);
}

static void on_remove_turn(evutil_socket_t fd, short what, void *arg)
{
	struct container *ctr = arg;
	container_done *done = ctr->removed;
	void *done_arg = ctr->removed_arg;

	(void)fd;
	(void)what;
	log_info("container removed", "container", ctr->id);
	container_run_hooks(ctr, "poststop", "stopped");
	container_free(ctr);
	done(done_arg, NULL);
}

static void on_remove_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct container *ctr = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	ctr->removing = false;
	err_set(&err, ERR_TIMEOUT, "container '%s' was killed and has not ended", ctr->id);
	ctr->removed(ctr->removed_arg, &err);
}

static void remove_if_ended(struct container *ctr)
{
	const struct timeval now = { 0 };

	if (ctr->removing && all_ended(ctr)) {
		event_del(&ctr->remove_deadline);
		event_add(&ctr->remove_turn, &now);
	}
}

void container_remove(struct container *ctr, uint32_t timeout_ms, container_done *done, void *arg)
{
	const struct timeval limit = { .tv_sec = timeout_ms / 1000,
				       .tv_usec = (timeout_ms % 1000) * 1000 };

	ctr->removing = true;
	ctr->removed = done;
	ctr->removed_arg = arg;
	event_assign(&ctr->remove_turn, ctr->agent->base, -1, 0, on_remove_turn, ctr);
	event_assign(&ctr->remove_deadline, ctr->agent->base, -1, 0, on_remove_deadline, ctr);
	if (timeout_ms)
		event_add(&ctr->remove_deadline, &limit);
	kill_all(ctr);
	remove_if_ended(ctr);
}

void container_look_for_oom(struct container *ctr)
{
	if (ctr->oom_fd >= 0 && event_pending(&ctr->oom, EV_READ, NULL) && tell_oom(ctr) != 0)
		event_del(&ctr->oom_again);
}

void container_on_change(struct container *ctr)
{
	/* Whoever was killed may have been killed for this; it is told before a removal. */
	container_look_for_oom(ctr);
	remove_if_ended(ctr);
}
