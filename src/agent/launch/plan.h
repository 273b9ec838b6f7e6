/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * plan.h - what a launch is going to do, decided before anything is done
 *
 * plan_build() turns a spec into a list of operations for the child (in order) and a few
 * facts for the parent. It needs no root and no kernel: what the machine is like comes in
 * as struct plan_facts. plan_text() prints a plan, which is what the golden tests compare.
 *
 * Spec:  OCI runtime-spec 1.2, config.md and config-linux.md
 * Owns:  the strings that were composed; others are borrowed from the spec, the process and
 *        the facts, which outlive the plan
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/base/mount_options.h"
#include "agent/launch/seccomp.h"
#include "lib/base/err.h"
#include "lib/base/str.h"
#include "oci.pb-c.h"

/* Joined in this order: the rights over the others end with the user namespace. */
enum ns_kind {
	NS_PID,
	NS_TIME,
	NS_IPC,
	NS_UTS,
	NS_NET,
	NS_CGROUP,
	NS_MOUNT,
	NS_USER,
	NS_COUNT,
};

struct ns_info {
	const char *type; /* in the spec */
	const char *file; /* in /proc/PID/ns */
	uint64_t clone_flag;
};
extern const struct ns_info ns_infos[NS_COUNT];

enum ns_how {
	NS_KEEP,       /* the agent's own */
	NS_CLONE,      /* made by clone3() */
	NS_UNSHARE,    /* made by the child (cgroup) or just before the clone (time) */
	NS_JOIN_FIRST, /* joined by the parent around the clone */
	NS_JOIN_CHILD, /* joined by the child, op PLAN_JOIN */
};

struct plan_ns {
	enum ns_how how;
	const char *path; /* of a namespace to join; NULL: the fd is the caller's */
};

/*
 * One operation. Which fields count is said beside each kind; "in root" paths are opened
 * beneath the container's root and are hostile, others are the agent's own.
 */
enum plan_kind {
	PLAN_ENTER_CGROUP,   /* fd: a tasks file of version 1 */
	PLAN_JOIN,           /* number: enum ns_kind; fd */
	PLAN_UNSHARE,        /* number: CLONE_ flags */
	PLAN_WAIT_MAPPED,    /* wait for the id maps, then become their root */
	PLAN_SESSION,        /* setsid() */
	PLAN_KEYRING,        /* src: name of the session keyring */
	PLAN_PROPAGATION,    /* number: MS_ flags for the agent's whole tree */
	PLAN_COVER_ROOT,     /* put a mount over an initramfs root, which cannot be pivoted */
	PLAN_ROOTFS,         /* src: path; the root for all "in root" paths from here on */
	PLAN_FILESYSTEM,     /* src, dst in root, type, mount, number: PLAN_MOUNT_ flags */
	PLAN_BIND,           /* src, dst in root, mount, number: PLAN_MOUNT_ flags; fd or -1 */
	PLAN_MAKE_DIR,       /* dst in root, number: mode */
	PLAN_NODE,           /* dst in root, number: mode with S_IF, rdev, uid, gid */
	PLAN_NODE_BIND,      /* the same by binding src */
	PLAN_LINK,           /* dst in root is a link to src; one that exists stays */
	PLAN_RELINK,         /* the same, but what exists is replaced */
	PLAN_SYSCTL,         /* dst: below /proc/sys; src: value; number: PLAN_SYSCTL_ flags */
	PLAN_HOSTNAME,       /* src */
	PLAN_DOMAINNAME,     /* src */
	PLAN_HOOK,           /* hook */
	PLAN_READONLY_MOUNT, /* dst in root: the mount there */
	PLAN_READONLY_PATH,  /* dst in root */
	PLAN_MASK,           /* dst in root */
	PLAN_TERMINAL,       /* number: columns << 16 | rows; uid: owner */
	PLAN_CONSOLE,        /* dst in root: bind the terminal there */
	PLAN_READONLY_ROOT,
	PLAN_PIVOT,
	PLAN_CHROOT,           /* src: path; for an exec without a mount namespace */
	PLAN_ROOT_PROPAGATION, /* number: MS_ flags */
	PLAN_STDIO,            /* the pipes or the terminal become 0, 1, 2 */
	PLAN_CWD,              /* dst in root */
	PLAN_UMASK,            /* number */
	PLAN_PERSONALITY,      /* number */
	PLAN_SCHEDULER,        /* sched */
	PLAN_IO_PRIORITY,      /* number: as ioprio_set() */
	PLAN_LABEL,            /* src: label, dst: file below /proc/self/attr */
	PLAN_BOUNDING,         /* caps */
	PLAN_IDS,              /* uid, gid, gids */
	PLAN_CAPABILITIES,     /* caps */
	PLAN_NO_NEW_PRIVS,
	PLAN_HOME,         /* uid: HOME from /etc/passwd when the environment has none */
	PLAN_FIND_PROGRAM, /* src: argv[0], dst: PATH */
	PLAN_READY,        /* tell the parent, wait for its go */
	PLAN_SECCOMP,      /* the plan's filter; number: flags for seccomp() */
	PLAN_EXECUTE,
	PLAN_KIND_COUNT,
};

