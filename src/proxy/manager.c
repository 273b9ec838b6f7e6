/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.pb-c.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/log/log.h"
#include "lib/oci/spec.h"
#include "lib/ttrpc/client.h"

#define PUBLISH_MS 5000u /* Source: Kata's shim (reference, "Events") */
#define TASKS_DIR  "/io.containerd.runtime.v2.task/"

#define EVENTS_SERVICE (&containerd__services__events__ttrpc__v1__events__descriptor)

typedef Containerd__Services__Events__Ttrpc__V1__Envelope Envelope;
typedef Containerd__Services__Events__Ttrpc__V1__ForwardRequest ForwardRequest;

struct manager {
	struct event_base *base;
	char *address;               /* NULL: none */
	struct ttrpc_client *client; /* NULL: not connected */
};

struct manager *manager_new(struct event_base *base, const char *address)
{
	struct manager *m = xnew(struct manager);

	m->base = base;
	if (address && *address)
		m->address = xstrdup(str_starts(address, "unix://") ? address + strlen("unix://")
								    : address);
	return m;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	ttrpc_client_free(m->client);
	free(m->address);
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

/* containerd may have been restarted: the next event connects anew. */
static void on_closed(void *arg, const struct err *why)
{
	struct manager *m = arg;

	(void)why;
	ttrpc_client_free(take_ptr(&m->client));
}

static int connect_events(struct manager *m, struct err *err)
{
	int fd;

	if (m->client)
		return 0;
	fd = unix_connect(m->address, err);
	if (fd < 0)
		return -1;
	m->client = ttrpc_client_new(m->base, fd, on_closed, m);
	return 0;
}

static void on_published(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	(void)arg, (void)resp;
	if (err)
		log_warn("event not published", "reason", err->text);
}

static void publish(struct manager *m, char *namespace, char *topic, char *type,
		    const ProtobufCMessage *event)
{
	Containerd__Services__Events__Ttrpc__V1__Timestamp at =
		CONTAINERD__SERVICES__EVENTS__TTRPC__V1__TIMESTAMP__INIT;
	Containerd__Services__Events__Ttrpc__V1__Any any =
		CONTAINERD__SERVICES__EVENTS__TTRPC__V1__ANY__INIT;
	Envelope envelope = CONTAINERD__SERVICES__EVENTS__TTRPC__V1__ENVELOPE__INIT;
	ForwardRequest req = CONTAINERD__SERVICES__EVENTS__TTRPC__V1__FORWARD_REQUEST__INIT;
	scoped_free uint8_t *packed = xcalloc(protobuf_c_message_get_packed_size(event) + 1, 1);
	const uint64_t now = clock_real_ns();

	at.seconds = (int64_t)(now / NS_PER_SEC);
	at.nanos = (int32_t)(now % NS_PER_SEC);
	any.type_url = type;
	any.value.data = packed;
	any.value.len = protobuf_c_message_pack(event, packed);
	envelope.timestamp = &at;
	envelope.namespace_ = namespace;
	envelope.topic = topic;
	envelope.event = &any;
	req.envelope = &envelope;
	ttrpc_client_call(m->client, EVENTS_SERVICE, "Forward", &req.base, PUBLISH_MS, on_published,
			  m);
}

static void publish_oom(struct manager *m, const char *id, char *namespace)
{
	static char topic[] = "/tasks/oom", type[] = "containerd.events.TaskOOM";
	Containerd__Services__Events__Ttrpc__V1__TaskOOM oom =
		CONTAINERD__SERVICES__EVENTS__TTRPC__V1__TASK_OOM__INIT;
	scoped_free char *copy = xstrdup(id);
	struct err err = ERR_INIT;

	oom.container_id = copy;
	if (connect_events(m, &err) == 0)
		publish(m, namespace, topic, type, &oom.base);
	else
		log_warn("event not published", "reason", err.text);
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
	scoped_free char *namespace = m->address ? manager_namespace(bundle) : NULL;

	if (has_conmon(spec))
		make_oom_file(bundle);
	else if (namespace)
		publish_oom(m, id, namespace);
}
