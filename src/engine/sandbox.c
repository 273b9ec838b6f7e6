/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.c - the life of one sandbox between up and down
 *
 * States and what may happen in them: sandbox_priv.h. The VM has one way to be lost,
 * sandbox_lose(), whoever noticed: the monitor, virtiofsd, the agent's channel, or an
 * agent that leaves a SIGKILL unanswered.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/agent/agent.h"
#include "engine/config/config.h"
#include "engine/persist/journal.h"
#include "engine/resource/network/network.h"
#include "engine/resource/resolver.h"
#include "engine/sandbox_priv.h"
#include "engine/vmm/accel.h"
#include "engine/vmm/virtiofsd.h"
#include "engine/vmm/vmm.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"
#include "lib/base/proc.h"
#include "lib/oci/spec.h"

#define EXIT_VM_LOST 255 /* Kata's status for a process whose VM went away */

static struct journal *open_journal(const char *id, struct err *err)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, id);
	struct journal *journal = journal_create(dir, err);
	uint64_t start;

	if (!journal)
		return NULL;
	if (proc_start_time(getpid(), &start, err) < 0 ||
	    !journal_add_process(journal, "supervisor", getpid(), start, err)) {
		journal_free(journal);
		return NULL;
	}
	return journal;
}

struct sandbox *sandbox_new(struct event_base *base, const char *id, struct config *config,
			    const struct sandbox_events *events, void *events_arg, struct err *err)
{
	struct journal *journal = open_journal(id, err);
	struct sandbox *sb;

	if (!journal) {
		config_free(config);
		return NULL;
	}
	sb = xnew(struct sandbox);
	sb->base = base;
	sb->id = xstrdup(id);
	sb->config = config;
	sb->events = *events;
	sb->events_arg = events_arg;
	sb->journal = journal;
	sb->vsock_fd = -1;
	list_init(&sb->containers);
	loggers_init(&sb->loggers, base, journal);
	return sb;
}

void sandbox_free(struct sandbox *sb)
{
	if (!sb)
		return;
	list_for_each_safe(&sb->containers, struct container, node, c)
		container_free(c);
	loggers_done(&sb->loggers);
	resolver_free(sb->resolver);
	sandbox_undo_network(sb);
	agent_free(sb->agent);
	vmm_free(sb->vmm);
	accel_choice_free(sb->accel_choice);
	vm_config_done(&sb->vm_config);
	if (sb->spec)
		protobuf_c_message_free_unpacked(&sb->spec->base, NULL);
	close_fd(&sb->vsock_fd);
	journal_free(sb->journal);
	config_free(sb->config);
	free(sb->id);
	free(sb);
}

bool sandbox_is_up(const struct sandbox *sb)
{
	return sb->state == SANDBOX_UP;
}

const char *sandbox_id(const struct sandbox *sb)
{
	return sb->id;
}

const struct config *sandbox_config(const struct sandbox *sb)
{
	return sb->config;
}

const char *sandbox_cgroup(const struct sandbox *sb)
{
	return sb->cgroup ? cgroup_name(sb->cgroup) : "";
}

pid_t sandbox_vmm_pid(const struct sandbox *sb)
{
	return sb->vmm ? vmm_pid(sb->vmm, NULL) : 0;
}

pid_t sandbox_virtiofsd_pid(const struct sandbox *sb)
{
	return sb->virtiofsd ? virtiofsd_pid(sb->virtiofsd, NULL) : 0;
}

char *sandbox_agent_url(const struct sandbox *sb)
{
	return sb->vmm ? vmm_agent_path(sb->vmm) : NULL;
}

struct ttrpc_client *sandbox_agent(const struct sandbox *sb)
{
	return sb->agent ? agent_client(sb->agent) : NULL;
}

struct network *sandbox_network(const struct sandbox *sb)
{
	return sandbox_is_up(sb) ? sb->network : NULL;
}

