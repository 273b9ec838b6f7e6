/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/volume.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/resource/share.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Where the agent keeps the sandbox's /dev/shm. Source: Kata agent, sandbox storage "shm". */
#define GUEST_SHM "/run/kata-containers/sandbox/shm"

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

enum decision { FROM_GUEST, FROM_SHM, FROM_HOST, FROM_LAYERS };

static int decide(const Grpc__Mount *m, mode_t type, enum decision *ret, struct err *err)
{
	if (!is_bind(m)) {
		*ret = strcmp(m->type, "overlay") == 0 ? FROM_LAYERS : FROM_GUEST;
	} else if (strcmp(m->destination, "/dev/shm") == 0) {
		*ret = FROM_SHM;
	} else if (is_below(m->source, "/proc") || is_below(m->source, "/sys")) {
		*ret = FROM_GUEST; /* the guest's own: the host's would tell of the host */
	} else if (type == 0) {
		return err_set(err, ERR_INVALID, "mount '%s' on '%s': no such file or directory",
			       m->source, m->destination);
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

mode_t volume_type_on_host(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	return stat(path, &st) < 0 ? 0 : st.st_mode & S_IFMT;
}

static void plan_one(struct volume *v, const Grpc__Mount *m, size_t index, enum decision what,
		     const char *id, const char *token)
{
	*v = (struct volume){ .mount = index };
	if (what == FROM_SHM) {
		v->guest_path = xstrdup(GUEST_SHM);
		return;
	}
	if (what == FROM_LAYERS)
		v->overlay = overlay_options(m);
	v->host_path = xstrdup(m->source);
	v->name = share_name(id, token, index, m->source);
	v->guest_path = xasprintf("%s/%s", SHARE_GUEST_DIR, v->name);
	v->read_only = has_option(m, "ro") || has_option(m, "rro");
	v->recursive = has_option(m, "rbind");
}

int volumes_plan(const Grpc__Spec *spec, const char *container_id, const char *token,
		 volume_type_fn *type_of, void *arg, struct volumes *ret, struct err *err)
{
	struct volumes plan = { 0 };

	if (spec->n_mounts > VOLUMES_MAX)
		return err_set(err, ERR_EXHAUSTED, "plan mounts: %zu of them, at most %d allowed",
			       spec->n_mounts, VOLUMES_MAX);
	plan.list = xcalloc(spec->n_mounts, sizeof(*plan.list));
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const Grpc__Mount *m = spec->mounts[i];
		enum decision what = FROM_GUEST;

		if (decide(m, is_bind(m) ? type_of(arg, m->source) : 0, &what, err) < 0) {
			volumes_done(&plan);
			return -1;
		}
		if (what != FROM_GUEST)
			plan_one(&plan.list[plan.n++], m, i, what, container_id, token);
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
		free(volumes->list[i].name);
		free(volumes->list[i].guest_path);
	}
	free(volumes->list);
	*volumes = (struct volumes){ 0 };
}
