/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_engine.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/ttrpc/client.h"
#include "task.pb-c.h"
#include "task/task.h"

/* The front end: notes what it hears. */
struct front {
	size_t n_configured, n_down, n_stillborn, n_empty, n_busy, n_failed, n_forgotten;
	char created[64]; /* ids */
	struct err refuse;
};

struct world {
	struct event_base *base;
	struct ttrpc_service service;
	struct ttrpc_server *server;
	struct ttrpc_client *client;
	struct tasks *tasks;
	struct front front;
	char dir[64];
};

static struct config *on_configure(void *arg, const Grpc__Spec *spec, const char *bundle,
				   struct err *err)
{
	static char any;
	struct front *front = arg;

	assert_string_equal(spec->process->args[0], "sh");
	assert_true(bundle[0] == '/');
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

static const struct tasks_front front_calls = {
	.configure = on_configure,
	.down = on_down,
	.stillborn = on_stillborn,
	.empty = on_empty,
	.busy = on_busy,
	.created = on_created,
	.failed = on_failed,
};

static const char config_json[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},"
	"\"root\":{\"path\":\"rootfs\"},\"linux\":{}}";

static int setup(void **state)
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

static void turn(struct world *w)
{
	for (int i = 0; i < 30; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;

	assert_true(fake_is_idle());
	ttrpc_client_free(w->client);
	turn(w);
	ttrpc_server_free(w->server);
	tasks_free(w->tasks);
	event_base_free(w->base);
	assert_int_equal(dir_remove(w->dir, &err), 0);
	free(w);
	return 0;
}

/* A call and what came of it. */
struct answer {
	bool over;
	struct err err;
	ProtobufCMessage *resp;
};

static void on_answer(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	struct answer *a = arg;

	assert_false(a->over);
	a->over = true;
	if (err)
		a->err = *err;
	else
		a->resp = message_copy_any(resp);
}

static void ask(struct world *w, const char *method, const ProtobufCMessage *req, struct answer *a)
{
	*a = (struct answer){ 0 };
	ttrpc_client_call(w->client, &containerd__task__v2__task__descriptor, method, req, 0,
			  on_answer, a);
	turn(w);
}

static void forget(struct answer *a)
{
	if (a->resp)
		protobuf_c_message_free_unpacked(a->resp, NULL);
	a->resp = NULL;
}

static void expect_done(struct world *w, struct answer *a)
{
	turn(w);
	if (a->err.code != ERR_OK)
		fail_msg("%s", a->err.text);
	assert_true(a->over);
	forget(a);
}

static void expect_error(struct world *w, struct answer *a, enum err_code code, const char *part)
{
	turn(w);
	assert_true(a->over);
	assert_int_equal(a->err.code, code);
	if (!strstr(a->err.text, part))
		fail_msg("'%s' has no '%s'", a->err.text, part);
	forget(a);
}

#define REQUEST(Type, TYPE, ...)                                                                 \
	(&((Containerd__Task__V2__##Type){                                                       \
		   .base = PROTOBUF_C_MESSAGE_INIT(&containerd__task__v2__##TYPE##__descriptor), \
		   __VA_ARGS__ })                                                                \
		  .base)

static char empty[] = "";

static void init_create(Containerd__Task__V2__CreateTaskRequest *req, struct world *w, char *id)
{
	containerd__task__v2__create_task_request__init(req);
	req->id = id;
	req->bundle = w->dir;
}

static void create(struct world *w, char *id)
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

static void set_exit(struct process *p, int status)
{
	const struct exit_info info = { .status = status, .at_ns = 5000000007 };

	if (!p->exec_id[0])
		p->container->status = CONTAINER_STOPPED;
	exit_latch_set(&p->exit, &info);
}

static struct container *the_container(char *id)
{
	struct err err = ERR_INIT;
	struct container *c = sandbox_find(fake.sandbox, id, &err);

	assert_non_null(c);
	return c;
}

static char c1[] = "c1", c2[] = "c2", e1[] = "e1";

static void the_first_container_makes_the_sandbox(void **state)
{
	struct world *w = *state;

	create(w, c1);
	assert_int_equal(w->front.n_configured, 1);
	create(w, c2);
	assert_int_equal(w->front.n_configured, 1);
	assert_int_equal(w->front.n_busy, 2);
	assert_string_equal(w->front.created, "c1c2");
	assert_int_equal(w->front.n_stillborn, 0);
	{
		scoped_free char *rootfs = xasprintf("%s/rootfs", w->dir);

		assert_string_equal(the_container(c1)->rootfs, rootfs);
	}
}

static void a_boot_that_fails_is_told_and_ends_the_sandbox(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct err why = ERR_INIT;
	struct answer a;

	err_set(&why, ERR_TIMEOUT, "reach agent: no answer");
	init_create(&req, w, c1);
	ask(w, "Create", &req.base, &a);
	assert_false(a.over);
	fake_end("up", &why);
	expect_error(w, &a, ERR_TIMEOUT, "reach agent: no answer");
	assert_int_equal(w->front.n_stillborn, 1);
	assert_int_equal(w->front.n_failed, 1);
}

static void a_second_container_that_fails_leaves_the_sandbox(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct err why = ERR_INIT;
	struct answer a;

	create(w, c1);
	err_set(&why, ERR_DENIED, "no");
	init_create(&req, w, c2);
	ask(w, "Create", &req.base, &a);
	fake_end("create c2", &why);
	expect_error(w, &a, ERR_DENIED, "no");
	assert_int_equal(w->front.n_stillborn, 0);
}

static void what_create_cannot_do_is_named(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	Containerd__Task__V2__Mount mount = CONTAINERD__TASK__V2__MOUNT__INIT;
	Containerd__Task__V2__Mount *mounts[] = { &mount };
	char path[] = "/x", relative[] = "x", missing[] = "/nonexistent";
	struct answer a;

	init_create(&req, w, c1);
	req.stdout = path;
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "streams by path");
	init_create(&req, w, c1);
	req.rootfs = mounts;
	req.n_rootfs = 1;
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "mounts of the root file system");
	init_create(&req, w, c1);
	req.checkpoint = path;
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "checkpoint");
	init_create(&req, w, c1);
	req.bundle = relative;
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_INVALID, "bundle 'x' is not an absolute path");
	req.bundle = missing;
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_NOT_FOUND, "open '/nonexistent/config.json'");
	assert_int_equal(w->front.n_configured, 0);
}

