/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/manager.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "task/oom_file.h"
#include "task/publisher.h"
#include "task_events.pb-c.h"

#define TASKS_DIR "/io.containerd.runtime.v2.task/"

struct manager {
	struct publisher *publisher;
};

static void log_event(void *arg, const char *topic, const struct err *why)
{
	(void)arg;
	if (!topic)
		log_warn("events wait for containerd", "reason", why->text);
	else
		log_warn("event not published", "topic", topic, "reason",
			 why ? why->text : "nobody to publish to");
}

struct manager *manager_new(struct event_base *base, const char *address)
{
	struct manager *m = xnew(struct manager);

	m->publisher = publisher_new(base, address, log_event, NULL);
	return m;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	publisher_free(m->publisher);
	free(m);
}

char *manager_namespace(const char *bundle)
{
	const char *at = strstr(bundle, TASKS_DIR);
	size_t n;

	if (!at)
		return NULL;
	at += strlen(TASKS_DIR);
	n = strcspn(at, "/");
	return n > 0 && at[n] == '/' ? xstrndup(at, n) : NULL;
}

bool manager_made(const char *bundle, const Grpc__Spec *spec)
{
	scoped_free char *namespace = manager_namespace(bundle);

	return namespace || oom_file_wanted(spec);
}

void manager_tell_oom(struct manager *m, const char *id, const char *bundle, const Grpc__Spec *spec)
{
	Containerd__Events__TaskOOM oom = CONTAINERD__EVENTS__TASK_OOM__INIT;
	scoped_free char *namespace = manager_namespace(bundle);

	if (!namespace || oom_file_wanted(spec))
		return;
	oom.container_id = unconst(id);
	publisher_send(m->publisher, namespace, "/tasks/oom", &oom.base);
}
