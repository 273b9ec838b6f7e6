/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_text.c - a plan as text, one line an operation
 */
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "agent/launch/plan_priv.h"

/* Also the front of the child's error messages: "bind '/a' on '/b': ...". */
static const char *const kind_names[PLAN_KIND_COUNT] = {
	[PLAN_ENTER_CGROUP] = "enter cgroup",
	[PLAN_JOIN] = "join",
	[PLAN_UNSHARE] = "unshare",
	[PLAN_WAIT_MAPPED] = "wait for id maps",
	[PLAN_SESSION] = "new session",
	[PLAN_KEYRING] = "join session keyring",
	[PLAN_PROPAGATION] = "set propagation",
	[PLAN_COVER_ROOT] = "cover initramfs root",
	[PLAN_ROOTFS] = "bind rootfs",
	[PLAN_FILESYSTEM] = "mount",
	[PLAN_BIND] = "bind",
	[PLAN_MAKE_DIR] = "make directory",
	[PLAN_NODE] = "make device",
	[PLAN_NODE_BIND] = "bind device",
	[PLAN_LINK] = "link",
	[PLAN_RELINK] = "replace link",
	[PLAN_SYSCTL] = "set sysctl",
	[PLAN_HOSTNAME] = "set hostname",
	[PLAN_DOMAINNAME] = "set domainname",
	[PLAN_HOOK] = "run hook",
	[PLAN_READONLY_MOUNT] = "make mount read-only",
	[PLAN_READONLY_PATH] = "make path read-only",
	[PLAN_MASK] = "mask path",
	[PLAN_TERMINAL] = "make terminal",
	[PLAN_CONSOLE] = "bind console",
	[PLAN_READONLY_ROOT] = "make root read-only",
	[PLAN_PIVOT] = "pivot root",
	[PLAN_CHROOT] = "change root",
	[PLAN_ROOT_PROPAGATION] = "set root propagation",
	[PLAN_STDIO] = "set standard streams",
	[PLAN_CWD] = "change directory",
	[PLAN_UMASK] = "set umask",
	[PLAN_PERSONALITY] = "set personality",
	[PLAN_SCHEDULER] = "set scheduler",
	[PLAN_IO_PRIORITY] = "set io priority",
	[PLAN_LABEL] = "set label",
	[PLAN_BOUNDING] = "set bounding capabilities",
	[PLAN_IDS] = "set user and groups",
	[PLAN_CAPABILITIES] = "set capabilities",
	[PLAN_NO_NEW_PRIVS] = "set no_new_privs",
	[PLAN_HOME] = "find home",
	[PLAN_FIND_PROGRAM] = "find program",
	[PLAN_READY] = "ready",
	[PLAN_SECCOMP] = "load seccomp filter",
	[PLAN_EXECUTE] = "execute",
};

const char *plan_kind_name(enum plan_kind kind)
{
	return kind < PLAN_KIND_COUNT ? kind_names[kind] : NULL;
}

static void put_attributes(struct str *out, const char *name, uint64_t set, uint64_t clear)
{
	if (set || clear)
		str_addf(out, " %s=+0x%llx-0x%llx", name, (unsigned long long)set,
			 (unsigned long long)clear);
}

static void put_list(struct str *out, const char *name, char *const *list)
{
	for (size_t i = 0; list && list[i]; i++)
		str_addf(out, "%s%s", i ? "," : name, list[i]);
}

static void put_mount(struct str *out, const struct mount_options *o)
{
	if (o->is_bind)
		str_add(out, o->is_recursive ? " rbind" : " bind");
	put_attributes(out, "attr", o->set, o->clear);
	put_attributes(out, "rattr", o->rec_set, o->rec_clear);
	for (size_t i = 0; i < o->n_propagation; i++)
		str_addf(out, " propagation=0x%llx%s", (unsigned long long)o->propagation[i].type,
			 o->propagation[i].recursive ? "+rec" : "");
	if (o->copies_up)
		str_add(out, " copy-up");
	put_list(out, " flags=", o->flags);
	put_list(out, " params=", o->params);
}

static void put_caps(struct str *out, const struct plan_op *op)
{
	const struct plan_caps *c = op->caps;

	if (op->kind == PLAN_BOUNDING)
		str_addf(out, " 0x%llx", (unsigned long long)c->bounding);
	else
		str_addf(out, " eff=0x%llx inh=0x%llx prm=0x%llx amb=0x%llx",
			 (unsigned long long)c->effective, (unsigned long long)c->inheritable,
			 (unsigned long long)c->permitted, (unsigned long long)c->ambient);
}