static void a_configuration_that_is_refused_makes_no_sandbox(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct answer a;

	err_set(&w->front.refuse, ERR_INVALID, "bad key");
	init_create(&req, w, c1);
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_INVALID, "bad key");
	assert_null(fake.sandbox);
	assert_int_equal(w->front.n_stillborn, 1);
	w->front.refuse = ERR_INIT;
	fake.refuse_sandbox = true;
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_INTERNAL, "no sandbox today");
}

static uint32_t start_pid(struct world *w, char *exec_id, const char *op)
{
	struct answer a;
	uint32_t pid;

	ask(w, "Start", REQUEST(StartRequest, start_request, .id = c1, .exec_id = exec_id), &a);
	fake_end(op, NULL);
	turn(w);
	assert_non_null(a.resp);
	pid = ((Containerd__Task__V2__StartResponse *)(void *)a.resp)->pid;
	forget(&a);
	return pid;
}

static void a_start_answers_with_the_stand_in_or_the_machine(void **state)
{
	struct world *w = *state;

	create(w, c1);
	assert_int_equal(start_pid(w, empty, "start c1/"), 4711);
	the_container(c1)->init.shim_pid = 77;
	assert_int_equal(start_pid(w, empty, "start c1/"), 77);
}

static void a_process_deleted_during_its_start_is_no_surprise(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	strcpy(the_container(c1)->exec.exec_id, e1);
	ask(w, "Start", REQUEST(StartRequest, start_request, .id = c1, .exec_id = e1), &a);
	the_container(c1)->exec.exec_id[0] = '\0';
	fake_end("start c1/e1", NULL);
	expect_done(w, &a);
}

