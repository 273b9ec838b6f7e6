/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * proc.h - name a process so that a reused pid is not mistaken for it
 *
 * Source: proc(5), /proc/PID/stat field 22 (start time in clock ticks since boot)
 */
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

/* ERR_NOT_FOUND when there is no such process; a zombie still has a start time. */
int proc_start_time(pid_t pid, uint64_t *ret_ticks, struct err *err);

/*
 * A pidfd of exactly that process. ERR_NOT_FOUND when the pid is gone, belongs to a
 * process with another start time, or is a zombie already.
 */
int proc_open(pid_t pid, uint64_t start_ticks, struct err *err);

/* SIGKILL through the pidfd and wait until it has exited. ERR_TIMEOUT when it has not. */
int proc_kill_wait(int pidfd, uint32_t timeout_ms, struct err *err);

int proc_signal(int pidfd, int sig, struct err *err);