static void put_ids(struct str *out, const struct plan_op *op)
{
	str_addf(out, " uid=%u gid=%u", op->uid, op->gid);
	for (size_t i = 0; i < op->n_gids; i++)
		str_addf(out, "%s%u", i ? "," : " gids=", op->gids[i]);
}

static void put_hook(struct str *out, const struct plan_hook *hook)
{
	str_addf(out, " '%s'", hook->path);
	put_list(out, " argv=", hook->argv);
	put_list(out, " envp=", hook->envp);
	str_addf(out, " timeout=%u state=%s", hook->timeout_ms, hook->state);
}

static void put_map(struct str *out, const char *name, const char *text)
{
	str_add(out, name);
	for (; *text; text++)
		str_add_n(out, *text == '\n' ? ";" : text, 1);
}

static void put_op(struct str *out, const struct plan_op *op)
{
	str_add(out, plan_kind_name(op->kind));
	if (op->type)
		str_addf(out, " %s", op->type);
	if (op->src)
		str_addf(out, " '%s'", op->src);
	if (op->dst)
		str_addf(out, " -> '%s'", op->dst);
	if (op->kind == PLAN_JOIN)
		str_addf(out, " %s", ns_infos[op->number].type);
	else if (op->number && !op->caps)
		str_addf(out, " 0x%llx", (unsigned long long)op->number);
	if (op->rdev)
		str_addf(out, " %u:%u", major(op->rdev), minor(op->rdev));
	if (op->mount)
		put_mount(out, op->mount);
	if (op->caps)
		put_caps(out, op);
	if (op->kind == PLAN_IDS || op->uid || op->gid)
		put_ids(out, op);
	if (op->idmap) {
		put_map(out, " uid_map=", op->idmap->uid_map);
		put_map(out, " gid_map=", op->idmap->gid_map);
	}
	if (op->hook)
		put_hook(out, op->hook);
	if (op->sched)
		str_addf(out, " policy=%u flags=0x%llx nice=%d priority=%u", op->sched->policy,
			 (unsigned long long)op->sched->flags, op->sched->nice,
			 op->sched->priority);
	str_add(out, "\n");
}

static const char *how_name(enum ns_how how)
{
	switch (how) {
	case NS_KEEP:
		return "keep";
	case NS_CLONE:
		return "clone";
	case NS_UNSHARE:
		return "unshare";
	case NS_JOIN_FIRST:
		return "join before clone";
	case NS_JOIN_CHILD:
		return "join";
	}
	return "?";
}

static void put_map_line(struct str *out, const char *name, const char *text)
{
	if (!text)
		return;
	put_map(out, name, text);
	str_add(out, "\n");
}

char *plan_text(const struct plan *plan)
{
	struct str out = { 0 };

	for (unsigned int i = 0; i < NS_COUNT; i++)
		if (plan->ns[i].how != NS_KEEP)
			str_addf(&out, "namespace %s: %s%s%s\n", ns_infos[i].type,
				 how_name(plan->ns[i].how), plan->ns[i].path ? " " : "",
				 plan->ns[i].path ? plan->ns[i].path : "");
	put_map_line(&out, "uid_map ", plan->uid_map);
	put_map_line(&out, "gid_map ", plan->gid_map);
	put_map_line(&out, "time_offsets ", plan->time_offsets);
	if (plan->has_oom_score_adj)
		str_addf(&out, "oom_score_adj %d\n", plan->oom_score_adj);
	for (size_t i = 0; i < plan->n_rlimits; i++)
		str_addf(&out, "rlimit %s %llu %llu\n", plan->rlimits[i].name,
			 (unsigned long long)plan->rlimits[i].value.rlim_cur,
			 (unsigned long long)plan->rlimits[i].value.rlim_max);
	for (size_t i = 0; i < plan->n_ops; i++)
		put_op(&out, &plan->ops[i]);
	put_list(&out, "argv ", plan->argv);
	str_add(&out, "\n");
	if (plan->warnings.len)
		str_addf(&out, "warning: %s", str_get(&plan->warnings));
	return str_take(&out);
}
