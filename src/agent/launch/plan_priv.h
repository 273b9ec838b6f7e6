/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * plan_priv.h - what the files of the planner share
 *
 * plan.c             building blocks, names, sysctls, the order of everything
 * plan_namespaces.c  namespaces, id maps, clocks
 * plan_mounts.c      mounts, devices, masked and read-only paths
 * plan_process.c     the process: terminal, ids, capabilities, limits
 * plan_hooks.c       hooks that run in the container's namespaces
 * plan_text.c        names and printing
 */
#include "agent/launch/plan.h"

struct plan_build {
	struct plan *plan;
	const struct plan_facts *facts;
	const Grpc__Spec *spec;
	const Grpc__Process *process;
};

/* Appends an operation, borrowed until the next. NULL (err set) when there are too many. */
struct plan_op *plan_add(struct plan *plan, enum plan_kind kind, struct err *err);

/* As plan_add(), with src and dst; 0 or -1. */
int plan_add_paths(struct plan *plan, enum plan_kind kind, const char *src, const char *dst,
		   struct err *err);

/* The plan frees p with itself. Takes p and returns it. */
void *plan_own(struct plan *plan, void *p);

/* "/a/./b//../c" to "/a/c", never above "/"; owned by the plan. */
const char *plan_clean_path(struct plan *plan, const char *path);

/* "" and NULL are the same: not given. */
bool plan_is_given(const char *text);

/* Has the plan a namespace of this kind that is not the agent's own? */
bool plan_has_ns(const struct plan *plan, enum ns_kind kind);

/* plan_namespaces.c: facts for the parent. */
int plan_namespaces(struct plan_build *b, struct err *err);
int plan_id_maps(struct plan_build *b, struct err *err);
int plan_time(struct plan_build *b, struct err *err);

/* plan_mounts.c: all up to and excluding the pivot. */
int plan_filesystem(struct plan_build *b, struct err *err);
/* plan_mounts.c: after the terminal exists. */
int plan_restrictions(struct plan_build *b, struct err *err);

/* The text of a map file; owned by the caller. */
char *plan_id_map(Grpc__LinuxIDMapping *const *maps, size_t n);

/* plan_hooks.c: one operation a hook; status is the container's at that time. */
int plan_hooks(struct plan_build *b, Grpc__Hook *const *hooks, size_t n, const char *status,
	       struct err *err);

/* plan_process.c: facts for the parent, then operations in groups. */
int plan_limits(struct plan_build *b, struct err *err);
int plan_labels(struct plan_build *b, struct err *err);
int plan_terminal(struct plan_build *b, struct err *err);
int plan_identity(struct plan_build *b, struct err *err);
int plan_execute(struct plan_build *b, struct err *err);
