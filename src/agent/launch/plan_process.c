/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_process.c - the process itself: terminal, limits, ids, capabilities, program
 *
 * Spec: OCI runtime-spec 1.2, config.md "Process"
 */
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>

#include "agent/launch/caps.h"
#include "agent/launch/plan_priv.h"
#include "lib/base/mem.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct word {
	const char *name;
	uint64_t value;
};

static const struct word *find(const struct word *words, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

static bool find_word(const struct word *words, size_t n, const char *name, uint64_t *ret)
{
	const struct word *word = find(words, n, name);

	if (word)
		*ret = word->value;
	return word != NULL;
}

/* ---- limits: for the parent ---- */

static const struct word rlimit_words[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};
_Static_assert(ARRAY_LEN(rlimit_words) == PLAN_RLIMITS_MAX, "room for each limit once");

static int plan_rlimit(struct plan *plan, const Grpc__POSIXRlimit *limit, struct err *err)
{
	const struct word *known = find(rlimit_words, ARRAY_LEN(rlimit_words), limit->type);

	if (!known)
		return err_set(err, ERR_INVALID, "rlimit '%s': unknown", limit->type);
	if (limit->soft > limit->hard)
		return err_set(err, ERR_INVALID, "rlimit '%s': soft value above the hard one",
			       limit->type);
	for (size_t i = 0; i < plan->n_rlimits; i++)
		if (plan->rlimits[i].resource == (int)known->value)
			return err_set(err, ERR_INVALID, "rlimit '%s': given twice", limit->type);
	plan->rlimits[plan->n_rlimits++] = (struct plan_rlimit){ known->name,
								 (int)known->value,
								 { limit->soft, limit->hard } };
	return 0;
}

int plan_limits(struct plan_build *b, struct err *err)
{
	for (size_t i = 0; i < b->process->n_rlimits; i++)
		if (plan_rlimit(b->plan, b->process->rlimits[i], err) < 0)
			return -1;
	if (b->process->oomscoreadj < -1000 || b->process->oomscoreadj > 1000)
		return err_set(err, ERR_INVALID, "oomScoreAdj %lld: out of range",
			       (long long)b->process->oomscoreadj);
	b->plan->has_oom_score_adj = true;
	b->plan->oom_score_adj = (int)b->process->oomscoreadj;
	return 0;
}

/* ---- terminal and standard streams ---- */

int plan_terminal(struct plan_build *b, struct err *err)
{
	const Grpc__Box *size = b->process->consolesize;
	struct plan_op *op;

	b->plan->has_terminal = b->process->terminal;
	if (!b->process->terminal)
		return 0;
	op = plan_add(b->plan, PLAN_TERMINAL, err);
	if (!op)
		return -1;
	op->uid = b->process->user ? b->process->user->uid : 0;
	if (size) {
		if (size->width > UINT16_MAX || size->height > UINT16_MAX)
			return err_set(err, ERR_INVALID, "consoleSize %ux%u: too large",
				       size->width, size->height);
		op->number = (uint64_t)size->width << 16 | size->height;
	}
	if (b->facts->is_exec)
		return 0;
	return plan_add_paths(b->plan, PLAN_CONSOLE, NULL, "/dev/console", err);
}

/* ---- scheduling, personality ---- */

static const struct word sched_policies[] = {
	{ "SCHED_OTHER", 0 }, { "SCHED_FIFO", 1 }, { "SCHED_RR", 2 },       { "SCHED_BATCH", 3 },
	{ "SCHED_ISO", 4 },   { "SCHED_IDLE", 5 }, { "SCHED_DEADLINE", 6 },
};

/* Source: linux/sched.h */
static const struct word sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 },  { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },     { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },    { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
};

static const struct word io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
};

static int plan_scheduler(struct plan_build *b, struct err *err)
{
	const Grpc__Scheduler *s = b->process->scheduler;
	struct plan_sched *sched;
	struct plan_op *op;
	uint64_t policy, flag;

	if (!s)
		return 0;
	if (!find_word(sched_policies, ARRAY_LEN(sched_policies), s->policy, &policy))
		return err_set(err, ERR_INVALID, "scheduler policy '%s': unknown", s->policy);
	sched = plan_own(b->plan, xnew(struct plan_sched));
	*sched = (struct plan_sched){ .policy = (uint32_t)policy,
				      .nice = s->nice,
				      .priority = (uint32_t)s->priority,
				      .runtime = s->runtime,
				      .deadline = s->deadline,
				      .period = s->period };
	for (size_t i = 0; i < s->n_flags; i++) {
		if (!find_word(sched_flags, ARRAY_LEN(sched_flags), s->flags[i], &flag))
			return err_set(err, ERR_INVALID, "scheduler flag '%s': unknown",
				       s->flags[i]);
		sched->flags |= flag;
	}
	op = plan_add(b->plan, PLAN_SCHEDULER, err);
	if (!op)
		return -1;
	op->sched = sched;
	return 0;
}

