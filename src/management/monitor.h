/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * monitor.h - the management socket of a supervisor: HTTP on shim-monitor.sock
 *
 *	GET /metrics          Prometheus' text: shim, VM, virtiofsd, then the guest's own
 *	GET /agent-url        where the agent is reached
 *	GET /network          the pod's interfaces, and what they are to the VM (network.h)
 *	GET, PUT /iptables    the guest's packet filter, and /ip6tables (iptables.h)
 *	GET /debug/timeline   what each step of the start took
 *	GET /debug/vars       a few facts about this process, as JSON
 *
 * Volumes and policy, which Kata has here as well, are answered with 501 and
 * their name; everything else with 404 and the list of what there is.
 *
 * It costs nothing until somebody asks: no timer, no thread, no state but the call durations.
 *
 * Source: Kata 3.x, containerd-shim-v2, shim_management.go (paths and answers)
 * Owns:   the listening socket and its connections
 * Limits: MONITOR_HEADERS_MAX and MONITOR_BODY_MAX a request; a peer that is idle, or does not
 *         read, for MONITOR_IDLE_S is dropped; MONITOR_SCRAPES_MAX answers under way
 * Trust:  whoever may open the socket is root of this host; what the guest says in /metrics is not
 *         trusted (guest_metrics.h)
 * Thread: the loop's
 */
#include "lib/base/err.h"

struct event_base;
struct monitor;
struct tasks;

#define MONITOR_SOCKET      "shim-monitor.sock" /* in the sandbox's directory */
#define MONITOR_HEADERS_MAX 8192
#define MONITOR_BODY_MAX    (1u << 20) /* rules for the guest's packet filter */
#define MONITOR_IDLE_S      10
#define MONITOR_SCRAPES_MAX 8

/*
 * Takes listen_fd (unix_listen()), also on failure, which is NULL. tasks is borrowed: free the
 * monitor before it.
 */
struct monitor *monitor_new(struct event_base *base, struct tasks *tasks, int listen_fd);
/* The same on MONITOR_SOCKET in the sandbox's directory, which is made there. */
struct monitor *monitor_listen(struct event_base *base, struct tasks *tasks,
			       const char *sandbox_dir, struct err *err);
void monitor_free(struct monitor *monitor); /* NULL is fine */
