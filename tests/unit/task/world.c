/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/ttrpc/client.h"

char empty[] = "", c1[] = "c1", c2[] = "c2", e1[] = "e1";

static struct config *on_configure(void *arg, const Grpc__Spec *spec, const char *config_path,
				   struct err *err)
{
	static char any;
	struct front *front = arg;

	assert_string_equal(spec->process->args[0], "sh");
	assert_true(!config_path || config_path[0] == '/');
	front->n_configured++;
	if (front->refuse.code != ERR_OK) {
		*err = front->refuse;
		return NULL;
	}
	return (struct config *)(void *)&any; /* only handed on */
}

#define COUNT(name)                                \
	static void on_##name(void *arg)           \
	{                                          \
		((struct front *)arg)->n_##name++; \
	}
COUNT(stillborn)
COUNT(empty)
COUNT(busy)

static void on_down(void *arg, const struct err *err)
{
	(void)err;
	((struct front *)arg)->n_down++;
}

static void on_failed(void *arg, const char *what, const struct err *err)
{
	assert_true(what[0] && err->text[0]);
	((struct front *)arg)->n_failed++;
}

static void on_created(void *arg, const char *id, const char *bundle)
{
	struct front *front = arg;

	assert_true(bundle[0] == '/');
	strcat(front->created, id); /* two or three ids of two letters */
}

static uint64_t field(const ProtobufCMessage *m, const char *name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	return f ? *(const uint32_t *)(const void *)((const char *)m + f->offset) : 0;
}

static const void *pointer(const ProtobufCMessage *m, const char *name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	return f ? *(const void *const *)(const void *)((const char *)m + f->offset) : NULL;
}

/* By the names of the fields, as whoever reads them knows them. */
static void on_event(void *arg, const char *topic, const ProtobufCMessage *m)
{
	struct front *front = arg;
	size_t used = strlen(front->events);
	const char *exec = pointer(m, pointer(m, "exec_id") ? "exec_id" : "id");
	const Containerd__Task__V2__Timestamp *at = pointer(m, "exited_at");

	if (front->event)
		protobuf_c_message_free_unpacked(front->event, NULL);
	front->event = message_copy_any(m);

	snprintf(front->events + used, sizeof(front->events) - used, "%s %s/%s %u %u %lld\n", topic,
		 (const char *)pointer(m, "container_id"), exec ? exec : "",
		 (unsigned int)field(m, "pid"), (unsigned int)field(m, "exit_status"),
		 at ? (long long)at->seconds * 1000000000 + at->nanos : 0);
}

void expect_events(struct world *w, const char *lines)
{
	assert_string_equal(w->front.events, lines);
	w->front.events[0] = '\0';
}

static const struct tasks_front front_calls = {
	.configure = on_configure,
	.down = on_down,
	.stillborn = on_stillborn,
	.empty = on_empty,
	.busy = on_busy,
	.created = on_created,
	.event = on_event,
	.failed = on_failed,
};

static const char config_json[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},"
	"\"root\":{\"path\":\"rootfs\"},\"linux\":{}}";

int setup(void **state)
{
	struct world *w = xnew(struct world);
	struct err err = ERR_INIT;
	char path[128];
	int fds[2];

	fake = (struct fake){ 0 };
	strcpy(w->dir, "/tmp/test_task.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(path, sizeof(path), "%s/config.json", w->dir);
	assert_int_equal(file_replace(path, config_json, strlen(config_json), 0600, &err), 0);
	w->base = event_base_new();
	w->tasks = tasks_new(w->base, "sb1", &front_calls, &w->front);
	w->service = tasks_service(w->tasks);
	w->server = ttrpc_server_new(w->base, &w->service, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ttrpc_server_serve(w->server, fds[0], NULL, NULL, &err), 0);
	w->client = ttrpc_client_new(w->base, fds[1], NULL, NULL);
	*state = w;
	return 0;
}

void turn(struct world *w)
{
	for (int i = 0; i < 30; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

int teardown(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;

	assert_true(fake_is_idle());
	ttrpc_client_free(w->client);
	turn(w);
	ttrpc_server_free(w->server);
	tasks_free(w->tasks);
	if (w->front.event)
		protobuf_c_message_free_unpacked(w->front.event, NULL);
	event_base_free(w->base);
	assert_int_equal(dir_remove(w->dir, &err), 0);
	free(w);
	return 0;
}

void on_answer(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct answer *a = arg;

	assert_false(a->over);
	a->over = true;
	if (err)
		a->err = *err;
	else
		a->resp = message_copy_any(resp);
}

void ask(struct world *w, const char *method, const ProtobufCMessage *req, struct answer *a)
{
	*a = (struct answer){ 0 };
	ttrpc_client_call(w->client, &containerd__task__v2__task__descriptor, method, req, 0,
			  on_answer, a);
	turn(w);
}

void forget(struct answer *a)
{
	if (a->resp)
		protobuf_c_message_free_unpacked(a->resp, NULL);
	a->resp = NULL;
}

void expect_done(struct world *w, struct answer *a)
{
	turn(w);
	if (a->err.code != ERR_OK)
		fail_msg("%s", a->err.text);
	assert_true(a->over);
	forget(a);
}

void expect_error(struct world *w, struct answer *a, enum err_code code, const char *part)
{
	turn(w);
	assert_true(a->over);
	assert_int_equal(a->err.code, code);
	if (!strstr(a->err.text, part))
		fail_msg("'%s' has no '%s'", a->err.text, part);
	forget(a);
}

void init_create(Containerd__Task__V2__CreateTaskRequest *req, struct world *w, char *id)
{
	containerd__task__v2__create_task_request__init(req);
	req->id = id;
	req->bundle = w->dir;
}

void create(struct world *w, char *id)
{
	Containerd__Task__V2__CreateTaskRequest req;
	struct answer a;
	char op[64];

	init_create(&req, w, id);
	ask(w, "Create", &req.base, &a);
	if (!fake_is_idle() && strcmp(fake.ops[0].what, "up") == 0)
		fake_end("up", NULL);
	snprintf(op, sizeof(op), "create %s", id);
	fake_end(op, NULL);
	turn(w);
	assert_true(a.over && a.resp);
	assert_int_equal(((Containerd__Task__V2__CreateTaskResponse *)(void *)a.resp)->pid, 4711);
	forget(&a);
}

void set_exit(struct process *p, int status)
{
	const struct exit_info info = { .status = status, .at_ns = 5000000007 };

	if (!p->exec_id[0])
		p->container->status = CONTAINER_STOPPED;
	exit_latch_set(&p->exit, &info);
}

struct container *the_container(char *id)
{
	struct err err = ERR_INIT;
	struct container *c = sandbox_find(fake.sandbox, id, &err);

	assert_non_null(c);
	return c;
}