static void signals_are_checked_and_passed_on(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask(w, "Kill",
	    REQUEST(KillRequest, kill_request, .id = c1, .exec_id = empty, .signal = 9,
		    .all = true),
	    &a);
	fake_end("signal c1/ 9 all", NULL);
	expect_done(w, &a);
	ask(w, "Kill", REQUEST(KillRequest, kill_request, .id = c1, .exec_id = empty), &a);
	expect_error(w, &a, ERR_INVALID, "number 0");
	ask(w, "Kill", REQUEST(KillRequest, kill_request, .id = c1, .exec_id = empty, .signal = 65),
	    &a);
	expect_error(w, &a, ERR_INVALID, "number 65");
	ask(w, "Kill", REQUEST(KillRequest, kill_request, .id = c2, .exec_id = empty, .signal = 9),
	    &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c2'");
}

static void pause_and_resume_are_passed_on(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;
	struct answer a;

	create(w, c1);
	ask(w, "Pause", REQUEST(PauseRequest, pause_request, .id = c1), &a);
	fake_end("pause c1", NULL);
	expect_done(w, &a);
	err_set(&why, ERR_STATE, "not paused");
	ask(w, "Resume", REQUEST(ResumeRequest, resume_request, .id = c1), &a);
	fake_end("resume c1", &why);
	expect_error(w, &a, ERR_STATE, "not paused");
	ask(w, "Pause", REQUEST(PauseRequest, pause_request, .id = c2), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c2'");
}

static void fill_any(Containerd__Task__V2__Any *any, char *url, char *json)
{
	containerd__task__v2__any__init(any);
	any->type_url = url;
	any->value.data = (uint8_t *)json;
	any->value.len = strlen(json);
}

static void an_exec_reads_its_process_from_json(void **state)
{
	struct world *w = *state;
	char url[] = "types.containerd.io/opencontainers/runtime-spec/1/Process";
	char json[] = "{\"args\":[\"ls\"],\"cwd\":\"/\"}", bad[] = "{\"args\":[1]}", path[] = "/x";
	Containerd__Task__V2__ExecProcessRequest req =
		CONTAINERD__TASK__V2__EXEC_PROCESS_REQUEST__INIT;
	Containerd__Task__V2__Any any;
	struct answer a;

	create(w, c1);
	req.id = c1;
	req.exec_id = e1;
	ask(w, "Exec", &req.base, &a);
	expect_error(w, &a, ERR_INVALID, "it holds 'nothing'");
	fill_any(&any, url, bad);
	req.spec = &any;
	ask(w, "Exec", &req.base, &a);
	expect_error(w, &a, ERR_INVALID, "args[0]: not a string");
	fill_any(&any, c1, json);
	ask(w, "Exec", &req.base, &a);
	expect_error(w, &a, ERR_INVALID, "it holds 'c1'");
	fill_any(&any, url, json);
	ask(w, "Exec", &req.base, &a);
	fake_end("exec c1/e1 ls", NULL);
	expect_done(w, &a);
	req.stdin = path;
	ask(w, "Exec", &req.base, &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "streams by path");
}

static void an_update_reads_its_resources_from_json(void **state)
{
	struct world *w = *state;
	char url[] = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
	char json[] = "{\"pids\":{\"limit\":7}}";
	Containerd__Task__V2__UpdateTaskRequest req =
		CONTAINERD__TASK__V2__UPDATE_TASK_REQUEST__INIT;
	Containerd__Task__V2__Any any;
	struct answer a;

	create(w, c1);
	fill_any(&any, url, json);
	req.id = c1;
	req.resources = &any;
	ask(w, "Update", &req.base, &a);
	fake_end("update c1 pids 7", NULL);
	expect_done(w, &a);
	fill_any(&any, e1, json);
	ask(w, "Update", &req.base, &a);
	expect_error(w, &a, ERR_INVALID, "read 'LinuxResources'");
}

static Containerd__Task__V2__Status status_of(struct world *w, char *exec_id, uint32_t *ret_exit)
{
	Containerd__Task__V2__StateResponse *resp;
	Containerd__Task__V2__Status status;
	struct answer a;

	ask(w, "State", REQUEST(StateRequest, state_request, .id = c1, .exec_id = exec_id), &a);
	assert_non_null(a.resp);
	resp = (void *)a.resp;
	status = resp->status;
	*ret_exit = resp->exit_status;
	assert_string_equal(resp->id, c1);
	assert_string_equal(resp->bundle, w->dir);
	forget(&a);
	return status;
}

static void the_state_follows_the_engine(void **state)
{
	struct world *w = *state;
	struct container *c;
	uint32_t status;

	create(w, c1);
	c = the_container(c1);
	assert_int_equal(status_of(w, empty, &status), CONTAINERD__TASK__V2__STATUS__CREATED);
	c->status = CONTAINER_RUNNING;
	assert_int_equal(status_of(w, empty, &status), CONTAINERD__TASK__V2__STATUS__RUNNING);
	c->status = CONTAINER_PAUSED;
	assert_int_equal(status_of(w, empty, &status), CONTAINERD__TASK__V2__STATUS__PAUSED);
	set_exit(&c->init, 137);
	assert_int_equal(status_of(w, empty, &status), CONTAINERD__TASK__V2__STATUS__STOPPED);
	assert_int_equal(status, 137);
	strcpy(c->exec.exec_id, e1);
	assert_int_equal(status_of(w, e1, &status), CONTAINERD__TASK__V2__STATUS__CREATED);
	c->exec.started = true;
	assert_int_equal(status_of(w, e1, &status), CONTAINERD__TASK__V2__STATUS__RUNNING);
}

static const Containerd__Task__V2__WaitRequest *wait_request(void)
{
	static Containerd__Task__V2__WaitRequest req = CONTAINERD__TASK__V2__WAIT_REQUEST__INIT;

	req.id = c1;
	return &req;
}

static void expect_exit(struct answer *a, uint32_t status)
{
	const Containerd__Task__V2__WaitResponse *resp = (void *)a->resp;

	assert_true(a->over);
	assert_non_null(resp);
	assert_int_equal(resp->exit_status, status);
	assert_int_equal(resp->exited_at->seconds, 5);
	assert_int_equal(resp->exited_at->nanos, 7);
	forget(a);
}

static void every_wait_early_or_late_hears_the_same_exit(void **state)
{
	struct world *w = *state;
	struct answer early[3], late;

	create(w, c1);
	for (size_t i = 0; i < ARRAY_LEN(early); i++)
		ask(w, "Wait", &wait_request()->base, &early[i]);
	assert_false(early[0].over);
	set_exit(&the_container(c1)->init, 42);
	turn(w);
	for (size_t i = 0; i < ARRAY_LEN(early); i++)
		expect_exit(&early[i], 42);
	ask(w, "Wait", &wait_request()->base, &late);
	expect_exit(&late, 42);
}

static void a_wait_that_hangs_up_drops_only_itself(void **state)
{
	struct world *w = *state;
	struct answer gone = { 0 }, stays;
	struct ttrpc_client *other;
	struct err err = ERR_INIT;
	int fds[2];

	create(w, c1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ttrpc_server_serve(w->server, fds[0], NULL, NULL, &err), 0);
	other = ttrpc_client_new(w->base, fds[1], NULL, NULL);
	ttrpc_client_call(other, &containerd__task__v2__task__descriptor, "Wait",
			  &wait_request()->base, 0, on_answer, &gone);
	turn(w);
	ask(w, "Wait", &wait_request()->base, &stays);
	ttrpc_client_free(other);
	turn(w);
	assert_int_equal(ttrpc_server_calls(w->server), 1);
	set_exit(&the_container(c1)->init, 3);
	turn(w);
	assert_false(gone.over);
	expect_exit(&stays, 3);
}

static void an_operation_goes_on_when_its_caller_hangs_up(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask(w, "Pause", REQUEST(PauseRequest, pause_request, .id = c1), &a);
	ttrpc_client_free(take_ptr(&w->client));
	turn(w);
	fake_end("pause c1", NULL);
	assert_false(a.over);
}

static void a_delete_tells_the_exit_and_the_last_one_says_empty(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__DeleteResponse *resp;
	struct answer a;

	create(w, c1);
	create(w, c2);
	set_exit(&the_container(c1)->init, 9);
	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c1, .exec_id = empty), &a);
	the_container(c1)->id[0] = '\0';
	fake_end("delete c1", NULL);
	turn(w);
	resp = (void *)a.resp;
	assert_non_null(resp);
	assert_int_equal(resp->exit_status, 9);
	assert_int_equal(resp->exited_at->seconds, 5);
	forget(&a);
	assert_int_equal(w->front.n_empty, 0);
	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c2, .exec_id = empty), &a);
	the_container(c2)->id[0] = '\0';
	fake_end("delete c2 by force", NULL); /* created and never started */
	expect_done(w, &a);
	assert_int_equal(w->front.n_empty, 1);
}

