/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bench.h - a directory, a loop with a deadline, a configuration, and a machine to be
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "engine/config/config.h"
#include "engine/vmm/qemu.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

#define QEMU "/usr/bin/qemu-system-x86_64"

struct bench {
	struct event_base *base;
	struct config *config;
	struct vm_config vm;
	struct vmm *vmm;
	char dir[64], kernel[96], vm_dir[96], share[96];
	struct event deadline;
	bool late;
	bool done, lost; /* by bench_on_done() and bench_on_lost() */
	struct err done_err, lost_err;
	enum vm_accel accel; /* TCG to begin with */
	bool start_paused;
	const char *awaited_line; /* sets said when the console has it */
	bool said;
	size_t n_lines;
	pid_t pid;
	void *more; /* the test's own */
};

/* No emulated KVM, no share, little memory, our own user. kernel is an empty file until written. */
struct bench *bench_new(void);
/* Also checks that neither process nor directory of a machine is left. */
void bench_free(struct bench *b);

void bench_set(char **member, const char *text);
void bench_write(const char *path, const void *data, size_t len, unsigned int mode);

/* One turn of the loop after another until *flag; fails the test after 20 s. */
void bench_run_until(struct bench *b, const bool *flag);

/* The same for one or the other flag, or until the time is over, which is fine. */
void bench_run_for(struct bench *b, unsigned int ms, const bool *flag, const bool *other);

void bench_on_done(void *arg, const struct err *err);  /* a vmm_done; arg is the bench */
void bench_on_lost(void *arg, const struct err *why);
void bench_on_console(void *arg, const char *line);

void bench_plan(struct bench *b);
/* Plan and start with the bench's callbacks; fs_fd of virtiofsd or -1. */
void bench_start(struct bench *b, int fs_fd);
/* Wait until it is ready; must succeed. */
void bench_make_ready(struct bench *b);
/* Ask for something that ends in done, and wait: BENCH_ASK(b, vmm_check, 500) */
#define BENCH_ASK(b, call, timeout_ms)                                  \
	do {                                                            \
		(b)->done = false;                                      \
		call((b)->vmm, (timeout_ms), bench_on_done, (b));       \
		assert_false((b)->done); /* never from inside */        \
		bench_run_until((b), &(b)->done);                       \
	} while (0)
/* Stop; everything must be gone. */
void bench_stop(struct bench *b);

/* For tests that make taps: a network namespace of its own. False: skip; what is missing is told. */
bool bench_enter_netns(void);
/* flags: IFF_MULTI_QUEUE or 0. Fails the test when it cannot be. */
int bench_open_tap(const char *name, short flags);

bool bench_is_gone(pid_t pid); /* or a zombie of somebody else's */
void bench_expect_text(const struct err *err, const char *part);
