/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * reaper.h - one place that collects every dead child
 *
 * The agent may be process 1, so orphans come to it beside its own children. It looks
 * before it takes (waitid with WNOWAIT): a pid with a watcher is reaped and told, any
 * other is an orphan and just reaped. Nobody else in the agent reaps; spawn()ed helpers
 * are watched by pid like everything else.
 *
 * A pid is free for reuse only once it has been told here, so a watcher may use its pid
 * until then.
 */
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/exit_latch.h"

struct event_base;
struct reaper;
struct reaper_watch;

/* From the loop, once; the watch is gone then. */
typedef void reaper_exited(void *arg, const struct exit_info *info);

/* Also makes this process the one that orphans of its descendants come to. */
struct reaper *reaper_new(struct event_base *base);
void reaper_free(struct reaper *reaper);

/* The pid is a child that nobody has reaped. Borrowed until it has exited or is unwatched. */
struct reaper_watch *reaper_add(struct reaper *reaper, pid_t pid, reaper_exited *fn, void *arg);

/* From then on the pid is an orphan like any other. NULL is fine. */
void reaper_remove(struct reaper_watch *watch);