static void a_delete_of_a_running_container_is_not_by_force(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;
	struct answer a;

	create(w, c1);
	the_container(c1)->status = CONTAINER_RUNNING;
	err_set(&why, ERR_STATE, "it is running");
	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c1, .exec_id = empty), &a);
	fake_end("delete c1", &why);
	expect_error(w, &a, ERR_STATE, "running");
	assert_int_equal(w->front.n_empty, 0);
}

static void on_forgotten(void *arg, const char *id, const struct err *err)
{
	struct front *front = arg;

	assert_string_equal(id, c1);
	assert_null(err);
	front->n_forgotten++;
}

static void what_is_forgotten_is_killed_and_then_deleted(void **state)
{
	struct world *w = *state;

	create(w, c1);
	tasks_forget(w->tasks, c1, on_forgotten, &w->front);
	turn(w);
	fake_end("signal c1/ 9 all", NULL);
	turn(w);
	assert_true(fake_is_idle());
	set_exit(&the_container(c1)->init, 137);
	turn(w);
	assert_int_equal(w->front.n_forgotten, 0);
	the_container(c1)->id[0] = '\0';
	fake_end("delete c1 by force", NULL);
	assert_int_equal(w->front.n_forgotten, 1);
}

static void what_has_ended_is_forgotten_without_a_signal(void **state)
{
	struct world *w = *state;

	create(w, c1);
	set_exit(&the_container(c1)->init, 0);
	tasks_forget(w->tasks, c1, on_forgotten, &w->front);
	turn(w);
	fake_end("delete c1 by force", NULL);
	assert_int_equal(w->front.n_forgotten, 1);
}