static int plan_io_priority(struct plan_build *b, struct err *err)
{
	const Grpc__IOPriority *io = b->process->iopriority;
	struct plan_op *op;
	uint64_t class;

	if (!io)
		return 0;
	if (!find_word(io_classes, ARRAY_LEN(io_classes), io->class_, &class))
		return err_set(err, ERR_INVALID, "ioPriority class '%s': unknown", io->class_);
	if (io->priority < 0 || io->priority > 7)
		return err_set(err, ERR_INVALID, "ioPriority %d: out of range", io->priority);
	op = plan_add(b->plan, PLAN_IO_PRIORITY, err);
	if (!op)
		return -1;
	op->number = class << 13 | (uint64_t)io->priority;
	return 0;
}

static int plan_personality(struct plan_build *b, struct err *err)
{
	static const struct word domains[] = { { "LINUX", 0 }, { "LINUX32", 8 } };
	const Grpc__LinuxPersonality *p = b->spec->linux ? b->spec->linux->personality : NULL;
	struct plan_op *op;
	uint64_t domain;

	if (!p)
		return 0;
	if (!find_word(domains, ARRAY_LEN(domains), p->domain, &domain))
		return err_set(err, ERR_INVALID, "personality '%s': unknown", p->domain);
	if (p->n_flags)
		return err_set(err, ERR_INVALID, "personality flag '%s': unknown", p->flags[0]);
	op = plan_add(b->plan, PLAN_PERSONALITY, err);
	if (!op)
		return -1;
	op->number = domain;
	return 0;
}

/* ---- labels: written before anything of the image is near ---- */

int plan_labels(struct plan_build *b, struct err *err)
{
	const char *profile = b->process->apparmorprofile, *label = b->process->selinuxlabel;

	if (plan_is_given(profile) && strcmp(profile, "unconfined") != 0) {
		if (!b->facts->has_apparmor)
			return err_set(err, ERR_UNIMPLEMENTED,
				       "apply AppArmor profile '%s': the kernel has no AppArmor",
				       profile);
		if (plan_add_paths(b->plan, PLAN_LABEL,
				   plan_own(b->plan, xasprintf("exec %s", profile)),
				   "apparmor/exec", err) < 0)
			return -1;
	}
	if (plan_is_given(label)) {
		if (!b->facts->has_selinux)
			return err_set(err, ERR_UNIMPLEMENTED,
				       "apply SELinux label '%s': the kernel has no SELinux",
				       label);
		if (plan_add_paths(b->plan, PLAN_LABEL, label, "exec", err) < 0)
			return -1;
	}
	return 0;
}

/* ---- capabilities and ids ---- */

/*
 * One set. The specification: what cannot be granted is a warning, not a failure. That is
 * so for names nobody knows, for what the agent has not got, and for what the kernel
 * refuses in this set without its being in another (allowed).
 */
static uint64_t read_caps(struct plan_build *b, char *const *names, size_t n, const char *set_name,
			  uint64_t allowed)
{
	uint64_t set = 0;

	for (size_t i = 0; i < n; i++) {
		const char *why = NULL;
		unsigned int cap = 0;

		if (!cap_parse(names[i], &cap) || cap > b->facts->last_cap)
			why = "not known here";
		else if (!(b->facts->own_caps >> cap & 1))
			why = "the agent has not got it itself";
		else if (!(allowed >> cap & 1))
			why = "not in the sets that this one is part of";
		if (why)
			str_addf(&b->plan->warnings, "%s capability '%s': %s\n", set_name, names[i],
				 why);
		else
			set |= (uint64_t)1 << cap;
	}
	return set;
}

/* Source of what is part of what: capabilities(7), "Programmatically adjusting". */
static struct plan_caps *plan_caps_new(struct plan_build *b)
{
	const Grpc__LinuxCapabilities *c = b->process->capabilities;
	struct plan_caps *caps = plan_own(b->plan, xnew(struct plan_caps));
	const uint64_t any = ~(uint64_t)0;

	if (!c)
		return caps;
	caps->bounding = read_caps(b, c->bounding, c->n_bounding, "bounding", any);
	caps->permitted = read_caps(b, c->permitted, c->n_permitted, "permitted", any);
	caps->effective = read_caps(b, c->effective, c->n_effective, "effective", caps->permitted);
	caps->inheritable =
		read_caps(b, c->inheritable, c->n_inheritable, "inheritable", caps->bounding);
	caps->ambient = read_caps(b, c->ambient, c->n_ambient, "ambient",
				  caps->permitted & caps->inheritable);
	return caps;
}

static int add_caps(struct plan_build *b, enum plan_kind kind, const struct plan_caps *caps,
		    struct err *err)
{
	struct plan_op *op = plan_add(b->plan, kind, err);

	if (!op)
		return -1;
	op->caps = caps;
	op->number = b->facts->last_cap;
	return 0;
}

