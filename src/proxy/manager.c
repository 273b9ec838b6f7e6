/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/oci/spec.h"
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

/* --- containerd --- */

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

static void publish_oom(struct manager *m, const char *id, const char *namespace)
{
	Containerd__Events__TaskOOM oom = CONTAINERD__EVENTS__TASK_OOM__INIT;

	oom.container_id = unconst(id);
	publisher_send(m->publisher, namespace, "/tasks/oom", &oom.base);
}

/* --- conmon --- */

static void make_oom_file(const char *bundle)
{
	scoped_free char *path = xasprintf("%s/oom", bundle);
	scoped_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		log_warn("OOM file not made", "path", path, "reason", strerror(errno));
}

/* "libpod" or "cri-o": both work through conmon. */
static bool has_conmon(const Grpc__Spec *spec)
{
	return spec_annotation(spec, "io.container.manager") != NULL;
}

bool manager_made(const char *bundle, const Grpc__Spec *spec)
{
	scoped_free char *namespace = manager_namespace(bundle);

	return namespace || has_conmon(spec);
}

void manager_tell_oom(struct manager *m, const char *id, const char *bundle, const Grpc__Spec *spec)
{
	scoped_free char *namespace = manager_namespace(bundle);

	if (has_conmon(spec))
		make_oom_file(bundle);
	else if (namespace)
		publish_oom(m, id, namespace);
}
