/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args.c - flags as Go's flag package has them: one dash or two, "-flag value" or "-flag=value"
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "shim/shim.h"

struct flag {
	const char *name;
	size_t offset; /* of a const char * in struct shim_args */
};

static const struct flag flags[] = {
	{ "namespace", offsetof(struct shim_args, namespace) },
	{ "address", offsetof(struct shim_args, address) },
	{ "publish-binary", offsetof(struct shim_args, publish_binary) },
	{ "id", offsetof(struct shim_args, id) },
	{ "socket", offsetof(struct shim_args, socket) },
};

static int set_flag(struct shim_args *args, const char *name, size_t len, const char *value,
		    struct err *err)
{
	if (len == strlen("bundle") && strncmp(name, "bundle", len) == 0) {
		free(args->bundle);
		args->bundle = xstrdup(value);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strlen(flags[i].name) == len && strncmp(flags[i].name, name, len) == 0) {
			memcpy((char *)args + flags[i].offset, &value, sizeof(value));
			return 0;
		}
	return err_set(err, ERR_INVALID, "flag '-%.*s' is not known", (int)len, name);
}

/* Returns how many words it took, or -1. */
static int parse_flag(struct shim_args *args, char **argv, struct err *err)
{
	const char *name = argv[0] + strspn(argv[0], "-");
	size_t len = strcspn(name, "=");
	bool joined = name[len] == '=';

	if (strcmp(name, "debug") == 0 || strcmp(name, "debug=true") == 0) {
		args->debug = true;
		return 1;
	}
	if (strcmp(name, "debug=false") == 0)
		return 1;
	if (!joined && !argv[1])
		return err_set(err, ERR_INVALID, "flag '%s' wants a value, or is not known",
			       argv[0]);
	if (set_flag(args, name, len, joined ? name + len + 1 : argv[1], err) < 0)
		return -1;
	return joined ? 1 : 2;
}

static int find_bundle(struct shim_args *args, struct err *err)
{
	char cwd[PATH_MAX];
	char *absolute;

	if (args->bundle && args->bundle[0] == '/')
		return 0;
	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(err, errno, "find the working directory, which is to be the bundle");
	absolute = args->bundle ? xasprintf("%s/%s", cwd, args->bundle) : xstrdup(cwd);
	free(args->bundle);
	args->bundle = absolute;
	return 0;
}

static int check(struct shim_args *args, struct err *err)
{
	if (args->action[0] && strcmp(args->action, "start") != 0 &&
	    strcmp(args->action, "delete") != 0)
		return err_set(err, ERR_INVALID, "action '%s' is not known", args->action);
	if (!args->id[0])
		return err_set(err, ERR_INVALID, "flag '-id' is required");
	if (id_check(args->id, err) < 0)
		return err_wrap(err, "flag '-id'");
	if (args->namespace[0] && id_check(args->namespace, err) < 0)
		return err_wrap(err, "flag '-namespace'");
	return find_bundle(args, err);
}

int shim_args_parse(int argc, char **argv, struct shim_args *ret, struct err *err)
{
	*ret = (struct shim_args){
		.namespace = "", .address = "", .publish_binary = "", .id = "", .socket = "",
		.action = ""
	};
	for (int i = 1, n; i < argc; i += n) {
		n = 1;
		if (argv[i][0] == '-')
			n = parse_flag(ret, argv + i, err);
		else if (!ret->action[0])
			ret->action = argv[i];
		else
			n = err_set(err, ERR_INVALID, "argument '%s' is one too many", argv[i]);
		if (n < 0)
			return -1;
	}
	return check(ret, err);
}

void shim_args_done(struct shim_args *args)
{
	free(args->bundle);
}
