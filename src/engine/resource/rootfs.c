/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "engine/persist/journal.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/mount.h"
#include "lib/base/mount_options.h"
#include "lib/base/str.h"

#define DATA_MAX 4095 /* mount(2): a page, with its NUL */

struct layer {
	char *type, *source;
	struct mount_options options;
	uint64_t seq; /* in the journal while it is mounted; 0: it is not */
};

struct rootfs {
	char *target;
	size_t n;
	struct layer layers[ROOTFS_MOUNTS_MAX];
};

static int take_layer(struct rootfs *rootfs, const struct rootfs_mount *m, struct err *err)
{
	struct layer *layer = &rootfs->layers[rootfs->n];

	if (mount_options_parse(m->options, m->n_options, &layer->options, err) < 0)
		return -1;
	layer->type = xstrdup(m->type);
	layer->source = xstrdup(m->source);
	rootfs->n++;
	return 0;
}

struct rootfs *rootfs_new(const char *target, const struct rootfs_mount *mounts, size_t n,
			  struct err *err)
{
	struct rootfs *rootfs = xnew(struct rootfs);

	rootfs->target = xstrdup(target);
	if (n > ROOTFS_MOUNTS_MAX)
		err_set(err, ERR_INVALID, "%zu mounts, at most %d are taken", n, ROOTFS_MOUNTS_MAX);
	for (size_t i = 0; i < n && n <= ROOTFS_MOUNTS_MAX; i++)
		if (take_layer(rootfs, &mounts[i], err) < 0)
			break;
	if (rootfs->n == n)
		return rootfs;
	(void)err_wrap(err, "read mounts of the root file system");
	rootfs_free(rootfs);
	return NULL;
}

void rootfs_free(struct rootfs *rootfs)
{
	if (!rootfs)
		return;
	for (size_t i = 0; i < rootfs->n; i++) {
		mount_options_done(&rootfs->layers[i].options);
		free(rootfs->layers[i].type);
		free(rootfs->layers[i].source);
	}
	free(rootfs->target);
	free(rootfs);
}

/* --- overlay: its options are paths, and all of them together must fit one page --- */

/* "upperdir=/a/b" or "lowerdir=/a:/b": where the paths begin, or NULL. */
static const char *paths_of(const char *param)
{
	static const char *const keys[] = { "lowerdir=", "upperdir=", "workdir=" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_starts(param, keys[i]))
			return param + strlen(keys[i]);
	return NULL;
}

/* Of two paths, up to the last "/" before they part. */
static size_t common_length(const char *a, const char *b, size_t len_b)
{
	size_t last = 0;

	for (size_t i = 0; i < len_b && a[i] == b[i]; i++)
		if (a[i] == '/')
			last = i;
	return last;
}

char *rootfs_common_dir(char *const *params)
{
	const char *first = NULL;
	size_t len = 0;

	for (size_t i = 0; params && params[i]; i++) {
		for (const char *at = paths_of(params[i]); at && *at; at += *at == ':') {
			size_t n = strcspn(at, ":");

			if (*at != '/')
				return xstrdup("");
			len = first ? MIN(len, common_length(first, at, n))
				    : common_length(at, at, n);
			first = first ? first : at;
			at += n;
		}
	}
	return xstrndup(first ? first : "", len);
}

static void add_relative(struct str *out, const char *param, const char *paths, const char *common)
{
	const char *at = paths;

	str_add_n(out, param, (size_t)(paths - param));
	while (*at) {
		size_t n = strcspn(at, ":"), skip = strlen(common) + 1;

		if (at != paths)
			str_add(out, ":");
		str_add_n(out, at + skip, n - skip);
		at += n + (at[n] == ':');
	}
}

