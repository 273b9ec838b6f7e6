/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_update.c - new limits, from a file of LinuxResources or from flags
 *
 * The resources travel as JSON, as containerd sends them.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/input.h"
#include "cli/opts.h"
#include "cli/task_call.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/oci/spec.h"

enum value_kind { NUMBER, TEXT };

/* Flags in the order of the table below; section and key are those of the OCI specification. */
static const struct limit {
	const char *flag, *section, *key, *arg, *help;
	enum value_kind kind;
} limits[] = {
	{ "cpu-period", "cpu", "period", "US", "period of the CPU quota", NUMBER },
	{ "cpu-quota", "cpu", "quota", "US", "CPU time in a period", NUMBER },
	{ "cpu-share", "cpu", "shares", "N", "weight among others", NUMBER },
	{ "cpu-rt-period", "cpu", "realtimePeriod", "US", "period of the real-time runtime",
	  NUMBER },
	{ "cpu-rt-runtime", "cpu", "realtimeRuntime", "US", "real-time CPU time in a period",
	  NUMBER },
	{ "cpuset-cpus", "cpu", "cpus", "LIST", "CPUs to use", TEXT },
	{ "cpuset-mems", "cpu", "mems", "LIST", "memory nodes to use", TEXT },
	{ "memory", "memory", "limit", "BYTES", "memory limit", NUMBER },
	{ "memory-reservation", "memory", "reservation", "BYTES", "soft memory limit", NUMBER },
	{ "memory-swap", "memory", "swap", "BYTES", "memory and swap, -1: no limit", NUMBER },
	{ "kernel-memory", "memory", "kernel", "BYTES", "kernel memory limit", NUMBER },
	{ "kernel-memory-tcp", "memory", "kernelTCP", "BYTES", "kernel memory limit of TCP",
	  NUMBER },
	{ "pids-limit", "pids", "limit", "N", "how many processes", NUMBER },
	{ "blkio-weight", "blockIO", "weight", "N", "not supported", NUMBER },
	{ "l3-cache-schema", NULL, NULL, "TEXT", "not supported", TEXT },
	{ "mem-bw-schema", NULL, NULL, "TEXT", "not supported", TEXT },
};
#define N_LIMITS ARRAY_LEN(limits)

static struct json_object *section_of(struct json_object *root, const char *name)
{
	struct json_object *section;

	if (!json_object_object_get_ex(root, name, &section)) {
		section = json_object_new_object();
		json_object_object_add(root, name, section);
	}
	return section;
}

static int add_limit(struct json_object *root, const struct limit *l, const char *text,
		     struct err *err)
{
	struct json_object *value;
	long long number;

	if (!l->section || strcmp(l->section, "blockIO") == 0)
		return err_set(err, ERR_UNIMPLEMENTED, "flag '--%s': not supported", l->flag);
	if (l->kind == NUMBER) {
		if (opt_i64(l->flag, text, &number, err) < 0)
			return -1;
		value = json_object_new_int64(number);
	} else {
		value = json_object_new_string(text);
	}
	json_object_object_add(section_of(root, l->section), l->key, value);
	return 0;
}

static char *from_flags(const char *const values[static N_LIMITS], struct err *err)
{
	struct json_object *root = json_object_new_object();
	char *text = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < N_LIMITS && r == 0; i++) {
		if (!values[i])
			continue;
		n++;
		r = add_limit(root, &limits[i], values[i], err);
	}
	if (r == 0 && n == 0)
		(void)err_set(err, ERR_INVALID, "nothing to change: give --resources or a limit");
	else if (r == 0)
		text = xstrdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
	json_object_put(root);
	return text;
}

/* Read it as what it is to be, so that a mistake is told here. */
static char *from_file(const char *path, struct err *err)
{
	scoped_free char *text = input_read(path, SPEC_JSON_MAX, err);
	ProtobufCMessage *msg;

	if (!text)
		return NULL;
	msg = spec_parse(&grpc__linux_resources__descriptor, text, strlen(text), err);
	if (!msg) {
		(void)err_wrap(err, "resources '%s'", path);
		return NULL;
	}
	protobuf_c_message_free_unpacked(msg, NULL);
	return take_ptr(&text);
}

static int update(const struct cli *cli, const char *cid, const char *json, struct err *err)
{
	Containerd__Task__V2__UpdateTaskRequest req =
		CONTAINERD__TASK__V2__UPDATE_TASK_REQUEST__INIT;
	Containerd__Task__V2__Any any = CONTAINERD__TASK__V2__ANY__INIT;
	scoped(supervisor_close_at) struct supervisor *sup = container_supervisor(cli, cid, err);

	if (!sup)
		return -1;
	any.type_url = unconst(TASK_JSON_URL("LinuxResources"));
	any.value.data = (uint8_t *)unconst(json);
	any.value.len = strlen(json);
	req.id = unconst(cid);
	req.resources = &any;
	return supervisor_tell(sup, TASK_SERVICE, "Update", &req.base, CALL_AGENT_MS, err);
}

int cmd_update(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	       struct err *err)
{
	const char *values[N_LIMITS] = { 0 };
	const char *resources = NULL, *id;
	struct opt opts[N_LIMITS + 1];
	scoped_free char *json = NULL;
	int first;

	for (size_t i = 0; i < N_LIMITS; i++)
		opts[i] = (struct opt){ limits[i].flag, 0, OPT_TEXT, &values[i], limits[i].arg,
					limits[i].help };
	opts[N_LIMITS] =
		(struct opt){ "resources", 'r',
			      OPT_TEXT,    &resources,
			      "FILE|-",    "LinuxResources as JSON; then no other flag counts" };
	if (opts_parse(cmd, opts, ARRAY_LEN(opts), false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &id, err) < 0)
		return -1;
	json = resources ? from_file(resources, err) : from_flags(values, err);
	if (!json || update(cli, id, json, err) < 0)
		return err_wrap(err, "update container '%s'", id);
	return 0;
}
