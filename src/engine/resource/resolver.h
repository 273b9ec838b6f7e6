/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * resolver.h - names that are asked in the guest are asked again in the pod's network namespace
 *
 * For containers whose resolv.conf names a loopback address: docker's 127.0.0.11 is answered inside
 * the namespace, where the guest's own loopback does not reach. The agent listens there and hands
 * queries over (protocols/resolver.proto); each is sent from here to the same address.
 *
 * Another loopback address than docker's is taken only if somebody in the namespace has its port 53
 * while we look: in a pod it is as often a server that runs in the guest, whose port the agent must
 * not take.
 *
 * Who answers there may have to ask others first, from sockets in the namespace, whose packets the
 * guest would get: they are given ports of their own (tc_share_answers()).
 *
 * Follows the file: container managers write it anew when a network is connected. It is read again
 * when the links or addresses of the namespace change, rather than watched: watches on files are few
 * on a host (fs.inotify.max_user_instances), and every sandbox would take one.
 *
 * Owns:   the watch on the namespace, every query's socket
 * Trust:  the guest is hostile: whatever it sends goes to the one address that resolv.conf names,
 *         port 53, in the namespace that the caller lives in, where a plain container could send it
 *         too. A guest that sends what is no query is served no more
 * Limits: RESOLVER_FLIGHT_MAX queries at a time, answers that the guest has not taken included, each
 *         with a socket and RESOLVER_ANSWER_MS
 * Thread: the loop's; we are in the pod's namespace
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct agent;
struct event_base;
struct resolver;

#define RESOLVER_DOCKER     "127.0.0.11"
#define RESOLVER_FLIGHT_MAX 64
#define RESOLVER_ANSWER_MS  5000
#define RESOLVER_NEXTS      4 /* calls of ours that wait in the guest */

/* From the loop or from resolver_update(): names are not resolved, or not any more. */
typedef void resolver_warned(void *arg, const struct err *why);

/*
 * For the container's /etc/resolv.conf, when its spec mounts one; NULL when it does not. The agent
 * is borrowed; its channel is up. An agent without the service is a warning, once.
 */
struct resolver *resolver_new(struct event_base *base, struct agent *agent, const Grpc__Spec *spec,
			      resolver_warned *warned, void *arg);

/* Something of the network has changed: look at the file again. NULL is fine. */
void resolver_update(struct resolver *r);
void resolver_free(struct resolver *r); /* before the agent; NULL is fine */
