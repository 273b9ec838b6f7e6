/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * cgroup.h - one control group over v1, v2 and hybrid hierarchies
 *
 * Used on the host (where the VM's processes live) and in the guest (where containers
 * live). A group is a path below every mounted controller; v1 and hybrid have one
 * directory a controller, v2 has one. For scopes of systemd see lib/cgroup/systemd.h.
 *
 * Spec:   kernel Documentation/admin-guide/cgroup-v1, cgroup-v2.rst; conversions of
 *         OCI values to v2 as in the runtime specification and systemd's weights
 * Blocks: on cgroupfs only; cgroup_remove() waits, with a deadline, for the group to empty
 * Errors: a limit whose controller is not there is ERR_UNIMPLEMENTED naming the controller
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent.pb-c.h"
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct cgroup;

enum cgroup_mode { CGROUP_V1, CGROUP_V2, CGROUP_HYBRID };

/* What this machine has mounted. Hybrid: v1 controllers beside an empty v2. */
int cgroup_mode(enum cgroup_mode *ret, struct err *err);

/*
 * Where spec.linux.cgroupsPath leads: absolute is kept, relative and empty go below
 * parent ("/vc" on the host). ".." is refused. Owned by the caller.
 */
char *cgroup_path(const char *cgroups_path, const char *parent, const char *id, struct err *err);

/* Make (or open) the group in every hierarchy. path is absolute within them. */
struct cgroup *cgroup_create(const char *path, struct err *err);
/* An existing group, wherever it still exists; ERR_NOT_FOUND when it is nowhere. */
struct cgroup *cgroup_open(const char *path, struct err *err);
void cgroup_free(struct cgroup *cg); /* forgets; the group stays */
const char *cgroup_name(const struct cgroup *cg); /* the path it was made with, borrowed */

/* Set what is given; 0 or absent leaves a value alone. Devices: see cgroup_set_devices(). */
int cgroup_apply(struct cgroup *cg, const Grpc__LinuxResources *res, struct err *err);

/* Device rules in order, first the default (deny all), then these. v2: an eBPF program. */
int cgroup_set_devices(struct cgroup *cg, Grpc__LinuxDeviceCgroup *const *rules, size_t n,
		       struct err *err);

/*
 * Moving another process waits for a grace period of the kernel, 5 to 20 ms; where it is in
 * the group already, nothing is done.
 */
int cgroup_add_pid(struct cgroup *cg, pid_t pid, struct err *err);
/* Out of the group, into the root of every hierarchy that the group is in. */
int cgroup_return_pid(struct cgroup *cg, pid_t pid, struct err *err);

/*
 * How a process is made in the group (struct spawn), which costs no grace period: of v1,
 * open files into which a forked child of one thread writes "0" to enter, at most
 * CGROUP_FDS_MAX and owned by the caller; of v2, cgroup_dir_fd() for CLONE_INTO_CGROUP.
 */
#define CGROUP_FDS_MAX 16
int cgroup_enter_fds(struct cgroup *cg, int fds[static CGROUP_FDS_MAX], size_t *ret_n,
		     struct err *err);
/* O_PATH fd of the v2 directory, borrowed; -1 when v2 is not in use. */
int cgroup_dir_fd(const struct cgroup *cg);

/* Every pid in the group and below; *ret is owned by the caller. */
int cgroup_pids(struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *err);

/* Returns when every task is frozen (or thawed), or ERR_TIMEOUT. */
int cgroup_freeze(struct cgroup *cg, bool frozen, uint32_t timeout_ms, struct err *err);

/* Signal everything in the group and below; SIGKILL uses cgroup.kill where there is one. */
int cgroup_signal(struct cgroup *cg, int sig, struct err *err);

/* Remove the group and all below in every hierarchy; processes in it must be gone or going. */
int cgroup_remove(struct cgroup *cg, uint32_t timeout_ms, struct err *err);

/* Fill the agent protocol's statistics; release with protobuf_c_message_free_unpacked(). */
Grpc__CgroupStats *cgroup_stats(struct cgroup *cg, struct err *err);

/*
 * An fd to watch in an event loop for OOM kills, and what to do when it is ready. v1: an
 * eventfd on memory.oom_control. v2: inotify on memory.events. The fd is owned by the caller.
 * cgroup_oom_read() returns 1 when a kill happened since the last call, 0 when not.
 */
int cgroup_oom_fd(struct cgroup *cg, struct err *err);
int cgroup_oom_read(struct cgroup *cg, int fd, struct err *err);
