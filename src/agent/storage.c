/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/check.h"
#include "agent/modules.h"
#include "agent/place.h"
#include "agent/storage_options.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define SETGID_DIR    (S_ISGID | 0770) /* so that what is made in a volume belongs to its group */
#define HUGEPAGES_FILE "/sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages"

struct storage {
	struct list node;
	char *point;
	size_t n_there; /* bytes of point that were there before: the directories below are ours */
	unsigned int users;
	bool is_mount; /* else a directory that is removed with what is in it */
};

typedef int handler(struct storages *s, const Grpc__Storage *st, const struct storage_options *o,
		    struct place *place, struct err *err);

/* Handlers */

static int load_filesystem(struct storages *s, const char *type, struct err *err)
{
	char alias[64];

	if (!s->modules)
		return 0;
	snprintf(alias, sizeof(alias), "fs-%s", type);
	return modules_load_alias(s->modules, alias, err);
}

static int mount_type(struct storages *s, const Grpc__Storage *st, const char *type,
		      const struct storage_options *o, struct place *place, struct err *err)
{
	if (load_filesystem(s, type, err) < 0)
		return -1;
	if (mount(st->source, place->path, type, o->flags, o->data) < 0)
		return err_sys(err, errno, "mount %s '%s'", type, st->source);
	place->mounted = true;
	return 0;
}

static int handle_share(struct storages *s, const Grpc__Storage *st,
			const struct storage_options *o, struct place *place, struct err *err)
{
	const char *type = *st->fstype ? st->fstype : "virtiofs";

	if (strcmp(type, "virtiofs") != 0)
		return err_set(err, ERR_INVALID, "file system '%s' for driver virtio-fs", type);
	return mount_type(s, st, type, o, place, err);
}

static int handle_9p(struct storages *s, const Grpc__Storage *st, const struct storage_options *o,
		     struct place *place, struct err *err)
{
	return mount_type(s, st, "9p", o, place, err);
}

/* The number behind "name=" among options joined by ","; 0 when there is none. */
static unsigned long long number_of(const char *data, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = data; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0)
			return strtoull(at + len, NULL, 10);
	}
	return 0;
}

/* So many more pages as the volume may have; bytes are in the options as Kata writes them. */
static int reserve_hugepages(const struct storage_options *o, struct err *err)
{
	unsigned long long page = number_of(o->data, "pagesize=");
	unsigned long long total = number_of(o->data, "size=");
	scoped_free char *path = NULL, *text = NULL, *now = NULL;

	if (page < 1024 || total < page)
		return err_set(err, ERR_INVALID, "huge pages need 'pagesize=' and 'size=' in bytes");
	path = xasprintf(HUGEPAGES_FILE, page >> 10);
	if (file_read(path, 64, &now, NULL, err) < 0)
		return -1;
	text = xasprintf("%llu", strtoull(now, NULL, 10) + total / page);
	return file_poke(path, text, err);
}

static int give_to_group(const struct storage_options *o, int fd, struct err *err)
{
	struct place place;

	if (!o->has_fsgid)
		return 0;
	place_at(&place, fd);
	if (chown(place.path, (uid_t)-1, o->fsgid) < 0 || chmod(place.path, SETGID_DIR) < 0)
		return err_sys(err, errno, "give volume to group %u", (unsigned int)o->fsgid);
	return 0;
}

static int handle_ephemeral(struct storages *s, const Grpc__Storage *st,
			    const struct storage_options *o, struct place *place, struct err *err)
{
	const char *type = *st->fstype ? st->fstype : "tmpfs";
	scoped_fd int root = -1;

	if (strcmp(type, "hugetlbfs") == 0) {
		if (reserve_hugepages(o, err) < 0)
			return -1;
	} else if (strcmp(type, "tmpfs") != 0) {
		return err_set(err, ERR_INVALID, "file system '%s' for driver ephemeral", type);
	}
	if (mount_type(s, st, type, o, place, err) < 0)
		return -1;
	if (!o->has_fsgid)
		return 0;
	/* The place is below the mount by now. */
	root = place_open(st->mount_point, false, err);
	return root < 0 ? -1 : give_to_group(o, root, err);
}

