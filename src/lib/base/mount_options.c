/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/mount_options.h"

#include <string.h>
#include <sys/mount.h>

#include "lib/base/mem.h"

#define MOUNT_OPTIONS_MAX 256

#define ATTR(name) MOUNT_ATTR_##name

struct attr_option {
	const char *name;
	uint64_t set, clear;
	const char *flag; /* the superblock flag it stands for as well, or NULL */
};

/* Each has a twin with "r" in front that covers the mounts below. */
static const struct attr_option attr_options[] = {
	{ "ro", ATTR(RDONLY), 0, "ro" },
	{ "rw", 0, ATTR(RDONLY), NULL },
	{ "nosuid", ATTR(NOSUID), 0, NULL },
	{ "suid", 0, ATTR(NOSUID), NULL },
	{ "nodev", ATTR(NODEV), 0, NULL },
	{ "dev", 0, ATTR(NODEV), NULL },
	{ "noexec", ATTR(NOEXEC), 0, NULL },
	{ "exec", 0, ATTR(NOEXEC), NULL },
	{ "nodiratime", ATTR(NODIRATIME), 0, NULL },
	{ "diratime", 0, ATTR(NODIRATIME), NULL },
	{ "nosymfollow", ATTR(NOSYMFOLLOW), 0, NULL },
	{ "symfollow", 0, ATTR(NOSYMFOLLOW), NULL },
	/* The access time is one of three values, not a bit: the field is cleared first. */
	{ "relatime", ATTR(RELATIME), ATTR(_ATIME), NULL },
	{ "noatime", ATTR(NOATIME), ATTR(_ATIME), NULL },
	{ "strictatime", ATTR(STRICTATIME), ATTR(_ATIME), NULL },
	{ "atime", ATTR(RELATIME), ATTR(_ATIME), NULL },
	{ "norelatime", ATTR(STRICTATIME), ATTR(_ATIME), NULL },
	{ "nostrictatime", ATTR(RELATIME), ATTR(_ATIME), NULL },
};

/* What fsconfig() takes as a flag of the superblock; a bind mount has none of its own. */
static const char *const superblock_flags[] = {
	"sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand",
};

/* Defaults, or of no consequence to a kernel of this century. */
static const char *const ignored_options[] = { "defaults", "silent", "loud" };

static const struct {
	const char *name;
	uint64_t type;
} propagations[] = {
	{ "shared", MS_SHARED },
	{ "slave", MS_SLAVE },
	{ "private", MS_PRIVATE },
	{ "unbindable", MS_UNBINDABLE },
};

bool mount_propagation_parse(const char *text, struct mount_propagation *ret)
{
	bool recursive = text[0] == 'r';

	for (size_t i = 0; i < ARRAY_LEN(propagations); i++) {
		if (strcmp(text + recursive, propagations[i].name) != 0)
			continue;
		*ret = (struct mount_propagation){ propagations[i].type, recursive };
		return true;
	}
	return false;
}

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

static const struct attr_option *find_attr(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(attr_options); i++)
		if (strcmp(text, attr_options[i].name) == 0)
			return &attr_options[i];
	return NULL;
}

static void strv_remove(char **v, const char *text)
{
	size_t out = 0;

	for (size_t i = 0; v && v[i]; i++) {
		if (strcmp(v[i], text) == 0)
			free(v[i]);
		else
			v[out++] = v[i];
	}
	if (v)
		v[out] = NULL;
}

/* The later of two options that contradict each other wins. */
static void apply_attr(uint64_t *set, uint64_t *clear, const struct attr_option *a)
{
	*set = (*set & ~a->clear) | a->set;
	*clear = (*clear & ~a->set) | a->clear;
}

static bool parse_attr(const char *text, struct mount_options *o)
{
	const struct attr_option *a = find_attr(text);

	if (a) {
		apply_attr(&o->set, &o->clear, a);
		if (a->flag)
			strv_add(&o->flags, a->flag);
		if (strcmp(text, "rw") == 0)
			strv_remove(o->flags, "ro");
		return true;
	}
	a = text[0] == 'r' ? find_attr(text + 1) : NULL;
	if (a)
		apply_attr(&o->rec_set, &o->rec_clear, a);
	return a != NULL;
}

static bool parse_ours(const char *text, struct mount_options *o)
{
	static const struct {
		const char *name;
		size_t first, second; /* offsets of the booleans that become true */
	} words[] = {
		{ "bind", offsetof(struct mount_options, is_bind),
		  offsetof(struct mount_options, is_bind) },
		{ "rbind", offsetof(struct mount_options, is_bind),
		  offsetof(struct mount_options, is_recursive) },
		{ "remount", offsetof(struct mount_options, is_remount),
		  offsetof(struct mount_options, is_remount) },
		{ "tmpcopyup", offsetof(struct mount_options, copies_up),
		  offsetof(struct mount_options, copies_up) },
		{ "idmap", offsetof(struct mount_options, is_idmapped),
		  offsetof(struct mount_options, is_idmapped) },
		{ "ridmap", offsetof(struct mount_options, is_idmapped),
		  offsetof(struct mount_options, is_idmapped_recursive) },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i].name) != 0)
			continue;
		*(bool *)((char *)o + words[i].first) = true;
		*(bool *)((char *)o + words[i].second) = true;
		return true;
	}
	return false;
}

static int parse_one(const char *text, struct mount_options *o, struct err *err)
{
	struct mount_propagation propagation;

	if (mount_propagation_parse(text, &propagation)) {
		if (o->n_propagation == MOUNT_PROPAGATIONS_MAX)
			return err_set(err, ERR_INVALID, "option '%s': more than %d of its kind",
				       text, MOUNT_PROPAGATIONS_MAX);
		o->propagation[o->n_propagation++] = propagation;
		return 0;
	}
	if (parse_ours(text, o) || parse_attr(text, o) ||
	    is_one_of(text, ignored_options, ARRAY_LEN(ignored_options)))
		return 0;
	if (is_one_of(text, superblock_flags, ARRAY_LEN(superblock_flags)))
		strv_add(&o->flags, text);
	else if (*text)
		strv_add(&o->params, text);
	return 0;
}

int mount_options_parse(char *const *options, size_t n, struct mount_options *ret, struct err *err)
{
	struct mount_options o = { 0 };

	if (n > MOUNT_OPTIONS_MAX)
		return err_set(err, ERR_INVALID, "%zu mount options, at most %d allowed", n,
			       MOUNT_OPTIONS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (parse_one(options[i], &o, err) < 0) {
			mount_options_done(&o);
			return -1;
		}
	}
	*ret = o;
	return 0;
}

void mount_options_done(struct mount_options *o)
{
	strv_free(o->flags);
	strv_free(o->params);
	*o = (struct mount_options){ 0 };
}
