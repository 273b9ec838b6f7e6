/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * proxy.h - kata-proxy: the supervisor of one sandbox under the OCI command line
 *
 * Started by `kata-runtime create` with the listening end of proxy.sock, in a session of
 * its own. It serves
 *
 *	containerd.task.v2.Task          the containers (src/task)
 *	kata.supervisor.Supervisor       what the Task service lacks (service.c)
 *	grpc.AgentService, grpc.Health   passed through to the guest untouched (pass.c)
 *
 * and the management socket beside it (src/management/monitor.h),
 *
 * and ends as task/supervise.h says, when its first container could not be made, and when the
 * process that makes it dies before it has a stand-in.
 *
 *	kata-proxy -sandbox ID -listen-fd N -config FILE [-root DIR] [-creator-fd N] [-log FILE]
 *		[-log-format text|json] [-debug]
 *
 * A container whose bundle is removed is killed and deleted: its client has forgotten it, as podman
 * does when conmon was killed. With -root its mapping is removed too.
 *
 *	           [-events-address PATH]
 *
 * -events-address is containerd's ttrpc socket (manager.h).
 * -listen-socket unix://PATH may stand in for -listen-fd, as Kata 1.x has it.
 *
 * It is no subreaper: the kata-shim processes belong to whoever runs kata-runtime, which waits for
 * them; the supervisor watches them by pidfd.
 */
#include "lib/ttrpc/server.h"
#include "task/task.h"

/* pass.c: calls on their way to the agent. tasks is borrowed. */
struct ttrpc_service pass_agent_service(struct tasks *tasks);
struct ttrpc_service pass_health_service(struct tasks *tasks);

/* bundles.c: gone runs from the loop, once for each bundle that was there and is not any more. */
struct bundles;
typedef void bundle_gone(void *arg, const char *id);
struct bundles *bundles_new(struct event_base *base, bundle_gone *gone, void *arg);
void bundles_watch(struct bundles *bundles, const char *id, const char *path);
void bundles_free(struct bundles *bundles);

/* service.c: borrows tasks. */
struct ttrpc_service supervisor_service(struct tasks *tasks);
