/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage_options.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/defs.h"
#include "lib/base/str.h"

static const struct {
	const char *name;
	unsigned long set, clear;
} flags[] = {
	{ "async", 0, MS_SYNCHRONOUS },
	{ "atime", 0, MS_NOATIME },
	{ "bind", MS_BIND, 0 },
	{ "defaults", 0, 0 },
	{ "dev", 0, MS_NODEV },
	{ "diratime", 0, MS_NODIRATIME },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "lazytime", MS_LAZYTIME, 0 },
	{ "loud", 0, MS_SILENT },
	{ "noatime", MS_NOATIME, 0 },
	{ "nodev", MS_NODEV, 0 },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "noexec", MS_NOEXEC, 0 },
	{ "norelatime", 0, MS_RELATIME },
	{ "nostrictatime", 0, MS_STRICTATIME },
	{ "nosuid", MS_NOSUID, 0 },
	{ "rbind", MS_BIND | MS_REC, 0 },
	{ "relatime", MS_RELATIME, 0 },
	{ "remount", MS_REMOUNT, 0 },
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "silent", MS_SILENT, 0 },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "sync", MS_SYNCHRONOUS, 0 },
};

static const struct {
	const char *name;
	unsigned long type;
} propagations[] = {
	{ "private", MS_PRIVATE },
	{ "shared", MS_SHARED },
	{ "slave", MS_SLAVE },
	{ "unbindable", MS_UNBINDABLE },
};

static bool parse_flag(const char *text, struct storage_options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (strcmp(text, flags[i].name) != 0)
			continue;
		o->flags = (o->flags & ~flags[i].clear) | flags[i].set;
		return true;
	}
	return false;
}

static bool parse_propagation(const char *text, struct storage_options *o)
{
	bool recursive = text[0] == 'r';

	for (size_t i = 0; i < ARRAY_LEN(propagations); i++) {
		if (strcmp(text + recursive, propagations[i].name) != 0)
			continue;
		o->propagation = propagations[i].type | (recursive ? MS_REC : 0);
		return true;
	}
	return false;
}

static int parse_fsgid(const char *value, struct storage_options *o, struct err *err)
{
	unsigned long long gid;

	if (!parse_u64(value, UINT32_MAX - 1, &gid))
		return err_set(err, ERR_INVALID, "option 'fsgid=%s' is no group", value);
	o->has_fsgid = true;
	o->fsgid = (gid_t)gid;
	return 0;
}

static int parse_mode(const char *value, struct storage_options *o, struct err *err)
{
	char *end;
	unsigned long mode;

	errno = 0;
	mode = strtoul(value, &end, 8);
	if (errno || !*value || *end || mode > 07777 || *value == '-')
		return err_set(err, ERR_INVALID, "option 'mode=%s' is no file mode", value);
	o->has_mode = true;
	o->mode = (mode_t)mode;
	return 0;
}

static int add_data(const char *text, struct storage_options *o, struct err *err)
{
	size_t len = strlen(o->data), more = strlen(text);

	if (len + more + 2 > sizeof(o->data))
		return err_set(err, ERR_INVALID, "options of the file system are over %d bytes",
			       STORAGE_DATA_MAX);
	if (len)
		o->data[len++] = ',';
	memcpy(o->data + len, text, more + 1);
	return 0;
}

static int parse_one(const char *text, struct storage_options *o, struct err *err)
{
	if (!*text || parse_flag(text, o) || parse_propagation(text, o))
		return 0;
	if (str_starts(text, "fsgid="))
		return parse_fsgid(text + strlen("fsgid="), o, err);
	if (str_starts(text, "mode=") && parse_mode(text + strlen("mode="), o, err) < 0)
		return -1;
	return add_data(text, o, err);
}

int storage_options_parse(char *const *options, size_t n, struct storage_options *ret,
			  struct err *err)
{
	struct storage_options o = { 0 };

	for (size_t i = 0; i < n; i++)
		if (parse_one(options[i], &o, err) < 0)
			return -1;
	*ret = o;
	return 0;
}