static int handle_local(struct storages *s, const Grpc__Storage *st,
			const struct storage_options *o, struct place *place, struct err *err)
{
	(void)s;
	if (o->has_mode && chmod(place->path, o->mode) < 0)
		return err_sys(err, errno, "set mode of '%s'", st->mount_point);
	return give_to_group(o, place->fd, err);
}

static int handle_bind(struct storages *s, const Grpc__Storage *st, const struct storage_options *o,
		       struct place *place, struct err *err)
{
	const unsigned long attributes = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |
					 MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;
	scoped_fd int root = -1;
	struct place top;

	(void)s;
	if (check_path("source of a bind", st->source, err) < 0)
		return -1;
	if (mount(st->source, place->path, NULL, MS_BIND | (o->flags & MS_REC), NULL) < 0)
		return err_sys(err, errno, "bind '%s'", st->source);
	place->mounted = true;
	if (!(o->flags & attributes))
		return 0;
	root = place_open(st->mount_point, false, err);
	if (root < 0)
		return -1;
	place_at(&top, root);
	if (mount(NULL, top.path, NULL, MS_BIND | MS_REMOUNT | (o->flags & attributes), NULL) < 0)
		return err_sys(err, errno, "set attributes of the bind of '%s'", st->source);
	return 0;
}

/* upperdir and workdir are made when they are below our root; lowerdir must be there. */
static int make_layers(const Grpc__Storage *st, struct err *err)
{
	for (size_t i = 0; i < st->n_options; i++) {
		const char *path = strchr(st->options[i], '=');
		int fd;

		if (!path || (!str_starts(st->options[i], "upperdir=") &&
			      !str_starts(st->options[i], "workdir=")))
			continue;
		fd = place_make_dir(path + 1, 0755, err);
		if (fd < 0)
			return err_wrap(err, "make layer");
		close(fd);
	}
	return 0;
}

static int handle_overlay(struct storages *s, const Grpc__Storage *st,
			  const struct storage_options *o, struct place *place, struct err *err)
{
	if (make_layers(st, err) < 0)
		return -1;
	return mount_type(s, st, "overlay", o, place, err);
}

static const struct {
	const char *driver;
	handler *handle;
	bool is_mount;
} handlers[] = {
	{ "9p", handle_9p, true },
	{ "bind", handle_bind, true },
	{ "ephemeral", handle_ephemeral, true },
	{ "local", handle_local, false },
	{ "overlayfs", handle_overlay, true },
	{ "virtio-fs", handle_share, true },
};

const char *const *storage_drivers(size_t *ret_n)
{
	static const char *names[ARRAY_LEN(handlers)];

	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		names[i] = handlers[i].driver;
	*ret_n = ARRAY_LEN(handlers);
	return names;
}

/* The table of what is in place */

void storages_init(struct storages *s, struct modules *modules)
{
	*s = (struct storages){ .modules = modules };
	list_init(&s->all);
}

static struct storage *find_storage(struct storages *s, const char *point)
{
	list_for_each(&s->all, struct storage, node, st)
		if (strcmp(st->point, point) == 0)
			return st;
	return NULL;
}

static void remove_storage(struct storages *s, struct storage *st)
{
	struct err err = ERR_INIT;
	int r = st->is_mount ? place_unmount(st->point, &err) : place_remove_tree(st->point, &err);

	if (r < 0)
		log_warn("storage not removed, going on", "point", st->point, "reason", err.text);
	else
		place_remove_made(st->point, st->n_there);
	list_remove(&st->node);
	s->n--;
	free(st->point);
	free(st);
}

static int open_place(const Grpc__Storage *st, struct place *ret, struct err *err)
{
	struct stat source;
	bool is_file = strcmp(st->driver, "bind") == 0 && stat(st->source, &source) == 0 &&
		       !S_ISDIR(source.st_mode);
	int fd = is_file ? place_make_file(st->mount_point, err)
			 : place_make_dir(st->mount_point, 0755, err);

	if (fd < 0)
		return -1;
	place_at(ret, fd);
	return 0;
}

