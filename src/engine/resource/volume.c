/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/volume.h"

#include <inttypes.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "engine/resource/share.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/oci/spec.h"

/* Where the agent keeps the sandbox's /dev/shm. Source: Kata agent, sandbox storage "shm". */
#define GUEST_SHM "/run/kata-containers/sandbox/shm"

/* Where what lives as long as the pod is, and how a kubelet names it on the host. */
#define GUEST_EPHEMERAL "/run/kata-containers/sandbox/ephemeral"
#define EMPTY_DIR       "/kubernetes.io~empty-dir/"

static bool has_option(const Grpc__Mount *m, const char *option)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (strcmp(m->options[i], option) == 0)
			return true;
	return false;
}

static bool is_bind(const Grpc__Mount *m)
{
	return strcmp(m->type, "bind") == 0 || has_option(m, "bind") || has_option(m, "rbind");
}

bool volume_is_overlay_option(const char *option)
{
	static const char *const starts[] = { "lowerdir=", "upperdir=",     "workdir=", "index=",
					      "xino=",     "redirect_dir=", "metacopy=" };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (strncmp(option, starts[i], strlen(starts[i])) == 0)
			return true;
	return strcmp(option, "userxattr") == 0 || strcmp(option, "volatile") == 0;
}

static char *overlay_options(const Grpc__Mount *m)
{
	struct str text = { 0 };

	for (size_t i = 0; i < m->n_options; i++)
		if (volume_is_overlay_option(m->options[i]))
			str_addf(&text, "%s%s", str_get(&text)[0] ? "," : "", m->options[i]);
	return str_take(&text);
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* "<cid>-<16 hex>-<basename>"; the index keeps two mounts of the same name apart. */
static char *share_name(const char *id, const char *token, size_t index, const char *host_path)
{
	scoped_free char *copy = xstrdup(host_path);
	const char *base = basename(copy);

	if (strcmp(base, "/") == 0)
		base = "root";
	return xasprintf("%s-%.12s%04zx-%.64s", id, token, index, base);
}

enum decision { FROM_GUEST, FROM_SHM, FROM_MEMORY, FROM_HOST, FROM_LAYERS };

/* ".../volumes/kubernetes.io~empty-dir/NAME", a tmpfs; not a directory below it. */
static bool is_memory_of_pod(const Grpc__Mount *m, const struct volume_facts *facts)
{
	const char *name = strstr(m->source, EMPTY_DIR);

	return facts->tmpfs_size > 0 && name && name[strlen(EMPTY_DIR)] &&
	       !strchr(name + strlen(EMPTY_DIR), '/');
}

static int decide(const Grpc__Mount *m, const struct volume_facts *facts, enum decision *ret,
		  struct err *err)
{
	const mode_t type = facts->mode & S_IFMT;

	if (!is_bind(m)) {
		*ret = strcmp(m->type, "overlay") == 0 ? FROM_LAYERS : FROM_GUEST;
	} else if (strcmp(m->destination, "/dev/shm") == 0) {
		*ret = FROM_SHM;
	} else if (is_below(m->source, "/proc") || is_below(m->source, "/sys")) {
		*ret = FROM_GUEST; /* the guest's own: the host's would tell of the host */
	} else if (type == 0) {
		return err_set(err, ERR_INVALID, "mount '%s' on '%s': no such file or directory",
			       m->source, m->destination);
	} else if (S_ISDIR(type) && is_memory_of_pod(m, facts)) {
		*ret = FROM_MEMORY;
	} else if (S_ISREG(type) || S_ISDIR(type)) {
		*ret = FROM_HOST;
	} else if (is_below(m->source, "/dev")) {
		*ret = FROM_GUEST;
	} else {
		const char *what = S_ISSOCK(type) ? "a socket" : S_ISFIFO(type) ? "a FIFO" : "a device";

		return err_set(err, ERR_INVALID,
			       "mount '%s' on '%s': %s of the host does not work in a virtual machine",
			       m->source, m->destination, what);
	}
	return 0;
}

struct volume_facts volume_facts_of_host(void *arg, const char *path)
{
	struct volume_facts facts = { 0 };
	struct statfs fs;
	struct stat st;

	(void)arg;
	if (stat(path, &st) < 0)
		return facts;
	facts.mode = st.st_mode;
	facts.gid = st.st_gid;
	if (S_ISDIR(st.st_mode) && statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
		facts.tmpfs_size = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
	return facts;
}

/* FNV-1a, 64 bits: one volume is one place in the guest, whichever container asks. */
static uint64_t hash_of(const char *path)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 0x100000001b3;
	return hash;
}

static void plan_memory(struct volume *v, const Grpc__Mount *m, const struct volume_facts *facts)
{
	v->guest_path = xasprintf(GUEST_EPHEMERAL "/%016" PRIx64 "-%.64s", hash_of(m->source),
				  strrchr(m->source, '/') + 1);
	strv_addf(&v->tmpfs, "size=%" PRIu64, facts->tmpfs_size);
	strv_addf(&v->tmpfs, "mode=%o", (unsigned int)facts->mode & 07777);
	strv_addf(&v->tmpfs, "gid=%u", (unsigned int)facts->gid);
}

/* Of the host: its place in the share. */
static void plan_place(struct volume *v, const Grpc__Mount *m, const char *id, const char *token)
{
	v->host_path = xstrdup(m->source);
	v->name = share_name(id, token, v->mount, m->source);
	v->guest_path = xasprintf("%s/%s", SHARE_GUEST_DIR, v->name);
	v->read_only = has_option(m, "ro") || has_option(m, "rro");
	v->recursive = has_option(m, "rbind");
}

static void plan_one(struct volume *v, const Grpc__Mount *m, const struct volume_facts *facts,
		     enum decision what)
{
	if (what == FROM_SHM)
		v->guest_path = xstrdup(GUEST_SHM);
	else if (what == FROM_MEMORY)
		plan_memory(v, m, facts);
	else if (what == FROM_LAYERS)
		v->overlay = overlay_options(m);
}

int volumes_plan(const Grpc__Spec *spec, const char *container_id, const char *token,
		 volume_facts_fn *facts_of, void *arg, struct volumes *ret, struct err *err)
{
	struct volumes plan = { 0 };

	if (spec->n_mounts > VOLUMES_MAX)
		return err_set(err, ERR_EXHAUSTED, "plan mounts: %zu of them, at most %d allowed",
			       spec->n_mounts, VOLUMES_MAX);
	plan.list = xcalloc(spec->n_mounts, sizeof(*plan.list));
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const Grpc__Mount *m = spec->mounts[i];
		struct volume *v = &plan.list[plan.n];
		struct volume_facts facts = { 0 };
		enum decision what = FROM_GUEST;

		if (is_bind(m))
			facts = facts_of(arg, m->source);
		if (decide(m, &facts, &what, err) < 0) {
			volumes_done(&plan);
			return -1;
		}
		if (what == FROM_GUEST)
			continue;
		*v = (struct volume){ .mount = i };
		plan.n++;
		plan_one(v, m, &facts, what);
		if (!v->guest_path)
			plan_place(v, m, container_id, token);
	}
	*ret = plan;
	return 0;
}

