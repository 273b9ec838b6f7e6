/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * virtiofsd.h - the process that shows the shared directory to the guest
 *
 * There are two programs of this name with different options: the C one of QEMU up to
 * 7.2 and the Rust one. Its --help tells which; the answer is kept in a file until the
 * program changes. Its listening socket is made here, connected to, handed over and
 * unlinked: nobody else can reach it, and the connection is what QEMU gets. It stays in
 * its sandbox (own namespaces, seccomp, capabilities dropped), always.
 *
 * Source: qemu 7.2 tools/virtiofsd; virtiofsd 1.10; Kata 3.x virtcontainers
 * Trust:  serves a hostile guest: nothing it says is believed
 * Thread: the loop's
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/vmm/vmm.h"
#include "lib/base/err.h"

struct config;
struct event_base;
struct virtiofsd;

enum virtiofsd_dialect { VIRTIOFSD_C, VIRTIOFSD_RUST };

#define VIRTIOFSD_FD 3 /* the listening socket, in the child */

/* What to run; pure. rlimit_nofile is our hard limit. Owned by the caller (strv_free). */
char **virtiofsd_argv(const struct config *config, enum virtiofsd_dialect dialect,
		      const char *share_dir, uint64_t rlimit_nofile, struct err *err);

/* Which dialect a --help text speaks; pure. ERR_INVALID when it is neither. */
int virtiofsd_dialect_of(const char *help, enum virtiofsd_dialect *ret, struct err *err);

/* All borrowed for the call. */
struct virtiofsd_start {
	const struct config *config;
	const char *share_dir; /* what the guest shall see */
	const char *vm_dir;    /* for the socket, for a moment; made when it is not there */
	const char *cache_dir; /* where the dialect is remembered; ACCEL_CACHE_DIR will do */
	const struct vmm_place *place; /* of it the cgroup counts; NULL: ours */
	/*
	 * virtiofsd makes a file as the user and group that the guest names, who by the host's rules
	 * may not be allowed to: the root of a container's user namespace, who is root over its image
	 * and some other user to the host; a member of a supplementary group (fsGroup of a pod), of
	 * which virtiofsd is not told before Linux 6.3 and its version in Rust. Whether they may has been
	 * decided in the guest by then, whose word virtiofsd takes for who is asking anyway; so virtiofsd
	 * keeps the right to override. Not for others: guest kernels before 6.0 leave it to the host to
	 * take set-group-ID bits from new files of those who are not in the group.
	 */
	bool overrides;
};

/* lost: the process ended by itself, once. May free the virtiofsd. */
struct virtiofsd *virtiofsd_new(struct event_base *base,
				void (*lost)(void *arg, const struct err *why), void *arg);

/*
 * Start it; done comes from the loop, and on success virtiofsd_take_fd() has QEMU's end.
 * The first time, the program runs once with --help, within timeout_ms.
 */
void virtiofsd_start(struct virtiofsd *vfs, const struct virtiofsd_start *args,
		     uint32_t timeout_ms, vmm_done *done, void *arg);

int virtiofsd_take_fd(struct virtiofsd *vfs); /* once; owned by the caller */
pid_t virtiofsd_pid(const struct virtiofsd *vfs, uint64_t *ret_start_ticks); /* 0: does not run */
char *virtiofsd_output(const struct virtiofsd *vfs); /* its last words, escaped; owned by the caller */

/*
 * Kill and reap it and the process in its namespaces. Silent. Stop the VM first.
 * Blocks: until it is gone, at most two seconds. NULL is fine.
 */
void virtiofsd_free(struct virtiofsd *vfs);