static void what_was_deleted_meanwhile_is_forgotten_already(void **state)
{
	struct world *w = *state;

	create(w, c1);
	tasks_forget(w->tasks, c1, on_forgotten, &w->front);
	fake_end("signal c1/ 9 all", NULL);
	set_exit(&the_container(c1)->init, 137);
	the_container(c1)->id[0] = '\0';
	turn(w);
	assert_int_equal(w->front.n_forgotten, 1);
	tasks_forget(w->tasks, c1, on_forgotten, &w->front);
	turn(w);
	assert_int_equal(w->front.n_forgotten, 2);
}

static void what_is_being_forgotten_at_the_end_is_no_leak(void **state)
{
	struct world *w = *state;

	create(w, c1);
	tasks_forget(w->tasks, c1, on_forgotten, &w->front);
	fake_end("signal c1/ 9 all", NULL);
	assert_int_equal(w->front.n_forgotten, 0);
}

static void a_shutdown_waits_for_the_last_container(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = c1), &a);
	expect_done(w, &a);
	assert_true(fake_is_idle());
	the_container(c1)->id[0] = '\0';
	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = c1), &a);
	assert_false(a.over);
	fake_end("down", NULL);
	expect_done(w, &a);
	assert_int_equal(w->front.n_down, 1);
}