int volumes_place(struct volumes *volumes, struct share *share, struct err *err)
{
	for (size_t i = 0; i < volumes->n; i++) {
		struct volume *v = &volumes->list[i];

		if (!v->host_path)
			continue;
		if (v->overlay ? share_place_overlay(share, v->overlay, v->name, v->read_only, err) < 0
			       : share_place(share, v->host_path, v->name, v->read_only, v->recursive,
					     err) < 0)
			return -1;
		v->placed = true;
	}
	return 0;
}

int volumes_take_away(struct volumes *volumes, struct share *share, struct err *err)
{
	struct err first = ERR_INIT;

	for (size_t i = volumes->n; i-- > 0;) {
		struct volume *v = &volumes->list[i];
		struct err why = ERR_INIT;

		if (!v->placed)
			continue;
		v->placed = false;
		if (share_take_away(share, v->name, &why) < 0)
			err_keep_first(&first, &why);
	}
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}

void volumes_done(struct volumes *volumes)
{
	for (size_t i = 0; i < volumes->n; i++) {
		free(volumes->list[i].host_path);
		free(volumes->list[i].overlay);
		strv_free(volumes->list[i].tmpfs);
		free(volumes->list[i].name);
		free(volumes->list[i].guest_path);
	}
	free(volumes->list);
	*volumes = (struct volumes){ 0 };
}

void volumes_add_storages(const struct volumes *volumes, Grpc__Storage ***list, size_t *n)
{
	for (size_t i = 0; i < volumes->n; i++) {
		const struct volume *v = &volumes->list[i];
		Grpc__Storage *st;

		if (!v->tmpfs)
			continue;
		st = xnew(Grpc__Storage);
		grpc__storage__init(st);
		spec_set_string(&st->driver, "ephemeral");
		spec_set_string(&st->source, "tmpfs");
		spec_set_string(&st->fstype, "tmpfs");
		spec_set_string(&st->mount_point, v->guest_path);
		for (char *const *option = v->tmpfs; *option; option++)
			strv_add(&st->options, *option);
		st->n_options = strv_len(st->options);
		*list = xrealloc(*list, *n + 1, sizeof(**list));
		(*list)[(*n)++] = st;
	}
}
