/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * facts.h - what the planner has to know about this machine and this launch
 *
 * Everything that is looked at before planning is looked at here, so that plan.c needs
 * neither root nor a kernel.
 *
 * Owns:   the namespace fds it opened, and the strings behind struct plan_facts
 * Blocks: on /proc, /sys and cgroupfs only
 */
#include "agent/launch/launch.h"
#include "agent/launch/plan.h"
#include "lib/cgroup/cgroup.h"

struct facts {
	struct plan_facts plan;         /* strings borrowed from here and from the context */
	int ns_fd[NS_COUNT];            /* -1: none given; owned */
	int cgroup_fds[CGROUP_FDS_MAX]; /* to be written by the child; owned */
	size_t n_cgroup_fds;
	int cgroup_dir_fd; /* for CLONE_INTO_CGROUP, borrowed from the group; -1: not */
	/* private */
	struct plan_controller controllers[CGROUP_FDS_MAX];
	char *controller_dirs[CGROUP_FDS_MAX], *controller_names[CGROUP_FDS_MAX];
	char *cgroup2_dir;
};

/* On failure *ret holds nothing. */
int facts_read(const struct launch_context *ctx, struct facts *ret, struct err *err);
void facts_done(struct facts *facts);

/* An exec's user as the agent numbers it, by the user namespace of init_pid. */
int facts_host_uid(pid_t init_pid, uid_t uid, uid_t *ret, struct err *err);

/* Is "/" the initramfs itself, which pivot_root() refuses to leave? */
int facts_root_is_initramfs(bool *ret, struct err *err);
