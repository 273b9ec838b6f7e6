/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"

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
	assert_int_equal(w->front.n_empty, 0);
}

/* Whoever was told that it is in use again is told that it is not. */
static void a_container_that_fails_in_an_empty_sandbox_says_so(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct err why = ERR_INIT;
	struct answer a;

	create(w, c1);
	the_container(c1)->id[0] = '\0';
	err_set(&why, ERR_DENIED, "no");
	init_create(&req, w, c2);
	ask(w, "Create", &req.base, &a);
	the_container(c2)->id[0] = '\0';
	fake_end("create c2", &why);
	expect_error(w, &a, ERR_DENIED, "no");
	assert_int_equal(w->front.n_busy, 2);
	assert_int_equal(w->front.n_empty, 1);
}

static void a_container_that_fails_while_the_sandbox_boots_does_not_end_it(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest first, second;
	struct err why = ERR_INIT;
	struct answer a, b;

	init_create(&first, w, c1);
	ask(w, "Create", &first.base, &a);
	init_create(&second, w, c2);
	ask(w, "Create", &second.base, &b);
	assert_false(a.over);
	err_set(&why, ERR_STATE, "not up yet");
	the_container(c2)->id[0] = '\0';
	fake_end("up", NULL);
	fake_end("create c2", &why);
	expect_error(w, &b, ERR_STATE, "not up yet");
	assert_int_equal(w->front.n_empty, 0);
	fake_end("create c1", NULL);
	expect_done(w, &a);
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
	req.rootfs = mounts;
	req.n_rootfs = 1;
	mount.target = relative;
	ask(w, "Create", &req.base, &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "mount on 'x' inside the root file system");
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
	char json[] = "{\"args\":[\"ls\"],\"cwd\":\"/\"}", bad[] = "{\"args\":[1]}";
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

/* The words of UpdateContainerResources of containerd 1.6, and an update of annotations alone. */
static void an_update_of_cri_is_understood(void **state)
{
	struct world *w = *state;
	char url[] = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
	char json[] = "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
		      "\"memory\":{\"limit\":67108864},"
		      "\"cpu\":{\"shares\":2,\"quota\":-1,\"period\":100000,\"cpus\":\"0\"},"
		      "\"pids\":{\"limit\":9},\"hugepageLimits\":[],"
		      "\"unified\":{\"memory.high\":\"max\"}}";
	Containerd__Task__V2__UpdateTaskRequest req =
		CONTAINERD__TASK__V2__UPDATE_TASK_REQUEST__INIT;
	Containerd__Task__V2__UpdateTaskRequest__AnnotationsEntry note =
		CONTAINERD__TASK__V2__UPDATE_TASK_REQUEST__ANNOTATIONS_ENTRY__INIT;
	Containerd__Task__V2__UpdateTaskRequest__AnnotationsEntry *notes[] = { &note };
	Containerd__Task__V2__Any any;
	struct answer a;

	create(w, c1);
	fill_any(&any, url, json);
	note.key = note.value = e1;
	req.id = c1;
	req.resources = &any;
	req.annotations = notes;
	req.n_annotations = 1;
	ask(w, "Update", &req.base, &a);
	fake_end("update c1 pids 9", NULL);
	expect_done(w, &a);
	req.resources = NULL;
	ask(w, "Update", &req.base, &a);
	expect_done(w, &a);
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

static void a_checkpoint_is_refused_by_name(void **state)
{
	struct world *w = *state;
	struct answer a;

	ask(w, "Checkpoint",
	    REQUEST(CheckpointTaskRequest, checkpoint_task_request, .id = c1, .path = c1), &a);
	expect_error(w, &a, ERR_UNIMPLEMENTED, "checkpoint container 'c1'");
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
	const struct CMUnitTest tests[] = {
		TEST(the_first_container_makes_the_sandbox),
		TEST(a_boot_that_fails_is_told_and_ends_the_sandbox),
		TEST(a_second_container_that_fails_leaves_the_sandbox),
		TEST(a_container_that_fails_in_an_empty_sandbox_says_so),
		TEST(a_container_that_fails_while_the_sandbox_boots_does_not_end_it),
		TEST(what_create_cannot_do_is_named),
		TEST(a_configuration_that_is_refused_makes_no_sandbox),
		TEST(a_start_answers_with_the_stand_in_or_the_machine),
		TEST(a_process_deleted_during_its_start_is_no_surprise),
		TEST(signals_are_checked_and_passed_on),
		TEST(pause_and_resume_are_passed_on),
		TEST(an_exec_reads_its_process_from_json),
		TEST(an_update_reads_its_resources_from_json),
		TEST(an_update_of_cri_is_understood),
		TEST(the_state_follows_the_engine),
		TEST(a_checkpoint_is_refused_by_name),
		TEST(connect_tells_who_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
