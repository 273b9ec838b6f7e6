/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/persist/journal.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/mount.h"

struct placed {
	struct list node;
	char *name;
	uint64_t seq; /* of its mount in the journal */
};

struct share {
	struct journal *journal;
	char *base, *mounts, *exported;
	uint64_t base_seq, mounts_seq, exported_seq;
	struct list placed;
};

const char *share_exported_dir(const struct share *share)
{
	return share->exported;
}

/* Bind a directory onto itself or another and give the mount its own peer group. */
static int bind_shared(const char *from, const char *to, bool slave, struct err *err)
{
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, errno, "bind '%s' on '%s'", from, to);
	/* Out of the host's peer group first; a slave keeps receiving from `mounts`. */
	if (mount(NULL, to, NULL, slave ? MS_SLAVE : MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, to, NULL, MS_SHARED, NULL) < 0)
		return err_sys(err, errno, "set propagation of '%s'", to);
	return 0;
}

static int make_tree(struct share *share, struct err *err)
{
	share->base_seq = journal_add(share->journal, JOURNAL_DIR, share->base, err);
	if (!share->base_seq || dir_make(share->mounts, 0750, err) < 0 ||
	    dir_make(share->exported, 0750, err) < 0)
		return -1;
	share->mounts_seq = journal_add(share->journal, JOURNAL_MOUNT, share->mounts, err);
	if (!share->mounts_seq || bind_shared(share->mounts, share->mounts, false, err) < 0)
		return -1;
	share->exported_seq = journal_add(share->journal, JOURNAL_MOUNT, share->exported, err);
	if (!share->exported_seq || bind_shared(share->mounts, share->exported, true, err) < 0)
		return -1;
	if (mount(NULL, share->exported, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL) < 0)
		return err_sys(err, errno, "make '%s' read-only", share->exported);
	return 0;
}

struct share *share_new(const char *sandbox_id, struct journal *journal, struct err *err)
{
	struct share *share = xnew(struct share);
	struct err ignored = ERR_INIT;

	share->journal = journal;
	share->base = xasprintf("%s/%s", SHARE_HOST_DIR, sandbox_id);
	share->mounts = xasprintf("%s/mounts", share->base);
	share->exported = xasprintf("%s/shared", share->base);
	list_init(&share->placed);
	if (make_tree(share, err) == 0)
		return share;
	(void)share_remove(share, &ignored);
	return NULL;
}

static void strike_mount(struct share *share, const char *path, uint64_t seq, struct err *first)
{
	struct err err = ERR_INIT;

	if (!seq)
		return;
	if (mount_remove(path, &err) < 0)
		err_keep_first(first, &err);
	else
		journal_strike(share->journal, seq);
}

static void placed_free(struct placed *placed)
{
	list_remove(&placed->node);
	free(placed->name);
	free(placed);
}

int share_remove(struct share *share, struct err *err)
{
	struct err first = ERR_INIT, why = ERR_INIT;

	if (!share)
		return 0;
	list_for_each_safe(&share->placed, struct placed, node, p) {
		scoped_free char *path = xasprintf("%s/%s", share->mounts, p->name);

		strike_mount(share, path, p->seq, &first);
		placed_free(p);
	}
	strike_mount(share, share->exported, share->exported_seq, &first);
	strike_mount(share, share->mounts, share->mounts_seq, &first);
	/* Only with every mount gone: dir_remove() would not cross one, but would empty round it. */
	if (share->base_seq && first.code == ERR_OK) {
		if (dir_remove(share->base, &why) < 0)
			err_keep_first(&first, &why);
		else
			journal_strike(share->journal, share->base_seq);
	}
	free(share->base);
	free(share->mounts);
	free(share->exported);
	free(share);
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return err_wrap(err, "remove shared directory");
}

/* The thing to mount on, of the same type as what will be mounted. */
static int make_target(const char *path, mode_t type, struct err *err)
{
	scoped_free char *parent = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);
	scoped_fd int fd = -1;

	if (type == S_IFDIR)
		return dir_make(path, 0750, err);
	if (dir_make(parent, 0750, err) < 0)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(err, errno, "create '%s'", path) : 0;
}

/* Remove the empty target and the container's directory around it, if that is empty too. */
static void remove_target(const struct share *share, const char *path)
{
	scoped_free char *parent = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	if (unlink(path) < 0)
		(void)rmdir(path);
	if (strcmp(parent, share->mounts) != 0)
		(void)rmdir(parent);
}

static uint64_t prepare_target(struct share *share, const char *path, mode_t type, struct err *err)
{
	uint64_t seq = journal_add(share->journal, JOURNAL_MOUNT, path, err);

	if (seq && make_target(path, type, err) < 0) {
		journal_strike(share->journal, seq);
		return 0;
	}
	return seq;
}

static void drop_target(struct share *share, const char *path, uint64_t seq)
{
	remove_target(share, path);
	journal_strike(share->journal, seq);
}

static void keep_placed(struct share *share, const char *name, uint64_t seq)
{
	struct placed *placed = xnew(struct placed);

	placed->name = xstrdup(name);
	placed->seq = seq;
	list_add(&share->placed, &placed->node);
}

int share_place(struct share *share, const char *host_path, const char *name, bool read_only,
		bool recursive, struct err *err)
{
	scoped_free char *path = xasprintf("%s/%s", share->mounts, name);
	mode_t type = 0;
	const uint64_t attributes = read_only ? MOUNT_ATTR_RDONLY : 0;
	scoped_fd int tree = mount_clone(host_path, attributes, recursive, &type, err);
	uint64_t seq = tree < 0 ? 0 : prepare_target(share, path, type, err);

	if (!seq)
		return -1;
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		err_sys(err, errno, "mount '%s' on '%s'", host_path, path);
		drop_target(share, path, seq);
		return -1;
	}
	keep_placed(share, name, seq);
	return 0;
}

int share_place_overlay(struct share *share, const char *data, const char *name, bool read_only,
			struct err *err)
{
	scoped_free char *path = xasprintf("%s/%s", share->mounts, name);
	uint64_t seq = prepare_target(share, path, S_IFDIR, err);
	const unsigned long flags = MS_NODEV | MS_NOSUID | (read_only ? MS_RDONLY : 0);

	if (!seq)
		return -1;
	if (mount("overlay", path, "overlay", flags, data) < 0) {
		err_sys(err, errno, "mount overlay '%.100s'", data);
		drop_target(share, path, seq);
		return -1;
	}
	keep_placed(share, name, seq);
	return 0;
}

int share_take_away(struct share *share, const char *name, struct err *err)
{
	list_for_each_safe(&share->placed, struct placed, node, p) {
		scoped_free char *path = NULL;

		if (strcmp(p->name, name) != 0)
			continue;
		path = xasprintf("%s/%s", share->mounts, name);
		if (mount_remove(path, err) < 0)
			return -1;
		remove_target(share, path);
		journal_strike(share->journal, p->seq);
		placed_free(p);
		return 0;
	}
	return 0;
}
