/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - building blocks, names and sysctls, and the order in which the child works
 *
 * plan_container() and plan_exec() at the end are the two stories; the rest is their parts.
 */
#include "agent/launch/plan.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "agent/launch/plan_priv.h"
#include "lib/base/mem.h"

struct plan_op *plan_add(struct plan *plan, enum plan_kind kind, struct err *err)
{
	struct plan_op *op;

	if (plan->n_ops == PLAN_OPS_MAX) {
		err_set(err, ERR_EXHAUSTED, "the spec asks for more than %d operations",
			PLAN_OPS_MAX);
		return NULL;
	}
	plan->ops = xrealloc(plan->ops, plan->n_ops + 1, sizeof(*plan->ops));
	op = &plan->ops[plan->n_ops++];
	*op = (struct plan_op){ .kind = kind, .fd = -1 };
	return op;
}

int plan_add_paths(struct plan *plan, enum plan_kind kind, const char *src, const char *dst,
		   struct err *err)
{
	struct plan_op *op = plan_add(plan, kind, err);

	if (!op)
		return -1;
	op->src = src;
	op->dst = dst;
	return 0;
}

static int add_number(struct plan *plan, enum plan_kind kind, uint64_t number, struct err *err)
{
	struct plan_op *op = plan_add(plan, kind, err);

	if (!op)
		return -1;
	op->number = number;
	return 0;
}

void *plan_own(struct plan *plan, void *p)
{
	plan->owned = xrealloc(plan->owned, plan->n_owned + 1, sizeof(*plan->owned));
	plan->owned[plan->n_owned++] = p;
	return p;
}