char *rootfs_overlay_data(char *const *params, const char *common)
{
	struct str out = { .max = 1 << 20 };

	for (size_t i = 0; params && params[i]; i++) {
		const char *paths = common[0] ? paths_of(params[i]) : NULL;

		if (i)
			str_add(&out, ",");
		if (paths)
			add_relative(&out, params[i], paths, common);
		else
			str_add(&out, params[i]);
	}
	return str_take(&out);
}

/* With the working directory where the layers are, for as long as the call takes. */
static int mount_from(const char *dir, const struct layer *layer, const char *target,
		      unsigned long flags, const char *data, struct err *err)
{
	scoped_fd int old = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r, error;

	if (old < 0 || chdir(dir) < 0)
		return err_sys(err, errno, "enter '%s'", dir);
	r = mount(layer->source, target, layer->type, flags, data);
	error = errno;
	if (fchdir(old) < 0)
		(void)!chdir("/"); /* it was removed: nothing of ours is relative */
	return r < 0 ? err_sys(err, error, "mount %s on '%s'", layer->type, target) : 0;
}

static int mount_new(const struct layer *layer, const char *target, struct err *err)
{
	scoped_free char *common = strcmp(layer->type, "overlay") == 0
					   ? rootfs_common_dir(layer->options.params)
					   : xstrdup("");
	scoped_free char *data = rootfs_overlay_data(layer->options.params, common);
	/* MOUNT_ATTR_* that a mount may begin with have the values of their MS_* twins. */
	const unsigned long flags = layer->options.set &
				    (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |
				     MS_NODIRATIME);

	if (strlen(data) > DATA_MAX)
		return err_set(err, ERR_EXHAUSTED,
			       "mount %s on '%s': its options take %zu bytes, more than a page",
			       layer->type, target, strlen(data));
	if (common[0])
		return mount_from(common, layer, target, flags, data, err);
	if (mount(layer->source, target, layer->type, flags, data) < 0)
		return err_sys(err, errno, "mount %s '%s' on '%s'", layer->type, layer->source,
			       target);
	return 0;
}

static int mount_bind(const struct layer *layer, const char *target, struct err *err)
{
	scoped_fd int tree = mount_clone(layer->source, layer->options.set,
					 layer->options.is_recursive, NULL, err);
	scoped_fd int at = -1;

	if (tree < 0)
		return -1;
	at = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_sys(err, errno, "open '%s'", target);
	return mount_attach(tree, at, err);
}

static int mount_layer(const struct layer *layer, const char *target, struct err *err)
{
	const struct mount_options *o = &layer->options;

	if (o->n_propagation || o->is_remount || o->copies_up || o->is_idmapped)
		return err_set(err, ERR_UNIMPLEMENTED,
			       "mount %s '%s' on '%s': propagation, remount, tmpcopyup or idmap",
			       layer->type, layer->source, target);
	if (strcmp(layer->type, "bind") == 0 || o->is_bind)
		return mount_bind(layer, target, err);
	return mount_new(layer, target, err);
}

int rootfs_mount(struct rootfs *rootfs, struct journal *journal, struct err *err)
{
	if (rootfs->n > 0 && dir_make(rootfs->target, 0755, err) < 0)
		return -1;
	for (size_t i = 0; i < rootfs->n; i++) {
		struct layer *layer = &rootfs->layers[i];

		layer->seq = journal_add(journal, JOURNAL_MOUNT, rootfs->target, err);
		if (!layer->seq)
			return -1;
		if (mount_layer(layer, rootfs->target, err) < 0) {
			journal_strike(journal, layer->seq);
			layer->seq = 0;
			return -1;
		}
	}
	return 0;
}

int rootfs_unmount(struct rootfs *rootfs, struct journal *journal, struct err *err)
{
	for (size_t i = rootfs ? rootfs->n : 0; i-- > 0;) {
		struct layer *layer = &rootfs->layers[i];

		if (!layer->seq)
			continue;
		if (mount_remove(rootfs->target, err) < 0)
			return -1;
		journal_strike(journal, layer->seq);
		layer->seq = 0;
	}
	return 0;
}
