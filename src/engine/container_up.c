/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container_up.c - from a spec to an init that waits in the guest
 *
 * The table at the end is the whole story; the functions above are its rows, in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/agent/agent.h"
#include "engine/config/config.h"
#include "engine/guest_spec.h"
#include "engine/pids.h"
#include "engine/resource/rootfs.h"
#include "engine/resource/share.h"
#include "engine/sandbox_priv.h"
#include "engine/stdio/process_io.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"

/* Its place is in another mount, not in the root. */
static bool is_in_other_mount(const Grpc__Spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const char *other = spec->mounts[i]->destination;
		size_t n = strlen(other);

		if (n > 1 && strncmp(path, other, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

/* Are the places of all mounts there, or does the guest have to make some? */
static bool has_all_places(const char *rootfs, const Grpc__Spec *spec)
{
	scoped_fd int root_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; root_fd >= 0 && i < spec->n_mounts; i++) {
		const char *path = spec->mounts[i]->destination;
		struct err ignored = ERR_INIT;
		scoped_fd int fd = -1;

		if (is_in_other_mount(spec, path))
			continue;
		fd = open_in_root(root_fd, path, O_PATH | O_CLOEXEC, 0, &ignored);
		if (fd < 0)
			return false;
	}
	return true;
}

static void on_streams_open(void *arg, const struct err *err)
{
	struct container *c = arg;

	flow_resume(&c->up, err);
}

/* What is slow to open is a logger; the paths were opened when the request came. */
static enum flow_next open_streams(void *owner, struct err *err)
{
	struct container *c = owner;

	(void)err;
	if (!c->init->io || !process_io_is_opening(c->init->io))
		return FLOW_NEXT;
	process_io_on_opened(c->init->io, on_streams_open, c);
	return FLOW_WAIT;
}

static enum flow_next mount_rootfs(void *owner, struct err *err)
{
	struct container *c = owner;

	return rootfs_mount(c->mounts, c->sandbox->journal, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

static enum flow_next share_rootfs(void *owner, struct err *err)
{
	struct container *c = owner;
	scoped_free char *name = xasprintf("%s/rootfs", c->id);

	if (!c->sandbox->share) {
		err_set(err, ERR_UNIMPLEMENTED, "shared_fs 'none' has no way to show a root file system");
		return FLOW_FAIL;
	}
	/* The guest makes it read only in any case. */
	if (share_place(c->sandbox->share, c->rootfs, name,
			c->spec->root && c->spec->root->readonly &&
				has_all_places(c->rootfs, c->spec),
			true, err) < 0)
		return FLOW_FAIL;
	c->rootfs_placed = true;
	return FLOW_NEXT;
}

static void warn_unless_ok(struct sandbox *sb, const struct err *err)
{
	if (err->code != ERR_OK)
		sandbox_warn(sb, err);
}

static void unmount_rootfs(void *owner)
{
	struct container *c = owner;
	struct err err = ERR_INIT;

	(void)rootfs_unmount(c->mounts, c->sandbox->journal, &err);
	warn_unless_ok(c->sandbox, &err);
}

static void unshare_rootfs(void *owner)
{
	struct container *c = owner;
	scoped_free char *name = xasprintf("%s/rootfs", c->id);
	struct err err = ERR_INIT;

	if (!c->rootfs_placed)
		return;
	c->rootfs_placed = false;
	(void)share_take_away(c->sandbox->share, name, &err);
	warn_unless_ok(c->sandbox, &err);
}

static enum flow_next plan_mounts(void *owner, struct err *err)
{
	struct container *c = owner;
	unsigned char random[6];
	char token[13];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		err_sys(err, errno, "get random bytes");
		return FLOW_FAIL;
	}
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(token + 2 * i, 3, "%02x", random[i]);
	if (volumes_plan(c->spec, c->id, token, volume_facts_of_host, NULL, &c->volumes, err) < 0)
		return FLOW_FAIL;
	return FLOW_NEXT;
}

static enum flow_next share_mounts(void *owner, struct err *err)
{
	struct container *c = owner;

	return volumes_place(&c->volumes, c->sandbox->share, err) < 0 ? FLOW_FAIL : FLOW_NEXT;
}

static void unshare_mounts(void *owner)
{
	struct container *c = owner;
	struct err err = ERR_INIT;

	(void)volumes_take_away(&c->volumes, c->sandbox->share, &err);
	warn_unless_ok(c->sandbox, &err);
}

static enum flow_next write_guest_spec(void *owner, struct err *err)
{
	struct container *c = owner;
	const struct container *target;
	struct guest_spec guest;

	if (pids_choose(c, &target, err) < 0 ||
	    guest_spec_make(c->spec, c->id, c->sandbox->config, &c->volumes, &guest, err) < 0)
		return FLOW_FAIL;
	c->guest_spec = guest.spec;
	c->sandbox_pidns = guest.sandbox_pidns && !target;
	if (target)
		pids_set_target(c->guest_spec, target->id);
	return FLOW_NEXT;
}

static void on_guest_answered(void *arg, const struct err *err)
{
	struct container *c = arg;

	/* Its own roll-back left nothing in the guest. */
	if (err)
		c->asked_guest = false;
	flow_resume(&c->up, err);
}

static enum flow_next create_in_guest(void *owner, struct err *err)
{
	struct container *c = owner;
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;

	(void)err;
	req.container_id = c->id;
	req.exec_id = c->id;
	req.oci = c->guest_spec;
	req.sandbox_pidns = c->sandbox_pidns;
	volumes_add_storages(&c->volumes, &req.storages, &req.n_storages);
	c->asked_guest = true;
	agent_create_container(c->sandbox->agent, &req,
			       c->sandbox->config->runtime.create_container_timeout * 1000,
			       on_guest_answered, c);
	message_drop(&c->guest_spec); /* packed already */
	for (size_t i = 0; i < req.n_storages; i++)
		message_drop(&req.storages[i]);
	free(req.storages);
	return FLOW_WAIT;
}

static void remove_from_guest(void *owner)
{
	struct container *c = owner;

	if (!c->asked_guest || !sandbox_is_up(c->sandbox))
		return;
	agent_forget(c->sandbox->agent, c);
	agent_remove_container(c->sandbox->agent, c->id, NULL, NULL);
}

void container_undo_share(struct container *c)
{
	if (c->sandbox->share) {
		unshare_mounts(c);
		unshare_rootfs(c);
	}
	unmount_rootfs(c);
}

const struct flow_step container_up_steps[] = {
	{ "open streams", open_streams, NULL },
	{ "mount root file system", mount_rootfs, unmount_rootfs },
	{ "share root file system", share_rootfs, unshare_rootfs },
	{ "plan mounts", plan_mounts, NULL },
	{ "share mounts", share_mounts, unshare_mounts },
	{ "write guest's spec", write_guest_spec, NULL },
	{ "create container in guest", create_in_guest, remove_from_guest },
};
const size_t container_up_n_steps = ARRAY_LEN(container_up_steps);
