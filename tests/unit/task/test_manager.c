/* SPDX-License-Identifier: Apache-2.0 */
/* proxy/manager.c: what containerd is told of an OOM kill */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "events.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"
#include "lib/ttrpc/server.h"
#include "lib/ttrpc/unix.h"
#include "proxy/manager.h"
#include "task_events.pb-c.h"

#define TASKS "/io.containerd.runtime.v2.task/"

/* A containerd that notes what is published to it. */
struct world {
	struct event_base *base;
	struct ttrpc_server *server;
	struct ttrpc_service service;
	char dir[64], socket[80];
	char seen[256]; /* "NAMESPACE TOPIC TYPE ID" */
};

static void note_event(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Services__Events__Ttrpc__V1__ForwardRequest *req = (const void *)msg;
	Containerd__Services__Events__Ttrpc__V1__Empty resp =
		CONTAINERD__SERVICES__EVENTS__TTRPC__V1__EMPTY__INIT;
	const ProtobufCBinaryData *value = &req->envelope->event->value;
	Containerd__Events__TaskOOM *oom =
		containerd__events__task_oom__unpack(NULL, value->len, value->data);
	struct world *w = arg;

	assert_non_null(oom);
	assert_true(req->envelope->timestamp->seconds > 0);
	snprintf(w->seen, sizeof(w->seen), "%s %s %s %s", req->envelope->namespace_,
		 req->envelope->topic, req->envelope->event->type_url, oom->container_id);
	protobuf_c_message_free_unpacked(&oom->base, NULL);
	ttrpc_reply(call, &resp.base);
}

static void begin(struct world *w)
{
	static const struct ttrpc_method methods[] = { { "Forward", note_event } };
	struct err err = ERR_INIT;

	*w = (struct world){ .base = event_base_new(), .dir = "/tmp/manager-XXXXXX" };
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->socket, sizeof(w->socket), "%s/events.sock", w->dir);
	w->service = (struct ttrpc_service){
		.desc = &containerd__services__events__ttrpc__v1__events__descriptor,
		.methods = methods,
		.n_methods = 1,
		.arg = w
	};
	w->server = ttrpc_server_new(w->base, &w->service, 1);
	assert_int_equal(ttrpc_server_listen(w->server, unix_listen(w->socket, &err), &err), 0);
}

static void end(struct world *w)
{
	struct err err = ERR_INIT;

	ttrpc_server_free(w->server);
	event_base_free(w->base);
	assert_int_equal(dir_remove(w->dir, &err), 0);
}

static void tell(struct world *w, const char *address, const char *bundle, const char *json)
{
	struct manager *m = manager_new(w->base, address);
	struct err err = ERR_INIT;
	ProtobufCMessage *spec = spec_parse(&grpc__spec__descriptor, json, strlen(json), &err);

	assert_non_null(spec);
	manager_tell_oom(m, "c1", bundle, (const Grpc__Spec *)(const void *)spec);
	for (int i = 0; i < 50 && !w->seen[0]; i++)
		(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	protobuf_c_message_free_unpacked(spec, NULL);
	manager_free(m);
}

static void containerd_gets_an_event_in_the_bundles_namespace(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tell(&w, w.socket, "/run/x" TASKS "moby/c1", "{}");
	assert_string_equal(w.seen, "moby /tasks/oom containerd.events.TaskOOM c1");
	end(&w);
}

static void a_bundle_of_somebody_else_is_no_event(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tell(&w, w.socket, "/srv/bundle", "{}");
	tell(&w, NULL, "/run/x" TASKS "moby/c1", "{}");
	assert_string_equal(w.seen, "");
	end(&w);
}

static void a_containerd_that_is_gone_is_no_reason_to_fail(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tell(&w, "/nonexistent/socket", "/run/x" TASKS "moby/c1", "{}");
	assert_string_equal(w.seen, "");
	end(&w);
}

static void a_container_that_gets_the_file_is_no_event(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tell(&w, w.socket, "/run/x" TASKS "k8s.io/c1",
	     "{\"annotations\":{\"io.container.manager\":\"cri-o\"}}");
	assert_string_equal(w.seen, "");
	end(&w);
}

static void a_namespace_is_known_by_its_place(void **state)
{
	static const char *const none[] = { "/run" TASKS "moby", "/run" TASKS "/c1", "/run/moby/c1",
					    "" };
	scoped_free char *name = manager_namespace("/run/docker/containerd" TASKS "k8s.io/abc");

	(void)state;
	assert_string_equal(name, "k8s.io");
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_null(manager_namespace(none[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containerd_gets_an_event_in_the_bundles_namespace),
		cmocka_unit_test(a_bundle_of_somebody_else_is_no_event),
		cmocka_unit_test(a_containerd_that_is_gone_is_no_reason_to_fail),
		cmocka_unit_test(a_container_that_gets_the_file_is_no_event),
		cmocka_unit_test(a_namespace_is_known_by_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