size_t sandbox_n_containers(const struct sandbox *sb)
{
	size_t n = 0;

	list_for_each(&sb->containers, struct container, node, c)
		n++;
	return n;
}

void sandbox_each(const struct sandbox *sb, void (*fn)(void *arg, struct container *c), void *arg)
{
	list_for_each(&sb->containers, struct container, node, c)
		fn(arg, c);
}

struct container *sandbox_find(const struct sandbox *sb, const char *id, struct err *err)
{
	list_for_each(&sb->containers, struct container, node, c)
		if (strcmp(c->id, id) == 0)
			return c;
	err_set(err, ERR_NOT_FOUND, "find container '%s': no such container in sandbox '%s'", id,
		sb->id);
	return NULL;
}

void sandbox_warn(struct sandbox *sb, const struct err *err)
{
	if (sb->events.warning)
		sb->events.warning(sb->events_arg, err->text);
}

int sandbox_need_up(const struct sandbox *sb, struct err *err)
{
	switch (sb->state) {
	case SANDBOX_UP:
		return 0;
	case SANDBOX_LOST:
		*err = sb->lost;
		err->code = ERR_UNAVAILABLE;
		return -1;
	case SANDBOX_NEW:
	case SANDBOX_BOOTING:
		return err_set(err, ERR_STATE, "sandbox '%s' is not up yet", sb->id);
	case SANDBOX_DOWN:
		break;
	}
	return err_set(err, ERR_STATE, "sandbox '%s' is being taken down", sb->id);
}

/* Every process comes to its end; a flow in progress fails with the reason. */
static void end_containers(struct sandbox *sb, const struct err *why,
			   void (*end)(struct process *p, int status))
{
	list_for_each_safe(&sb->containers, struct container, node, c) {
		if (c->status == CONTAINER_CREATING) {
			flow_abort(&c->up, why);
			continue;
		}
		list_for_each_safe(&c->execs, struct process, node, p)
			end(p, EXIT_VM_LOST);
		end(c->init, EXIT_VM_LOST);
	}
}

void sandbox_lose(struct sandbox *sb, const struct err *why)
{
	switch (sb->state) {
	case SANDBOX_BOOTING:
		flow_abort(&sb->up, why);
		return;
	case SANDBOX_UP:
		break;
	case SANDBOX_NEW:
	case SANDBOX_LOST:
	case SANDBOX_DOWN:
		return;
	}
	sb->state = SANDBOX_LOST;
	sb->lost = *why;
	err_wrap(&sb->lost, "virtual machine of sandbox '%s'", sb->id);
	/* Nothing of the guest may go on running unseen; the monitor's last words stay readable. */
	sandbox_undo_vmm(sb);
	sandbox_undo_virtiofsd(sb);
	end_containers(sb, &sb->lost, process_lose);
	agent_abort(sb->agent, &sb->lost);
	if (sb->events.vm_lost)
		sb->events.vm_lost(sb->events_arg, &sb->lost);
}

static void on_checked(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;

	sb->checking = false;
	if (err)
		sandbox_lose(sb, err);
}

void sandbox_check(struct sandbox *sb)
{
	if (sb->checking || sb->state != SANDBOX_UP || !sb->vmm)
		return;
	sb->checking = true;
	vmm_check(sb->vmm, SANDBOX_CHECK_MS, on_checked, sb);
}

struct later {
	engine_done *done;
	void *arg;
	struct err err;
};

static void run_later(evutil_socket_t fd, short what, void *arg)
{
	struct later later = *(struct later *)arg;

	(void)fd, (void)what;
	free(arg);
	if (later.done)
		later.done(later.arg, later.err.code == ERR_OK ? NULL : &later.err);
}

void sandbox_later(struct sandbox *sb, engine_done *done, void *arg, const struct err *err)
{
	const struct timeval now = { 0 };
	struct later *later = xnew(struct later);

	*later = (struct later){ .done = done, .arg = arg, .err = err ? *err : ERR_INIT };
	event_base_once(sb->base, -1, EV_TIMEOUT, run_later, later, &now);
}

