/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - from spec.linux.cgroupsPath to a path below the hierarchies
 *
 * Pure. A path is cleaned by words, and one that climbs is refused rather than cleaned:
 * nobody means it, and a group outside its parent escapes the parent's limits.
 */
#include <limits.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/priv.h"

static int add_words(struct str *out, const char *path, struct err *err)
{
	for (const char *at = path; *at;) {
		size_t len = strcspn(at, "/");

		if (len == 2 && strncmp(at, "..", 2) == 0)
			return err_set(err, ERR_INVALID, "use cgroup path '%s': '..' in it", path);
		if (len > NAME_MAX)
			return err_set(err, ERR_INVALID, "use cgroup path '%.60s': name too long", path);
		if (len && !(len == 1 && *at == '.')) {
			str_add(out, "/");
			str_add_n(out, at, len);
		}
		at += len + (at[len] == '/');
	}
	return 0;
}

char *cgroup_path(const char *cgroups_path, const char *parent, const char *id, struct err *err)
{
	struct str out = { .max = PATH_MAX - 1 };
	const char *given = cgroups_path ? cgroups_path : "";
	int r = 0;

	if (given[0] != '/')
		r = add_words(&out, parent, err);
	if (r == 0)
		r = add_words(&out, given[0] ? given : id, err);
	if (r == 0 && out.cut)
		r = err_set(err, ERR_INVALID, "use cgroup path '%.60s': too long", given);
	if (r == 0 && out.len == 0)
		r = err_set(err, ERR_INVALID, "use cgroup path '%s': it is the root", given);
	if (r < 0) {
		str_done(&out);
		return NULL;
	}
	return str_take(&out);
}
