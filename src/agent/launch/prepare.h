/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * prepare.h - everything the parent opens before the clone, because it can still say well
 * what went wrong
 */
#include "agent/launch/facts.h"
#include "agent/launch/plan.h"

/* Owned until taken or wires_done(). */
struct wires {
	int sync[2], report[2];       /* [0] ours, [1] the child's */
	int in[2], out[2], errors[2]; /* pipes: [0] read end, [1] write end; -1 with a terminal */
};

#define WIRES_INIT ((struct wires){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } })

/* On failure some may be open. */
int wires_open(const struct plan *plan, struct wires *w, struct err *err);
void wires_done(struct wires *w);

/*
 * Fill in the fds that the plan's operations were left without: groups, namespaces, sources of
 * mounts. The plan then owns them until plan_close_fds(), also after a failure.
 */
int plan_open_fds(struct plan *plan, const struct facts *facts, struct err *err);
void plan_close_fds(struct plan *plan);

/* All fds that the child needs, ascending. Owned by the caller. */
int *plan_list_fds(const struct plan *plan, const struct wires *w, size_t *ret_n);

/*
 * Namespaces that a child can only be born in: the parent steps out into them, clones, and
 * steps back, in any case: a parent that stays outside breaks its next child. steps_back()
 * tries every one, also after a failure.
 */
struct steps {
	int own_fd[NS_COUNT]; /* where to go back to; -1: never left */
};
int steps_out(const struct plan *plan, const struct facts *facts, struct steps *steps,
	      struct err *err);
int steps_back(struct steps *steps, struct err *err);

/*
 * In launch.c, where all clones are: an fd of a new user namespace with these maps, for an
 * idmapped mount. Owned by the caller.
 */
int launch_map_namespace(const struct plan_idmap *map, struct err *err);
