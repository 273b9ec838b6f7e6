/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/oci/spec.h"

#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/oci/message.h"

static const char *const namespace_types[] = { "pid", "network", "mount",  "ipc",
					       "uts", "user",    "cgroup", "time" };

static int check_process(const Grpc__Process *process, struct err *err)
{
	if (!process)
		return err_set(err, ERR_INVALID, "process: missing");
	if (process->n_args == 0 || !process->args[0][0])
		return err_set(err, ERR_INVALID, "process.args: no program given");
	if (process->cwd[0] != '/')
		return err_set(err, ERR_INVALID, "process.cwd: '%s' is not an absolute path",
			       process->cwd);
	return 0;
}

static int check_mounts(const Grpc__Spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (spec->mounts[i]->destination[0] != '/')
			return err_set(err, ERR_INVALID,
				       "mounts[%zu].destination: '%s' is not an absolute path", i,
				       spec->mounts[i]->destination);
	return 0;
}

static int check_namespaces(const Grpc__Linux *linux_, struct err *err)
{
	bool seen[ARRAY_LEN(namespace_types)] = { false };

	for (size_t i = 0; i < linux_->n_namespaces; i++) {
		const Grpc__LinuxNamespace *ns = linux_->namespaces[i];
		size_t type = 0;

		while (type < ARRAY_LEN(namespace_types) &&
		       strcmp(namespace_types[type], ns->type) != 0)
			type++;
		if (type == ARRAY_LEN(namespace_types))
			return err_set(err, ERR_INVALID,
				       "linux.namespaces[%zu].type: '%s' is not known", i,
				       ns->type);
		if (seen[type])
			return err_set(err, ERR_INVALID, "linux.namespaces[%zu]: a second '%s'", i,
				       ns->type);
		seen[type] = true;
		if (ns->path[0] && ns->path[0] != '/')
			return err_set(err, ERR_INVALID,
				       "linux.namespaces[%zu].path: '%s' is not an absolute path",
				       i, ns->path);
	}
	return 0;
}

int spec_check(const Grpc__Spec *spec, struct err *err)
{
	if (!str_starts(spec->version, "1."))
		return err_set(err, ERR_INVALID, "ociVersion: '%s' is not a version 1",
			       spec->version);
	if (check_process(spec->process, err) < 0)
		return -1;
	if (!spec->root || !spec->root->path[0])
		return err_set(err, ERR_INVALID, "root.path: missing");
	if (!spec->linux)
		return err_set(err, ERR_INVALID, "linux: missing");
	if (check_mounts(spec, err) < 0)
		return -1;
	return check_namespaces(spec->linux, err);
}

const char *spec_annotation(const Grpc__Spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->n_annotations; i++)
		if (strcmp(spec->annotations[i]->key, key) == 0)
			return spec->annotations[i]->value;
	return NULL;
}

Grpc__Spec *spec_copy(const Grpc__Spec *spec)
{
	return message_copy(Grpc__Spec, spec);
}

void spec_set_string(char **field, const char *value)
{
	char *copy = xstrdup(value);

	if (*field != (const char *)protobuf_c_empty_string)
		free(*field);
	*field = copy;
}
