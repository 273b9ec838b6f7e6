/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_cgroup.c - the steps of sandbox_up that give the VM its control group on the host
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "engine/persist/journal.h"
#include "engine/resource/host_limits.h"
#include "engine/resource/scope.h"
#include "engine/sandbox_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"
#include "lib/oci/message.h"

#define CGROUP_REMOVE_MS 2000u
#define HOST_CGROUP_ROOT "/vc" /* Kata's parent of relative cgroup paths */

/* "slice:prefix:name", and somebody who can make scopes of it. */
static bool wants_scope(const char *path)
{
	return scope_is_asked(path) && access("/run/systemd/system", F_OK) == 0;
}

static void on_scope_made(void *arg, const struct err *err)
{
	struct sandbox *sb = arg;
	struct err why = ERR_INIT;

	if (!err) {
		scoped_free char *path = scope_path(sb->spec->linux->cgroupspath, &why);

		sb->cgroup = path ? cgroup_open(path, &why) : NULL;
		if (!sb->cgroup)
			err = &why;
	}
	flow_resume(&sb->up, err);
}

static enum flow_next make_scope(struct sandbox *sb, const char *wanted, struct err *err)
{
	scoped_free char *path = scope_path(wanted, err);

	if (!path)
		return FLOW_FAIL;
	sb->cgroup_seq = journal_add(sb->journal, JOURNAL_CGROUP, path, err);
	if (!sb->cgroup_seq)
		return FLOW_FAIL;
	sb->scope = scope_make(sb->base, wanted, on_scope_made, sb, err);
	return sb->scope ? FLOW_WAIT : FLOW_FAIL;
}

enum flow_next sandbox_make_cgroup(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	const char *wanted = sb->spec->linux ? sb->spec->linux->cgroupspath : "";
	scoped_free char *path = NULL;

	if (wants_scope(wanted))
		return make_scope(sb, wanted, err);
	/* systemd's form without a systemd names no path. */
	path = cgroup_path(scope_is_asked(wanted) ? "" : wanted, HOST_CGROUP_ROOT, sb->id, err);
	if (!path)
		return FLOW_FAIL;
	sb->cgroup_seq = journal_add(sb->journal, JOURNAL_CGROUP, path, err);
	if (!sb->cgroup_seq)
		return FLOW_FAIL;
	sb->cgroup = cgroup_create(path, err);
	return sb->cgroup ? FLOW_NEXT : FLOW_FAIL;
}

/* A helper that was interrupted may have come as far as the scope with us in it. */
static void find_scope(struct sandbox *sb)
{
	struct err ignored = ERR_INIT;
	scoped_free char *path = scope_path(sb->spec->linux->cgroupspath, &ignored);

	if (path)
		sb->cgroup = cgroup_open(path, &ignored);
}

void sandbox_undo_cgroup(void *owner)
{
	struct sandbox *sb = owner;
	bool in_scope = sb->scope != NULL;
	struct err err = ERR_INIT;
	int r;

	scope_call_free(take_ptr(&sb->scope));
	if (in_scope && !sb->cgroup)
		find_scope(sb);
	if (!sb->cgroup)
		return;
	/* While we are in it ourselves, nothing in it may be killed. */
	if (in_scope && cgroup_return_pid(sb->cgroup, getpid(), &err) < 0) {
		sandbox_warn(sb, &err);
		cgroup_free(take_ptr(&sb->cgroup));
		return;
	}
	r = cgroup_remove(sb->cgroup, CGROUP_REMOVE_MS, &err);
	/* A kata-shim whose reader has stopped: there is no guest left for it to read from. */
	if (r < 0 && cgroup_signal(sb->cgroup, SIGKILL, &err) == 0)
		r = cgroup_remove(sb->cgroup, CGROUP_REMOVE_MS, &err);
	if (r < 0)
		sandbox_warn(sb, &err);
	else
		journal_strike(sb->journal, sb->cgroup_seq);
	cgroup_free(take_ptr(&sb->cgroup));
}

int sandbox_limit(struct sandbox *sb, const Grpc__LinuxResources *res, struct err *err)
{
	Grpc__LinuxResources *limits = res ? host_limits_make(res) : NULL;
	int r = limits ? cgroup_apply(sb->cgroup, limits, err) : 0;

	message_drop(&limits);
	return r;
}

enum flow_next sandbox_limit_cgroup(void *owner, struct err *err)
{
	struct sandbox *sb = owner;
	const Grpc__Linux *lx = sb->spec->linux;

	return sandbox_limit(sb, lx ? lx->resources : NULL, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

/* --- what is started in it --- */

int sandbox_open_place(const struct sandbox *sb, struct sandbox_place *ret, struct err *err)
{
	ret->place = VMM_PLACE_INIT;
	if (cgroup_enter_fds(sb->cgroup, ret->fds, &ret->place.n_cgroup_fds, err) < 0)
		return -1;
	ret->place.cgroup_fds = ret->fds;
	ret->place.cgroup_dir_fd = cgroup_dir_fd(sb->cgroup);
	return 0;
}

void sandbox_close_place(struct sandbox_place *place)
{
	for (size_t i = 0; i < place->place.n_cgroup_fds; i++)
		close(place->fds[i]);
}
