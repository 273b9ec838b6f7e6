/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_share.c - the steps of sandbox_up that make the shared directory and serve it to the guest
 */
#include <event2/event.h>
#include <string.h>

#include "engine/config/config.h"
#include "engine/persist/journal.h"
#include "engine/resource/share.h"
#include "engine/sandbox_priv.h"
#include "engine/vmm/accel.h"
#include "engine/vmm/virtiofsd.h"
#include "engine/vmm/vmm.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define VIRTIOFSD_MS 5000u

/* --- shared directory --- */

static bool wants_share(const struct sandbox *sb)
{
	return strcmp(sb->config->hypervisor.shared_fs, "none") != 0;
}

enum flow_next sandbox_make_share(void *owner, struct err *err)
{
	struct sandbox *sb = owner;

	if (!wants_share(sb))
		return FLOW_NEXT;
	sb->share = share_new(sb->id, sb->journal, err);
	return sb->share ? FLOW_NEXT : FLOW_FAIL;
}

void sandbox_undo_share(void *owner)
{
	struct sandbox *sb = owner;
	struct err err = ERR_INIT;

	if (share_remove(take_ptr(&sb->share), &err) < 0)
		sandbox_warn(sb, &err);
}

/* --- virtiofsd --- */

static void tell_virtiofsd_lost(evutil_socket_t fd, short what, void *arg)
{
	struct sandbox *sb = arg;

	(void)fd, (void)what;
	sandbox_lose(sb, &sb->virtiofsd_lost);
}

/*
 * It also goes when QEMU goes, and may be seen to go first. QEMU's own end has the reason
 * then, and gets the time to be told.
 */
static void on_virtiofsd_lost(void *arg, const struct err *why)
{
	static const struct timeval grace = { .tv_usec = 500000 };
	struct sandbox *sb = arg;

	sb->virtiofsd_lost = *why;
	err_wrap(&sb->virtiofsd_lost, "virtiofsd");
	event_add(sb->virtiofsd_lost_event, sb->vmm ? &grace : &(struct timeval){ 0 });
}

static void on_virtiofsd_up(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;
	struct err why = ERR_INIT;
	uint64_t start;
	pid_t pid;

	if (!err) {
		pid = virtiofsd_pid(sb->virtiofsd, &start);
		sb->virtiofsd_seq = journal_add_process(sb->journal, "virtiofsd", pid, start, &why);
		if (!sb->virtiofsd_seq)
			err = &why;
	}
	flow_resume(&sb->up, err);
}

int sandbox_note_vm_dir(struct sandbox *sb, const char *vm_dir, struct err *err)
{
	if (!sb->vm_dir_seq)
		sb->vm_dir_seq = journal_add(sb->journal, JOURNAL_DIR, vm_dir, err);
	return sb->vm_dir_seq ? 0 : -1;
}

/* See virtiofsd.h. A pod's groups are its first container's too. */
static bool needs_override(const Grpc__Spec *spec)
{
	const Grpc__User *user = spec->process ? spec->process->user : NULL;

	return (spec->linux && spec->linux->n_uidmappings > 0) ||
	       (user && user->n_additionalgids > 0);
}

enum flow_next sandbox_start_virtiofsd(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	struct sandbox_place place = { 0 };
	scoped_free char *vm_dir = xasprintf("%s/%s", RUN_VMS, sb->id);

	if (strcmp(sb->config->hypervisor.shared_fs, "virtio-fs") != 0)
		return FLOW_NEXT;
	sb->virtiofsd_lost_event = evtimer_new(sb->base, tell_virtiofsd_lost, sb);
	if (!sb->virtiofsd_lost_event) {
		err_set(err, ERR_EXHAUSTED, "make a timer");
		return FLOW_FAIL;
	}
	/* Its socket is the first thing in the machine's directory. */
	if (sandbox_note_vm_dir(sb, vm_dir, err) < 0 || sandbox_open_place(sb, &place, err) < 0)
		return FLOW_FAIL;
	sb->virtiofsd = virtiofsd_new(sb->base, on_virtiofsd_lost, sb);
	virtiofsd_start(sb->virtiofsd,
			&(struct virtiofsd_start){
				.config = sb->config,
				.share_dir = share_exported_dir(sb->share),
				.vm_dir = vm_dir,
				.cache_dir = ACCEL_CACHE_DIR,
				.place = &place.place,
				.overrides = needs_override(sb->spec),
			},
			VIRTIOFSD_MS, on_virtiofsd_up, sb);
	sandbox_close_place(&place);
	return FLOW_WAIT;
}

void sandbox_undo_virtiofsd(void *owner)
{
	struct sandbox *sb = owner;
	if (sb->virtiofsd_lost_event)
		event_free(take_ptr(&sb->virtiofsd_lost_event));
	if (!sb->virtiofsd)
		return;
	virtiofsd_free(take_ptr(&sb->virtiofsd));
	journal_strike(sb->journal, sb->virtiofsd_seq);
	if (!sb->vmm)
		journal_strike(sb->journal, sb->vm_dir_seq); /* it went with virtiofsd */
}