/* --- up --- */

static void on_up(void *owner, const struct err *err)
{
	struct sandbox *sb = owner;

	/* A VM that failed to start can be tried anew by nobody: the front end takes it down. */
	sb->state = err ? SANDBOX_NEW : SANDBOX_UP;
	sb->booted = !err;
	protobuf_c_message_free_unpacked(&sb->spec->base, NULL);
	sb->spec = NULL;
	sb->up_done(sb->up_arg, err);
}

void sandbox_up(struct sandbox *sb, const Grpc__Spec *spec, engine_done *done, void *arg)
{
	sb->state = SANDBOX_BOOTING;
	sb->spec = spec_copy(spec);
	sb->up_done = done;
	sb->up_arg = arg;
	sb->up = (struct flow){ .steps = sandbox_up_steps,
				.n_steps = sandbox_up_n_steps,
				.owner = sb,
				.done = on_up };
	flow_start(&sb->up);
}

void sandbox_timeline(const struct sandbox *sb, timeline_fn *fn, void *arg)
{
	for (size_t i = 0; sb->booted && i < sandbox_up_n_steps; i++)
		fn(arg, "sandbox up", sandbox_up_steps[i].name, sb->up.took_ns[i]);
	for (size_t i = 0; sb->container_timed && i < container_up_n_steps; i++)
		fn(arg, "container up", container_up_steps[i].name, sb->container_took_ns[i]);
}

/* --- down --- */

static void remove_run_dir(struct sandbox *sb)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, sb->id);

	/* With something left the journal stays, for a delete that comes later. */
	if (sb->down_first.code == ERR_OK)
		(void)dir_remove(dir, &sb->down_first);
}

static void remove_all(void *arg)
{
	struct sandbox *sb = arg;

	sandbox_undo_agent(sb);
	sandbox_undo_network(sb);
	sandbox_undo_share(sb);
	sandbox_undo_cgroup(sb);
	remove_run_dir(sb);
	sb->down_done(sb->down_arg, sb->down_first.code == ERR_OK ? NULL : &sb->down_first);
}

static void finish_down(evutil_socket_t fd, short what, void *arg)
{
	struct sandbox *sb = arg;

	(void)fd, (void)what;
	sandbox_undo_vmm(sb);
	sandbox_undo_virtiofsd(sb);
	list_for_each_safe(&sb->containers, struct container, node, c) {
		container_undo_share(c);
		container_free(c);
	}
	/* They are given the time to write what they were given (logger.h). */
	if (!loggers_wait(&sb->loggers, remove_all, sb))
		remove_all(sb);
}

/* One turn of the loop later, so that calls given up in sandbox_down() were told first. */
static void on_vmm_stopped(void *arg, const struct err *err)
{
	const struct timeval now = { 0 };
	struct sandbox *sb = arg;

	if (err)
		err_keep_first(&sb->down_first, err);
	event_base_once(sb->base, -1, EV_TIMEOUT, finish_down, sb, &now);
}

void sandbox_down(struct sandbox *sb, engine_done *done, void *arg)
{
	struct err why = ERR_INIT;

	sb->down_done = done;
	sb->down_arg = arg;
	err_set(&why, ERR_CANCELLED, "sandbox '%s' is taken down", sb->id);
	/* Undoes a boot in progress before the state says that nothing may run. */
	if (sb->state == SANDBOX_BOOTING)
		flow_abort(&sb->up, &why);
	sb->state = SANDBOX_DOWN;
	sb->lost = why;
	end_containers(sb, &why, process_set_exit);
	if (sb->network)
		network_detach(sb->network);
	if (sb->agent)
		agent_abort(sb->agent, &why);
	if (!sb->vmm) {
		on_vmm_stopped(sb, NULL);
		return;
	}
	vmm_stop(sb->vmm, on_vmm_stopped, sb);
	/* While the kernel takes a killed QEMU's memory apart, which is what takes long. */
	sandbox_undo_virtiofsd(sb);
}
