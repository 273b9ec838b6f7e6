/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_namespaces.c - which namespaces are made or joined, where, and what the parent writes
 */
#include <sched.h>
#include <string.h>

#include "agent/launch/plan_priv.h"
#include "lib/base/mem.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

const struct ns_info ns_infos[NS_COUNT] = {
	[NS_PID] = { "pid", "pid", CLONE_NEWPID },
	[NS_TIME] = { "time", "time", CLONE_NEWTIME },
	[NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", "uts", CLONE_NEWUTS },
	[NS_NET] = { "network", "net", CLONE_NEWNET },
	[NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP },
	[NS_MOUNT] = { "mount", "mnt", CLONE_NEWNS },
	[NS_USER] = { "user", "user", CLONE_NEWUSER },
};

bool plan_has_ns(const struct plan *plan, enum ns_kind kind)
{
	return plan->ns[kind].how != NS_KEEP;
}

static int find_ns(const char *type, enum ns_kind *ret, struct err *err)
{
	for (unsigned int i = 0; i < NS_COUNT; i++) {
		if (strcmp(type, ns_infos[i].type) == 0 || strcmp(type, ns_infos[i].file) == 0) {
			*ret = (enum ns_kind)i;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "namespace '%s': unknown type", type);
}

static enum ns_how how_to_make(enum ns_kind kind)
{
	return kind == NS_CGROUP || kind == NS_TIME ? NS_UNSHARE : NS_CLONE;
}

static int read_spec_namespaces(struct plan_build *b, struct err *err)
{
	const Grpc__Linux *linux_spec = b->spec->linux;
	bool seen[NS_COUNT] = { false };

	for (size_t i = 0; linux_spec && i < linux_spec->n_namespaces; i++) {
		const Grpc__LinuxNamespace *ns = linux_spec->namespaces[i];
		enum ns_kind kind;

		if (find_ns(ns->type, &kind, err) < 0)
			return -1;
		if (seen[kind])
			return err_set(err, ERR_INVALID, "namespace '%s': given twice", ns->type);
		seen[kind] = true;
		b->plan->ns[kind].how = how_to_make(kind);
		if (plan_is_given(ns->path)) {
			b->plan->ns[kind].how = NS_JOIN_CHILD;
			b->plan->ns[kind].path = ns->path;
		}
	}
	return 0;
}

static void apply_given_namespaces(struct plan_build *b)
{
	for (unsigned int i = 0; i < NS_COUNT; i++)
		if (b->facts->has_ns_fd[i])
			b->plan->ns[i] = (struct plan_ns){ .how = NS_JOIN_CHILD };
}

/*
 * A pid namespace is joined by being born in it. And a child born in a new user
 * namespace has no rights over namespaces that exist, so the parent joins them for it.
 */
static void settle_joins(struct plan *plan)
{
	bool all_first = plan->ns[NS_USER].how == NS_CLONE;

	for (unsigned int i = 0; i < NS_COUNT; i++)
		if (plan->ns[i].how == NS_JOIN_CHILD && (all_first || i == NS_PID))
			plan->ns[i].how = NS_JOIN_FIRST;
	for (unsigned int i = 0; i < NS_COUNT; i++)
		if (plan->ns[i].how == NS_CLONE)
			plan->clone_flags |= ns_infos[i].clone_flag;
}

static int check_namespaces(const struct plan *plan, struct err *err)
{
	switch (plan->ns[NS_MOUNT].how) {
	case NS_CLONE:
		break;
	case NS_KEEP:
		return err_set(err, ERR_INVALID, "the container has no mount namespace");
	case NS_UNSHARE:
	case NS_JOIN_FIRST:
	case NS_JOIN_CHILD:
		return err_set(err, ERR_UNIMPLEMENTED, "join mount namespace '%s'",
			       plan->ns[NS_MOUNT].path);
	}
	if (plan->ns[NS_USER].how == NS_JOIN_CHILD)
		return err_set(err, ERR_UNIMPLEMENTED, "join user namespace '%s'",
			       plan->ns[NS_USER].path);
	return 0;
}

int plan_namespaces(struct plan_build *b, struct err *err)
{
	if (!b->facts->is_exec && read_spec_namespaces(b, err) < 0)
		return -1;
	apply_given_namespaces(b);
	settle_joins(b->plan);
	if (!b->facts->is_exec && check_namespaces(b->plan, err) < 0)
		return -1;
	return 0;
}

/* ---- user and time namespaces: what the parent writes ---- */

char *plan_id_map(Grpc__LinuxIDMapping *const *maps, size_t n)
{
	struct str text = { 0 };

	for (size_t i = 0; i < n; i++)
		str_addf(&text, "%u %u %u\n", maps[i]->containerid, maps[i]->hostid, maps[i]->size);
	return str_take(&text);
}

static bool find_host_id(Grpc__LinuxIDMapping *const *maps, size_t n, uint32_t id, uint32_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (id < maps[i]->containerid || id - maps[i]->containerid >= maps[i]->size)
			continue;
		*ret = maps[i]->hostid + (id - maps[i]->containerid);
		return true;
	}
	return false;
}

int plan_id_maps(struct plan_build *b, struct err *err)
{
	const Grpc__Linux *linux_spec = b->spec->linux;
	uint32_t user = b->process->user ? b->process->user->uid : 0, root;
	struct plan *plan = b->plan;

	plan->stdio_uid = user;
	if (!linux_spec)
		return 0;
	if (plan->ns[NS_USER].how != NS_CLONE) {
		if (linux_spec->n_uidmappings || linux_spec->n_gidmappings)
			return err_set(err, ERR_INVALID, "id mappings without a user namespace");
		return 0;
	}
	if (!find_host_id(linux_spec->uidmappings, linux_spec->n_uidmappings, 0, &root) ||
	    !find_host_id(linux_spec->gidmappings, linux_spec->n_gidmappings, 0, &root))
		return err_set(err, ERR_INVALID, "the user namespace maps no root user or group");
	if (!find_host_id(linux_spec->uidmappings, linux_spec->n_uidmappings, user,
			  &plan->stdio_uid))
		return err_set(err, ERR_INVALID, "user %u is not mapped in the user namespace",
			       user);
	plan->uid_map = plan_id_map(linux_spec->uidmappings, linux_spec->n_uidmappings);
	plan->gid_map = plan_id_map(linux_spec->gidmappings, linux_spec->n_gidmappings);
	plan->opens_binds = true;
	return 0;
}

int plan_time(struct plan_build *b, struct err *err)
{
	const Grpc__Linux *linux_spec = b->spec->linux;
	struct str text = { 0 };

	if (!linux_spec || !linux_spec->n_timeoffsets)
		return 0;
	if (b->plan->ns[NS_TIME].how != NS_UNSHARE)
		return err_set(err, ERR_INVALID, "time offsets without a new time namespace");
	for (size_t i = 0; i < linux_spec->n_timeoffsets; i++) {
		const Grpc__Linux__TimeOffsetsEntry *entry = linux_spec->timeoffsets[i];

		if (strcmp(entry->key, "monotonic") != 0 && strcmp(entry->key, "boottime") != 0) {
			str_done(&text);
			return err_set(err, ERR_INVALID, "time offset '%s': unknown clock",
				       entry->key);
		}
		if (entry->value)
			str_addf(&text, "%s %lld %u\n", entry->key, (long long)entry->value->secs,
				 entry->value->nanosecs);
	}
	b->plan->time_offsets = str_take(&text);
	return 0;
}
