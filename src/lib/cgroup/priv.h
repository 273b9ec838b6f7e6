/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * priv.h - what the files of lib/cgroup share; tests include it too
 *
 * A tree is what is mounted: up to CG_TREES_MAX hierarchies, each with its controllers. A
 * group is one path with an open directory in each of them. Everything below a group is
 * reached from those directories, never by its path again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/cgroup/cgroup.h"

/* The kernel's names are in tree.c. v2 calls blkio "io"; cpuacct there is part of cpu. */
enum cg_controller {
	CG_CPU,
	CG_CPUACCT,
	CG_CPUSET,
	CG_MEMORY,
	CG_DEVICES,
	CG_FREEZER,
	CG_BLKIO,
	CG_PIDS,
	CG_HUGETLB,
	CG_NET_CLS,
	CG_NET_PRIO,
	CG_RDMA,
	CG_MISC,
	CG_CONTROLLERS,
};

#define CG_TREES_MAX CGROUP_FDS_MAX
#define CG_FILE_MAX  (1u << 20) /* bytes of one control file that are read */
#define CG_DEPTH_MAX 64         /* levels below a container's group */
#define CG_DIR_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

struct cg_hierarchy {
	bool v2;
	uint32_t controllers; /* v1: bits 1 << enum cg_controller */
	char *mount;          /* mount point; owned */
};

struct cg_tree {
	enum cgroup_mode mode;
	struct cg_hierarchy at[CG_TREES_MAX];
	size_t n;
};

struct cgroup {
	struct cg_tree tree;
	char *path;
	int dir_fds[CG_TREES_MAX]; /* O_PATH; -1: the group is not in this hierarchy */
	uint32_t v2_controllers;   /* those switched on for the group */
	uint64_t oom_kills;        /* told by cgroup_oom_read() so far */
};

const char *cg_controller_name(enum cg_controller c, bool v2);

/* Is the file system of that device number what one sees at the mount point? */
typedef bool cg_visible_fn(const char *target, uint32_t major, uint32_t minor);
/* From the text of mountinfo, which is cut up. tree is empty or filled as a whole. */
int cg_tree_parse(char *mountinfo, cg_visible_fn *visible, struct cg_tree *ret, struct err *err);
int cg_tree_read(struct cg_tree *ret, struct err *err);
void cg_tree_done(struct cg_tree *tree);

/* As cgroup_create() and cgroup_open(), in a tree that is taken, also on failure. */
struct cgroup *cg_create_in(struct cg_tree *tree, const char *path, struct err *err);
struct cgroup *cg_open_in(struct cg_tree *tree, const char *path, struct err *err);

/* The directory that has the controller for this group, or -1. *ret_v2 may be NULL. */
int cg_dir(const struct cgroup *cg, enum cg_controller c, bool *ret_v2);
/* The v2 directory, or -1. */
int cg_dir_v2(const struct cgroup *cg);

/* Call fn for the directory dir_fd and all below it, deepest first. */
typedef int cg_walk_fn(void *arg, int dir_fd, struct err *err);
int cg_walk(int dir_fd, cg_walk_fn *fn, void *arg, struct err *err);

/*
 * A control file's words. cg_read_u64: "max" and a number that does not fit are
 * UINT64_MAX; false when there is no such file or no number in it.
 */
int cg_read(int dir_fd, const char *file, char **ret, struct err *err);
bool cg_read_u64(int dir_fd, const char *file, uint64_t *ret);
/* The number behind "key " on a line of its own; false when it is not there. */
bool cg_find_key(const char *text, const char *key, uint64_t *ret);
bool cg_has_file(int dir_fd, const char *file);

/*
 * Wait a little, twice as long each time, for what the kernel has no event for. False
 * when the deadline (CLOCK_MONOTONIC) is over.
 */
struct cg_nap {
	uint64_t deadline_ns;
	uint64_t next_ns;
};
struct cg_nap cg_nap_start(uint32_t timeout_ms);
bool cg_nap(struct cg_nap *nap);
/* Wait for a change of a v2 events file that was read before, at most until the deadline. */
bool cg_nap_event(struct cg_nap *nap, int events_fd);

/* --- what is to be written, decided before it is done --- */

struct cg_write {
	enum cg_controller controller;
	char *file;        /* owned, as value */
	char *value;
	const char *other; /* file of the same meaning to use when `file` is missing, or NULL */
	char *other_value;
	bool may_miss;     /* no such file: no harm */
};

struct cg_plan {
	struct cg_write *writes;
	size_t n;
};

/* What the plan must know of the present, UINT64_MAX: no limit. */
struct cg_present {
	uint64_t memory_limit; /* bytes */
	uint64_t memsw_limit;  /* bytes; v1 */
	bool has_swap;
	bool v2;               /* v2 alone: the map "unified" is understood */
};

/* Pure. Which of v1's or v2's files, decided by has(arg, controller). */
enum cg_version { CG_NONE, CG_V1, CG_V2 };
typedef enum cg_version cg_version_fn(const void *arg, enum cg_controller c);

int cg_plan_resources(const Grpc__LinuxResources *res, const struct cg_present *now,
		      cg_version_fn *version, const void *arg, struct cg_plan *ret,
		      struct err *err);
int cg_plan_v1(enum cg_controller c, const Grpc__LinuxResources *res,
	       const struct cg_present *now, struct cg_plan *plan, struct err *err);
int cg_plan_v2(enum cg_controller c, const Grpc__LinuxResources *res,
	       const struct cg_present *now, struct cg_plan *plan, struct err *err);
struct cg_write *cg_plan_add(struct cg_plan *plan, enum cg_controller c, const char *file,
			     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void cg_plan_done(struct cg_plan *plan);
/* The same in v1 and v2, but for how the files of huge pages end. */
void cg_plan_cpuset(const Grpc__LinuxCPU *cpu, struct cg_plan *plan);
void cg_plan_pids(const Grpc__LinuxPids *pids, struct cg_plan *plan);
void cg_plan_hugetlb(const Grpc__LinuxResources *res, const char *suffix, struct cg_plan *plan);

/* OCI to v2. shares 2..262144 to weight 1..10000; blkio weight 10..1000 to the same. */
uint64_t cg_weight_of_shares(uint64_t shares);
uint64_t cg_weight_of_blkio(uint64_t weight);

/* Statistics: each fills what its controllers know. */
void cg_stats_v1(const struct cgroup *cg, Grpc__CgroupStats *stats);
void cg_stats_v2(const struct cgroup *cg, Grpc__CgroupStats *stats);
