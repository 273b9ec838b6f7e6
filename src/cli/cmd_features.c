/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_features.c - what docker, podman and nerdctl may ask for
 *
 * Spec: OCI runtime-spec 1.1, features.md and features-linux.md. What the guest's agent
 * does counts: the lists say what a container gets, not what the host's kernel has.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/opts.h"
#include "lib/base/defs.h"
#include "lib/oci/spec.h"

static const char *const hooks[] = { "prestart", "createRuntime", "startContainer", "poststart",
				     "poststop" };

static const char *const mount_options[] = {
	"async",         "atime",       "bind",        "defaults", "dev",
	"diratime",      "dirsync",     "exec",        "iversion", "lazytime",
	"loud",          "mand",        "noatime",     "nodev",    "nodiratime",
	"noexec",        "noiversion",  "nolazytime",  "nomand",   "norelatime",
	"nostrictatime", "nosuid",      "nosymfollow", "private",  "rbind",
	"relatime",      "remount",     "ro",          "rprivate", "rshared",
	"rslave",        "runbindable", "rw",          "shared",   "silent",
	"slave",         "strictatime", "suid",        "sync",     "symfollow",
	"unbindable",
};

static const char *const namespaces[] = {
	"cgroup", "ipc", "mount", "network", "pid", "user", "uts"
};

static const char *const capabilities[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

static const char *const seccomp_actions[] = {
	"SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",   "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
};

static const char *const seccomp_operators[] = {
	"SCMP_CMP_EQ", "SCMP_CMP_GE",        "SCMP_CMP_GT", "SCMP_CMP_LE",
	"SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE",
};

static struct json_object *list(const char *const *words, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(array, json_object_new_string(words[i]));
	return array;
}
#define LIST(words) list(words, ARRAY_LEN(words))

static struct json_object *text(const char *s)
{
	return json_object_new_string(s);
}

static void add_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

static struct json_object *enabled(bool value)
{
	struct json_object *o = json_object_new_object();

	add_bool(o, "enabled", value);
	return o;
}

static struct json_object *cgroup(void)
{
	struct json_object *o = json_object_new_object();

	add_bool(o, "v1", true);
	add_bool(o, "v2", true);
	add_bool(o, "systemd", true);
	add_bool(o, "systemdUser", false);
	add_bool(o, "rdma", false);
	return o;
}

static struct json_object *seccomp(void)
{
	struct json_object *o = enabled(true);

	json_object_object_add(o, "actions", LIST(seccomp_actions));
	json_object_object_add(o, "operators", LIST(seccomp_operators));
	return o;
}

static struct json_object *linux_part(void)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "namespaces", LIST(namespaces));
	json_object_object_add(o, "capabilities", LIST(capabilities));
	json_object_object_add(o, "cgroup", cgroup());
	json_object_object_add(o, "seccomp", seccomp());
	json_object_object_add(o, "apparmor", enabled(false));
	json_object_object_add(o, "selinux", enabled(false));
	json_object_object_add(o, "intelRdt", enabled(false));
	return o;
}

static struct json_object *annotations(void)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "io.katacontainers.version", text(KATA_VERSION));
	return o;
}

int cmd_features(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		 struct err *err)
{
	struct json_object *o;
	int first;

	(void)cli;
	if (opts_parse(cmd, NULL, 0, false, argc, argv, &first, err) < 0)
		return -1;
	o = json_object_new_object();
	json_object_object_add(o, "ociVersionMin", text("1.0.0"));
	json_object_object_add(o, "ociVersionMax", text(OCI_VERSION));
	json_object_object_add(o, "hooks", LIST(hooks));
	json_object_object_add(o, "mountOptions", LIST(mount_options));
	json_object_object_add(o, "linux", linux_part());
	json_object_object_add(o, "annotations", annotations());
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return 0;
}