#define PLAN_SYSCTL_BY_PARENT 1u /* the child has no right to it */

#define PLAN_MOUNT_ON_PROC   1u /* the target may lie in a proc file system */
#define PLAN_MOUNT_PROC_ONLY 2u /* the source must be a proc file system */
#define PLAN_MOUNT_NO_LINK   4u /* the target must not be a link */

struct plan_caps {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct plan_sched {
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Run by the child itself, in its namespaces at that point of its way. */
struct plan_hook {
	const char *path;
	char **argv, **envp; /* NULL-terminated, of borrowed strings */
	const char *state;   /* JSON for its stdin, up to and without the pid and "}" */
	uint32_t timeout_ms; /* 0: none but the launch's own deadline */
};

/* Maps of an idmapped mount, as written into a user namespace's files. */
struct plan_idmap {
	const char *uid_map, *gid_map;
	bool is_recursive;
};

struct plan_op {
	enum plan_kind kind;
	int fd; /* opened by the parent after planning; -1: none */
	const char *src, *dst, *type;
	const struct mount_options *mount;
	uint64_t number;
	uint64_t rdev;
	uid_t uid;
	gid_t gid;
	const uint32_t *gids;
	size_t n_gids;
	const struct plan_caps *caps;
	const struct plan_sched *sched;
	const struct plan_hook *hook;
	const struct plan_idmap *idmap; /* of a PLAN_BIND: done by the parent, who opens it */
};

struct plan_rlimit {
	const char *name; /* "RLIMIT_NOFILE"; static */
	int resource;
	struct rlimit value;
};

#define PLAN_RLIMITS_MAX 16
#define PLAN_OPS_MAX     2048 /* mounts, devices and paths of a sane spec are tens */

struct plan {
	/* for the parent */
	struct plan_ns ns[NS_COUNT];
	uint64_t clone_flags;
	char *uid_map, *gid_map; /* what is written into the files; NULL: no user namespace */
	char *time_offsets;      /* the same */
	uid_t stdio_uid;         /* owner of the pipes, as the agent numbers users */
	bool has_terminal;
	bool opens_binds; /* the parent opens the sources of PLAN_ROOTFS and every PLAN_BIND */
	bool has_oom_score_adj;
	int oom_score_adj;
	struct plan_rlimit rlimits[PLAN_RLIMITS_MAX];
	size_t n_rlimits;
	/* for the child */
	struct plan_op *ops;
	size_t n_ops;
	char **argv; /* borrowed strings, NULL-terminated */
	char **envp; /* the same, with one free place before another NULL */
	struct seccomp_filter filter;
	/* for both */
	struct str warnings; /* lines: what was passed over, as the specification asks */
	void **owned;
	size_t n_owned;
};

/* A cgroup v1 controller as the container is to see it. */
struct plan_controller {
	const char *name; /* directory below the mount point: "cpu,cpuacct" */
	const char *dir;  /* the container's own directory in it, a path of the agent's */
};

/* What the machine is like; all strings borrowed. */
struct plan_facts {
	const char *container_id;
	const char *rootfs;
	bool is_exec;
	/* Namespaces whose fd the caller has: those of launch_context, or an exec's. */
	bool has_ns_fd[NS_COUNT];
	bool root_is_initramfs;
	bool has_apparmor, has_selinux;
	unsigned int last_cap; /* highest capability the kernel knows */
	uint64_t own_caps;     /* that the agent itself may give */
	bool has_cgroup;
	const char *cgroup2_dir; /* the container's, NULL when the machine has v1 or hybrid */
	const struct plan_controller *controllers; /* v1 and hybrid */
	size_t n_controllers;
	size_t n_cgroup_fds; /* PLAN_ENTER_CGROUP operations to make room for */
};

/* process is the container's own or an exec's. */
int plan_build(const struct plan_facts *facts, const Grpc__Spec *spec, const Grpc__Process *process,
	       struct plan **ret, struct err *err);
void plan_free(struct plan *plan);

const char *plan_kind_name(enum plan_kind kind);

/* One line an operation and one a fact; for tests and debugging. Owned by the caller. */
char *plan_text(const struct plan *plan);
