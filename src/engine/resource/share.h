/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * share.h - the directory of the host that a guest sees
 *
 *	/run/kata-containers/shared/sandboxes/<sid>/mounts   where the host places things
 *	/run/kata-containers/shared/sandboxes/<sid>/shared   the same, read-only at its top:
 *	                                                     what virtiofsd or 9p exports
 *
 * `mounts` is a shared mount and `shared` receives from it, so that what is placed later
 * appears there too, and in the mount namespace of a virtiofsd that runs already.
 *
 * The guest can write only inside what was placed read-write, never in a directory
 * whose path the host uses again (CVE-2020-2026). Read-only is a property of the mount
 * made here, not of the guest's mount options (CVE-2020-28914): a placed tree is cloned,
 * made read-only while detached, and only then attached.
 *
 * Source: Kata Containers, docs of the shared directory layout (reference paths)
 * Owns:   the mounts and directories, through the journal
 */
#include <stdbool.h>

#include "lib/base/err.h"

struct journal;
struct share;

#define SHARE_HOST_DIR  "/run/kata-containers/shared/sandboxes"
#define SHARE_GUEST_DIR "/run/kata-containers/shared/containers"
#define SHARE_TAG       "kataShared"

/* On failure nothing is left. journal is borrowed for the life of the share. */
struct share *share_new(const char *sandbox_id, struct journal *journal, struct err *err);

/* Unmounts and removes everything. NULL is fine. Reports the first failure, goes on after it. */
int share_remove(struct share *share, struct err *err);

/* What is exported; borrowed. */
const char *share_exported_dir(const struct share *share);

/*
 * Show host_path (a directory or a regular file; checked on an fd) as name below the
 * share, with what is mounted below it when recursive. name holds plain components:
 * "<cid>/rootfs" or "<cid>-<hex>-resolv.conf".
 */
int share_place(struct share *share, const char *host_path, const char *name, bool read_only,
		bool recursive, struct err *err);

/*
 * The same for an overlay file system that is made here, of directories of the host: data is what
 * mount(8) calls its options ("lowerdir=...").
 */
int share_place_overlay(struct share *share, const char *data, const char *name, bool read_only,
			struct err *err);

/* Take one placed thing away, and the directory that holds it when empty. */
int share_take_away(struct share *share, const char *name, struct err *err);
