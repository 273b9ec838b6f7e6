/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the options of a runtime class, in Create
 *
 * Source: containerd's CRI plugin hands "runtimeoptions.v1.Options" to every runtime that it does not
 *         know, "cri.runtimeoptions.v1.Options" in older ones; dockerd hands those of runc to all.
 */
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "runtimeoptions.pb-c.h"
#include "task/task_priv.h"

static int read_options(const Containerd__Task__V2__Any *options, char **ret, struct err *err)
{
	Runtimeoptions__V1__Options *o =
		runtimeoptions__v1__options__unpack(NULL, options->value.len, options->value.data);
	int r = 0;

	if (!o)
		return err_set(err, ERR_INVALID, "read options '%.64s'", options->type_url);
	if (o->config_path[0])
		*ret = xstrdup(o->config_path);
	else if (o->config_body.len)
		r = err_set(err, ERR_UNIMPLEMENTED,
			    "options in the runtime class itself: name a file with ConfigPath");
	runtimeoptions__v1__options__free_unpacked(o, NULL);
	return r;
}

int task_options_read(const Containerd__Task__V2__Any *options, char **ret_config_path,
		      struct err *err)
{
	const char *type = options ? options->type_url : "";

	if (!type[0] || str_ends(type, "containerd.runc.v1.Options"))
		return 0; /* what they say is runc's affair */
	if (!str_ends(type, "runtimeoptions.v1.Options"))
		return err_set(err, ERR_INVALID, "options of type '%.64s' are not known", type);
	return read_options(options, ret_config_path, err);
}