static void a_shutdown_now_takes_everything_down_and_nothing_is_made_meanwhile(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct err left = ERR_INIT;
	struct answer a, b;

	create(w, c1);
	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = c1, .now = true), &a);
	init_create(&req, w, c2);
	ask(w, "Create", &req.base, &b);
	expect_error(w, &b, ERR_STATE, "being taken down");
	tasks_down(w->tasks);
	err_set(&left, ERR_INTERNAL, "unmount '/x': busy");
	fake_end("down", &left);
	expect_error(w, &a, ERR_INTERNAL, "unmount '/x': busy");
	assert_int_equal(w->front.n_down, 1);
}

static void a_shutdown_without_a_sandbox_is_fine(void **state)
{
	struct world *w = *state;
	struct answer a;

	ask(w, "Shutdown", REQUEST(ShutdownRequest, shutdown_request, .id = empty), &a);
	expect_done(w, &a);
	assert_int_equal(w->front.n_down, 1);
}

static void the_rest_is_unimplemented_by_name(void **state)
{
	struct world *w = *state;
	struct answer a;

	ask(w, "Checkpoint",
	    REQUEST(CheckpointTaskRequest, checkpoint_task_request, .id = c1, .path = c1), &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "'Checkpoint'");
	ask(w, "Stats", REQUEST(StatsRequest, stats_request, .id = c1), &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "'Stats'");
}

static void without_a_sandbox_nothing_is_found(void **state)
{
	struct world *w = *state;
	struct answer a;

	ask(w, "State", REQUEST(StateRequest, state_request, .id = c1, .exec_id = empty), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
	ask(w, "Start", REQUEST(StartRequest, start_request, .id = c1, .exec_id = empty), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
	ask(w, "Wait", &wait_request()->base, &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
	ask(w, "Pids", REQUEST(PidsRequest, pids_request, .id = c1), &a);
	expect_error(w, &a, ERR_NOT_FOUND, "'c1'");
}

static void connect_tells_who_we_are(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__ConnectResponse *resp;
	struct answer a;

	ask(w, "Connect", REQUEST(ConnectRequest, connect_request, .id = c1), &a);
	resp = (void *)a.resp;
	assert_non_null(resp);
	assert_int_equal(resp->shim_pid, getpid());
	assert_int_equal(resp->task_pid, 0);
	forget(&a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_first_container_makes_the_sandbox),
		TEST(a_boot_that_fails_is_told_and_ends_the_sandbox),
		TEST(a_second_container_that_fails_leaves_the_sandbox),
		TEST(what_create_cannot_do_is_named),
		TEST(a_configuration_that_is_refused_makes_no_sandbox),
		TEST(a_start_answers_with_the_stand_in_or_the_machine),
		TEST(a_process_deleted_during_its_start_is_no_surprise),
		TEST(signals_are_checked_and_passed_on),
		TEST(pause_and_resume_are_passed_on),
		TEST(an_exec_reads_its_process_from_json),
		TEST(an_update_reads_its_resources_from_json),
		TEST(the_state_follows_the_engine),
		TEST(every_wait_early_or_late_hears_the_same_exit),
		TEST(a_wait_that_hangs_up_drops_only_itself),
		TEST(an_operation_goes_on_when_its_caller_hangs_up),
		TEST(a_delete_tells_the_exit_and_the_last_one_says_empty),
		TEST(a_delete_of_a_running_container_is_not_by_force),
		TEST(what_is_forgotten_is_killed_and_then_deleted),
		TEST(what_has_ended_is_forgotten_without_a_signal),
		TEST(what_was_deleted_meanwhile_is_forgotten_already),
		TEST(what_is_being_forgotten_at_the_end_is_no_leak),
		TEST(a_shutdown_waits_for_the_last_container),
		TEST(a_shutdown_now_takes_everything_down_and_nothing_is_made_meanwhile),
		TEST(a_shutdown_without_a_sandbox_is_fine),
		TEST(the_rest_is_unimplemented_by_name),
		TEST(without_a_sandbox_nothing_is_found),
		TEST(connect_tells_who_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