static int set_propagation(const Grpc__Storage *st, unsigned long propagation, struct err *err)
{
	scoped_fd int fd = -1;
	struct place place;

	if (!propagation)
		return 0;
	fd = place_open(st->mount_point, false, err);
	if (fd < 0)
		return -1;
	place_at(&place, fd);
	if (mount(NULL, place.path, NULL, propagation, NULL) < 0)
		return err_sys(err, errno, "set propagation of '%s'", st->mount_point);
	return 0;
}

static int check_storage(const Grpc__Storage *st, struct err *err)
{
	if (check_path_below("mount point", st->mount_point, STORAGE_ROOT, err) < 0)
		return -1;
	if (st->shared)
		return err_set(err, ERR_UNIMPLEMENTED, "shared storage '%s' is not built",
			       st->mount_point);
	return 0;
}

/* A group of the whole volume, as Kata's fs_group; done when it is mounted. */
static void take_fs_group(const Grpc__Storage *st, struct storage_options *o)
{
	if (!st->fs_group)
		return;
	o->has_fsgid = true;
	o->fsgid = st->fs_group->group_id;
}

static int put_in_place(struct storages *s, const Grpc__Storage *st, size_t i, size_t n_there,
			struct err *err)
{
	struct storage_options o;
	struct place place = { .fd = -1 };
	int r;

	if (storage_options_parse(st->options, st->n_options, &o, err) < 0)
		return -1;
	take_fs_group(st, &o);
	if (open_place(st, &place, err) < 0)
		return -1;
	r = handlers[i].handle(s, st, &o, &place, err);
	close_fd(&place.fd);
	if (r == 0 && place.mounted)
		r = set_propagation(st, o.propagation, err);
	if (r < 0) {
		struct err ignored = ERR_INIT; /* the first error counts */

		if (place.mounted)
			(void)place_unmount(st->mount_point, &ignored);
		place_remove_made(st->mount_point, n_there);
	}
	return r;
}

static int add_new(struct storages *s, const Grpc__Storage *st, struct err *err)
{
	size_t n_there = place_count_there(st->mount_point);
	struct storage *new;

	if (s->n == STORAGES_MAX)
		return err_set(err, ERR_EXHAUSTED, "more than %d storages", STORAGES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
		if (strcmp(st->driver, handlers[i].driver) != 0)
			continue;
		if (put_in_place(s, st, i, n_there, err) < 0)
			return -1;
		new = xnew(struct storage);
		*new = (struct storage){ .point = xstrdup(st->mount_point),
					 .users = str_starts(st->mount_point, STORAGE_OF_SANDBOX) ? 2 : 1,
					 .n_there = n_there,
					 .is_mount = handlers[i].is_mount };
		list_add(&s->all, &new->node);
		s->n++;
		return 0;
	}
	return err_set(err, ERR_UNIMPLEMENTED, "storage driver '%s' is not built", st->driver);
}

static int add_one(struct storages *s, const Grpc__Storage *st, struct err *err)
{
	struct storage *known;

	if (check_storage(st, err) < 0)
		return -1;
	known = find_storage(s, st->mount_point);
	if (known) {
		known->users++;
		return 0;
	}
	if (add_new(s, st, err) < 0)
		return err_wrap(err, "storage '%s'", st->mount_point);
	return 0;
}

int storages_add(struct storages *s, Grpc__Storage *const *list, size_t n, char ***points,
		 struct err *err)
{
	char **added = NULL;

	for (size_t i = 0; i < n; i++) {
		if (add_one(s, list[i], err) < 0) {
			storages_drop(s, &added);
			return -1;
		}
		strv_add(&added, list[i]->mount_point);
	}
	for (char **p = added; p && *p; p++)
		strv_add(points, *p);
	strv_free(added);
	return 0;
}

void storages_drop(struct storages *s, char ***points)
{
	for (size_t i = strv_len(*points); i-- > 0;) {
		struct storage *st = find_storage(s, (*points)[i]);

		if (st && --st->users == 0)
			remove_storage(s, st);
	}
	strv_free(*points);
	*points = NULL;
}

void storages_done(struct storages *s)
{
	while (!list_empty(&s->all))
		remove_storage(s, container_of(s->all.prev, struct storage, node));
}
