/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * stand_in.h - start kata-shim for a process in the guest
 *
 * It inherits our standard streams, or has the slave of a terminal whose master went to
 * --console-socket. When we exit, it belongs to whoever adopts our orphans: containerd-shim and
 * conmon have made themselves that.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "cli/supervisor.h"
#include "lib/base/err.h"

struct stand_in {
	/* what is wanted; borrowed */
	const char *shim_path;
	const char *cid, *sid;
	const char *exec_id; /* "" for the container's own process */
	bool terminal;
	const char *console_socket; /* NULL: our standard streams */
	unsigned int rows, columns; /* of the terminal; 0: as it comes */
	int view_fd;                /* mount namespace to be in (view.h); -1: ours */
	bool foreground;            /* we stay: it shares our terminal and session */
	/* what there is */
	pid_t pid;
	int pidfd; /* -1: not started */
	int go_fd; /* it waits there for its "go"; -1: not started, or gone already */
	uint64_t start_ticks;
};

#define STAND_IN_INIT ((struct stand_in){ .view_fd = -1, .pidfd = -1, .go_fd = -1 })

/* Does --console-socket fit the process? daemon: we exit while it runs. */
int stand_in_check(const struct stand_in *s, bool daemon, struct err *err);

/*
 * Start it in the VM's cgroup, tell the supervisor, then let it go: if it went ahead, a short
 * program could have ended, and its stand-in with it, before the supervisor heard of it. From
 * then on it forwards signals.
 * Blocks: until it is ready
 */
int stand_in_start(struct stand_in *s, struct supervisor *sup, struct err *err);

/* Undo, also of a start that failed. */
void stand_in_kill(struct stand_in *s);

/*
 * Stay with it: forward our signals to it, and return its exit code. interrupt_catch() was
 * called before, so that no signal was lost.
 */
int stand_in_follow(struct stand_in *s, int *ret_status, struct err *err);

/* Write its pid, at once and whole. path NULL: nothing. */
int stand_in_write_pid(const struct stand_in *s, const char *path, struct err *err);