const char *plan_clean_path(struct plan *plan, const char *path)
{
	char *out = plan_own(plan, xcalloc(strlen(path) + 2, 1));
	size_t len = 0;

	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 2 && memcmp(path, "..", 2) == 0) {
			while (len && out[--len] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

bool plan_is_given(const char *text)
{
	return text && *text;
}

/* ---- host name and sysctls ---- */

/* Kernel parameters that belong to the IPC namespace. Source: ipc/ipc_sysctl.c */
static const char *const ipc_sysctls[] = {
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
	"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};

/*
 * Only what belongs to a namespace of the container may be set. The network namespace
 * needs no asking: in a guest it is the pod's own, under whatever name.
 */
static int check_sysctl(const struct plan *plan, const char *key, struct err *err)
{
	bool is_ipc = strncmp(key, "fs.mqueue.", 10) == 0;

	if (strncmp(key, "net.", 4) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(ipc_sysctls); i++)
		is_ipc = is_ipc || strcmp(key, ipc_sysctls[i]) == 0;
	if (is_ipc && plan_has_ns(plan, NS_IPC))
		return 0;
	if (strcmp(key, "kernel.domainname") == 0 && plan_has_ns(plan, NS_UTS))
		return 0;
	if (strncmp(key, "user.", 5) == 0 && plan->ns[NS_USER].how == NS_CLONE)
		return 0;
	return err_set(err, ERR_INVALID, "sysctl '%s': not in a namespace of the container", key);
}

/* "net.ipv4.ip_forward" or "net/ipv4/ip_forward"; with slashes, dots are part of names. */
static const char *sysctl_file(struct plan *plan, const char *key)
{
	char *file = plan_own(plan, xstrdup(key));

	for (char *at = strchr(key, '/') ? NULL : file; at && *at; at++)
		if (*at == '.')
			*at = '/';
	return file;
}

/* The root of a new user namespace has no power over a network that is not its own. */
static bool is_beyond_child(const struct plan *plan, const char *dotted)
{
	return strncmp(dotted, "net.", 4) == 0 && plan->ns[NS_USER].how == NS_CLONE &&
	       plan->ns[NS_NET].how == NS_KEEP;
}

static int add_sysctl(struct plan *plan, const char *key, const char *value, struct err *err)
{
	const char *file = sysctl_file(plan, key);
	char *dotted = plan_own(plan, xstrdup(file));

	for (char *at = dotted; *at; at++)
		if (*at == '/')
			*at = '.';
	if (strstr(dotted, ".."))
		return err_set(err, ERR_INVALID, "sysctl '%s': not a name", key);
	if (check_sysctl(plan, dotted, err) < 0)
		return -1;
	if (plan_add_paths(plan, PLAN_SYSCTL, value, file, err) < 0)
		return -1;
	if (is_beyond_child(plan, dotted))
		plan->ops[plan->n_ops - 1].number = PLAN_SYSCTL_BY_PARENT;
	return 0;
}

static int plan_sysctls(struct plan_build *b, struct err *err)
{
	const Grpc__Linux *linux_spec = b->spec->linux;

	for (size_t i = 0; linux_spec && i < linux_spec->n_sysctl; i++)
		if (add_sysctl(b->plan, linux_spec->sysctl[i]->key, linux_spec->sysctl[i]->value,
			       err) < 0)
			return -1;
	return 0;
}

static int plan_names(struct plan_build *b, struct err *err)
{
	const char *host = b->spec->hostname, *domain = b->spec->domainname;
	bool has_uts = plan_has_ns(b->plan, NS_UTS);

	if (plan_is_given(host)) {
		/* A sandbox shares its names: whoever made the namespace has set them. */
		if (!has_uts)
			return err_set(err, ERR_INVALID, "hostname '%s' without a uts namespace",
				       host);
		if (b->plan->ns[NS_UTS].how == NS_CLONE &&
		    plan_add_paths(b->plan, PLAN_HOSTNAME, host, NULL, err) < 0)
			return -1;
	}
	if (plan_is_given(domain)) {
		if (!has_uts)
			return err_set(err, ERR_INVALID, "domainname '%s' without a uts namespace",
				       domain);
		if (b->plan->ns[NS_UTS].how == NS_CLONE &&
		    plan_add_paths(b->plan, PLAN_DOMAINNAME, domain, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the two stories ---- */

static int add_joins(struct plan *plan, struct err *err)
{
	for (unsigned int i = 0; i < NS_COUNT; i++)
		if (plan->ns[i].how == NS_JOIN_CHILD && add_number(plan, PLAN_JOIN, i, err) < 0)
			return -1;
	return 0;
}

static int plan_unbuilt(const Grpc__Spec *spec, struct err *err)
{
	if (spec->linux && spec->linux->intelrdt &&
	    plan_is_given(spec->linux->intelrdt->l3cacheschema))
		return err_set(err, ERR_UNIMPLEMENTED, "apply linux.intelRdt: not in a guest");
	if (spec->linux && plan_is_given(spec->linux->mountlabel))
		return err_set(err, ERR_UNIMPLEMENTED, "apply mount label '%s'",
			       spec->linux->mountlabel);
	return 0;
}

static int enter(struct plan_build *b, struct err *err)
{
	for (size_t i = 0; i < b->facts->n_cgroup_fds; i++)
		if (!plan_add(b->plan, PLAN_ENTER_CGROUP, err))
			return -1;
	if (add_joins(b->plan, err) < 0)
		return -1;
	if (b->plan->uid_map && !plan_add(b->plan, PLAN_WAIT_MAPPED, err))
		return -1;
	/* Made by the child because it is rooted where its maker stands. */
	if (b->plan->ns[NS_CGROUP].how == NS_UNSHARE &&
	    add_number(b->plan, PLAN_UNSHARE, CLONE_NEWCGROUP, err) < 0)
		return -1;
	if (!plan_add(b->plan, PLAN_SESSION, err))
		return -1;
	return plan_add_paths(b->plan, PLAN_KEYRING,
			      plan_own(b->plan, xasprintf("_ses.%s", b->facts->container_id)), NULL,
			      err);
}

static int root_propagation(const Grpc__Spec *spec, struct mount_propagation *ret, struct err *err)
{
	const char *text = spec->linux ? spec->linux->rootfspropagation : NULL;

	if (plan_is_given(text) && !mount_propagation_parse(text, ret))
		return err_set(err, ERR_INVALID, "rootfsPropagation '%s': unknown", text);
	return 0;
}

static int plan_root(struct plan_build *b, struct err *err)
{
	struct mount_propagation propagation = { MS_SLAVE, true };

	if (root_propagation(b->spec, &propagation, err) < 0)
		return -1;
	/* Whatever the container asks for, its mounts never travel into the guest's own tree. */
	if (propagation.type == MS_SHARED)
		propagation.type = MS_SLAVE;
	if (add_number(b->plan, PLAN_PROPAGATION, propagation.type | MS_REC, err) < 0)
		return -1;
	if (b->facts->root_is_initramfs && !plan_add(b->plan, PLAN_COVER_ROOT, err))
		return -1;
	return plan_add_paths(b->plan, PLAN_ROOTFS, b->facts->rootfs, NULL, err);
}

static int plan_pivot(struct plan_build *b, struct err *err)
{
	struct mount_propagation propagation = { 0 };

	if (b->spec->root && b->spec->root->readonly && !plan_add(b->plan, PLAN_READONLY_ROOT, err))
		return -1;
	if (!plan_add(b->plan, PLAN_PIVOT, err))
		return -1;
	if (root_propagation(b->spec, &propagation, err) < 0)
		return -1;
	if (!propagation.type)
		return 0;
	return add_number(b->plan, PLAN_ROOT_PROPAGATION,
			  propagation.type | (propagation.recursive ? MS_REC : 0), err);
}

/* In the container's namespaces, with the agent's files still there to be executed. */
static int plan_create_hooks(struct plan_build *b, struct err *err)
{
	const Grpc__Hooks *hooks = b->spec->hooks;

	return hooks ? plan_hooks(b, hooks->createcontainer, hooks->n_createcontainer, "creating",
				  err)
		     : 0;
}

static int plan_container(struct plan_build *b, struct err *err)
{
	int (*const parts[])(struct plan_build *, struct err *) = {
		enter,           plan_names,    plan_sysctls,      plan_root,
		plan_filesystem, plan_terminal, plan_restrictions, plan_create_hooks,
		plan_pivot,      plan_identity, plan_execute,
	};

	if (plan_unbuilt(b->spec, err) < 0 || plan_labels(b, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i](b, err) < 0)
			return -1;
	return 0;
}

static int plan_exec(struct plan_build *b, struct err *err)
{
	if (plan_labels(b, err) < 0 || enter(b, err) < 0)
		return -1;
	/* Without a mount namespace to join, the root is where the container's was made. */
	if (!plan_has_ns(b->plan, NS_MOUNT) &&
	    plan_add_paths(b->plan, PLAN_CHROOT, b->facts->rootfs, NULL, err) < 0)
		return -1;
	if (plan_terminal(b, err) < 0 || plan_identity(b, err) < 0)
		return -1;
	return plan_execute(b, err);
}

int plan_build(const struct plan_facts *facts, const Grpc__Spec *spec, const Grpc__Process *process,
	       struct plan **ret, struct err *err)
{
	struct plan_build b = {
		.plan = xnew(struct plan), .facts = facts, .spec = spec, .process = process
	};
	int r = plan_namespaces(&b, err);

	if (r == 0 && !facts->is_exec)
		r = plan_id_maps(&b, err);
	if (r == 0 && facts->is_exec)
		b.plan->stdio_uid = (uid_t)-1; /* by launch.c, from the init's maps */
	if (r == 0 && !facts->is_exec)
		r = plan_time(&b, err);
	if (r == 0)
		r = plan_limits(&b, err);
	if (r == 0)
		r = facts->is_exec ? plan_exec(&b, err) : plan_container(&b, err);
	if (r < 0) {
		plan_free(b.plan);
		return -1;
	}
	*ret = b.plan;
	return 0;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_ops; i++) {
		if (plan->ops[i].mount) {
			struct mount_options mount = *plan->ops[i].mount;

			mount_options_done(&mount);
		}
	}
	for (size_t i = 0; i < plan->n_owned; i++)
		free(plan->owned[i]);
	seccomp_filter_done(&plan->filter);
	str_done(&plan->warnings);
	free(plan->owned);
	free(plan->ops);
	free(plan->argv);
	free(plan->envp);
	free(plan->uid_map);
	free(plan->gid_map);
	free(plan->time_offsets);
	free(plan);
}