static int add_ids(struct plan_build *b, struct err *err)
{
	const Grpc__User *user = b->process->user;
	struct plan_op *op = plan_add(b->plan, PLAN_IDS, err);

	if (!op)
		return -1;
	if (user) {
		op->uid = user->uid;
		op->gid = user->gid;
		op->gids = user->additionalgids;
		op->n_gids = user->n_additionalgids;
	}
	return 0;
}

static int add_home(struct plan_build *b, struct err *err)
{
	struct plan_op *op;

	for (size_t i = 0; i < b->process->n_env; i++)
		if (strncmp(b->process->env[i], "HOME=", 5) == 0)
			return 0;
	op = plan_add(b->plan, PLAN_HOME, err);
	if (!op)
		return -1;
	op->uid = b->process->user ? b->process->user->uid : 0;
	return 0;
}

static int add_umask(struct plan_build *b, struct err *err)
{
	const Grpc__User *user = b->process->user;
	struct plan_op *op = plan_add(b->plan, PLAN_UMASK, err);

	if (!op)
		return -1;
	op->number = user && user->umask ? user->umask->value & 0777 : 0022;
	return 0;
}

static bool has_filter(const struct plan_build *b)
{
	return b->spec->linux && b->spec->linux->seccomp &&
	       plan_is_given(b->spec->linux->seccomp->defaultaction);
}

int plan_identity(struct plan_build *b, struct err *err)
{
	int (*const parts[])(struct plan_build *, struct err *) = {
		add_umask,
		plan_personality,
		plan_scheduler,
		plan_io_priority,
	};

	if (!plan_add(b->plan, PLAN_STDIO, err))
		return -1;
	if (plan_add_paths(b->plan, PLAN_CWD, NULL,
			   plan_is_given(b->process->cwd) ? b->process->cwd : "/", err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i](b, err) < 0)
			return -1;
	return 0;
}

static const char *search_path(const Grpc__Process *process)
{
	for (size_t i = 0; i < process->n_env; i++)
		if (strncmp(process->env[i], "PATH=", 5) == 0)
			return process->env[i] + 5;
	return DEFAULT_PATH;
}

static void copy_vectors(struct plan_build *b)
{
	const Grpc__Process *process = b->process;

	b->plan->argv = xcalloc(process->n_args + 1, sizeof(char *));
	b->plan->envp = xcalloc(process->n_env + 2, sizeof(char *));
	for (size_t i = 0; i < process->n_args; i++)
		b->plan->argv[i] = process->args[i];
	for (size_t i = 0; i < process->n_env; i++)
		b->plan->envp[i] = process->env[i];
}

/*
 * Loading a filter without no_new_privs takes CAP_SYS_ADMIN. Then the process keeps it,
 * beside what it is to have, until the filter is loaded right before the program; only
 * capset() and prctl() come in between, so that the filter need allow no more than those.
 */
static struct plan_caps *interim_caps(struct plan_build *b, const struct plan_caps *final)
{
	struct plan_caps *caps = plan_own(b->plan, xnew(struct plan_caps));
	uint64_t admin = (uint64_t)1 << CAP_SYS_ADMIN;

	*caps = *final;
	caps->permitted |= final->inheritable | admin;
	caps->effective |= admin;
	caps->inheritable = 0;
	caps->ambient = 0;
	return caps;
}

int plan_execute(struct plan_build *b, struct err *err)
{
	const struct plan_caps *caps = plan_caps_new(b);
	bool filter_first = has_filter(b) && !b->process->nonewprivileges;

	if (!b->process->n_args)
		return err_set(err, ERR_INVALID, "process.args is empty");
	copy_vectors(b);
	if (add_caps(b, PLAN_BOUNDING, caps, err) < 0 || add_ids(b, err) < 0 ||
	    add_caps(b, PLAN_CAPABILITIES, filter_first ? interim_caps(b, caps) : caps, err) < 0)
		return -1;
	if (b->process->nonewprivileges && !plan_add(b->plan, PLAN_NO_NEW_PRIVS, err))
		return -1;
	if (add_home(b, err) < 0 || plan_add_paths(b->plan, PLAN_FIND_PROGRAM, b->process->args[0],
						   search_path(b->process), err) < 0)
		return -1;
	if (!plan_add(b->plan, PLAN_READY, err))
		return -1;
	if (!b->facts->is_exec && b->spec->hooks &&
	    plan_hooks(b, b->spec->hooks->startcontainer, b->spec->hooks->n_startcontainer,
		       "created", err) < 0)
		return -1;
	if (has_filter(b)) {
		if (seccomp_compile(b->spec->linux->seccomp, &b->plan->filter, err) < 0)
			return -1;
		if (!plan_add(b->plan, PLAN_SECCOMP, err))
			return -1;
	}
	if (filter_first && add_caps(b, PLAN_CAPABILITIES, caps, err) < 0)
		return -1;
	return plan_add(b->plan, PLAN_EXECUTE, err) ? 0 : -1;
}
