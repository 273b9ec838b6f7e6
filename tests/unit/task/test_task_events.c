/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_task_events.c - what whoever follows the tasks is told, and in which order
 */
#include "world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "task_events.pb-c.h"

static char json[] = "{\"args\":[\"ls\"],\"cwd\":\"/\"}", url[] = "x/Process";

/* As the engine tells it. */
static void end(struct process *p, int status)
{
	set_exit(p, status);
	fake.sandbox->events.exited(fake.sandbox->events_arg, p);
}

static void begin_start(struct world *w, char *exec_id, struct answer *a)
{
	ask(w, "Start", REQUEST(StartRequest, start_request, .id = c1, .exec_id = exec_id), a);
}

static void start(struct world *w, struct process *p)
{
	struct answer a;

	begin_start(w, p->exec_id, &a);
	p->started = true;
	if (!p->exec_id[0])
		p->container->status = CONTAINER_RUNNING;
	fake_end(p->exec_id[0] ? "start c1/e1" : "start c1/", NULL);
	expect_done(w, &a);
}

static struct process *add_exec(struct world *w)
{
	Containerd__Task__V2__Any any = CONTAINERD__TASK__V2__ANY__INIT;
	struct answer a;

	any.type_url = url;
	any.value.data = (uint8_t *)json;
	any.value.len = strlen(json);
	ask(w, "Exec",
	    REQUEST(ExecProcessRequest, exec_process_request, .id = c1, .exec_id = e1,
		    .stdin = empty, .stdout = empty, .stderr = empty, .spec = &any),
	    &a);
	fake_end("exec c1/e1 ls", NULL);
	expect_done(w, &a);
	return &the_container(c1)->exec;
}

static void delete (struct world *w, char *exec_id, const char *op, const struct err *err)
{
	struct answer a;

	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c1, .exec_id = exec_id), &a);
	fake_end(op, err);
	if (err)
		expect_error(w, &a, err->code, err->text);
	else
		expect_done(w, &a);
}

static void a_container_is_told_from_its_creation_to_its_deletion(void **state)
{
	struct world *w = *state;

	create(w, c1);
	start(w, &the_container(c1)->init);
	end(&the_container(c1)->init, 7);
	delete (w, empty, "delete c1", NULL);
	expect_events(w, "/tasks/create c1/ 4711 0 0\n"
			 "/tasks/start c1/ 4711 0 0\n"
			 "/tasks/exit c1/c1 4711 7 5000000007\n"
			 "/tasks/delete c1/ 4711 7 5000000007\n");
}

static void the_creation_tells_what_was_asked_for(void **state)
{
	static char type[] = "overlay", option[] = "lowerdir=/a:/b", in[] = "/run/in";
	static char *options[] = { option };
	Containerd__Task__V2__Mount mount = CONTAINERD__TASK__V2__MOUNT__INIT,
				    *mounts[] = { &mount };
	const Containerd__Events__TaskCreate *event;
	Containerd__Task__V2__CreateTaskRequest req;
	struct world *w = *state;
	struct answer a;

	init_create(&req, w, c1);
	mount.type = mount.source = type;
	mount.options = options;
	mount.n_options = 1;
	req.rootfs = mounts;
	req.n_rootfs = 1;
	req.stdin = in;
	req.terminal = true;
	ask(w, "Create", &req.base, &a);
	fake_end("up", NULL);
	fake_end("create c1 tty </run/in> 2>", NULL);
	expect_done(w, &a);
	assert_string_equal(w->front.event->descriptor->name, "containerd.events.TaskCreate");
	event = (const void *)w->front.event;
	assert_string_equal(event->container_id, c1);
	assert_string_equal(event->bundle, w->dir);
	assert_int_equal(event->n_rootfs, 1);
	assert_string_equal(event->rootfs[0]->type, type);
	assert_string_equal(event->rootfs[0]->options[0], option);
	assert_string_equal(event->io->stdin, in);
	assert_string_equal(event->io->stdout, "");
	assert_true(event->io->terminal);
	assert_int_equal(event->pid, 4711);
}

static void an_event_comes_before_the_answer(void **state)
{
	struct world *w = *state;
	Containerd__Task__V2__CreateTaskRequest req;
	struct answer a;

	init_create(&req, w, c1);
	ask(w, "Create", &req.base, &a);
	fake_end("up", NULL);
	fake_end("create c1", NULL);
	assert_false(a.over);
	expect_events(w, "/tasks/create c1/ 4711 0 0\n");
	expect_done(w, &a);
	begin_start(w, empty, &a);
	fake_end("start c1/", NULL);
	assert_false(a.over);
	expect_events(w, "/tasks/start c1/ 4711 0 0\n");
	/* The engine holds an end back until this callback has returned. */
	end(&the_container(c1)->init, 0);
	expect_events(w, "/tasks/exit c1/c1 4711 0 5000000007\n");
	expect_done(w, &a);
}

static void an_exec_is_told_by_its_own_id_and_deleted_without_a_word(void **state)
{
	struct world *w = *state;
	struct process *p;

	create(w, c1);
	start(w, &the_container(c1)->init);
	w->front.events[0] = '\0';
	p = add_exec(w);
	start(w, p);
	end(p, 3);
	delete (w, e1, "delete c1/e1", NULL);
	expect_events(w, "/tasks/exec-added c1/e1 0 0 0\n"
			 "/tasks/exec-started c1/e1 4711 0 0\n"
			 "/tasks/exit c1/e1 4711 3 5000000007\n");
}

static void an_exec_that_never_ran_has_no_exit(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;
	struct process *p;
	struct answer a;

	create(w, c1);
	start(w, &the_container(c1)->init);
	p = add_exec(w);
	w->front.events[0] = '\0';
	err_set(&why, ERR_NOT_FOUND, "no such program");
	begin_start(w, e1, &a);
	fake_end("start c1/e1", &why);
	expect_error(w, &a, ERR_NOT_FOUND, "no such program");
	end(p, 255); /* the machine is lost */
	delete (w, e1, "delete c1/e1", NULL);
	expect_events(w, "");
}

static void what_failed_is_not_told(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;
	Containerd__Task__V2__CreateTaskRequest req;
	struct answer a;

	err_set(&why, ERR_INTERNAL, "not today");
	create(w, c1);
	w->front.events[0] = '\0';
	init_create(&req, w, c2);
	ask(w, "Create", &req.base, &a);
	fake_end("create c2", &why);
	expect_error(w, &a, ERR_INTERNAL, "not today");
	begin_start(w, empty, &a);
	fake_end("start c1/", &why);
	expect_error(w, &a, ERR_INTERNAL, "not today");
	ask(w, "Pause", REQUEST(PauseRequest, pause_request, .id = c1), &a);
	fake_end("pause c1", &why);
	expect_error(w, &a, ERR_INTERNAL, "not today");
	delete (w, empty, "delete c1 by force", &why);
	expect_events(w, "");
}

static void pause_and_resume_are_told(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	start(w, &the_container(c1)->init);
	w->front.events[0] = '\0';
	ask(w, "Pause", REQUEST(PauseRequest, pause_request, .id = c1), &a);
	expect_events(w, "");
	fake_end("pause c1", NULL);
	expect_done(w, &a);
	ask(w, "Resume", REQUEST(ResumeRequest, resume_request, .id = c1), &a);
	fake_end("resume c1", NULL);
	expect_done(w, &a);
	expect_events(w, "/tasks/paused c1/ 0 0 0\n/tasks/resumed c1/ 0 0 0\n");
}

static void an_oom_kill_is_told_and_leaves_a_file(void **state)
{
	struct world *w = *state;
	char path[80];

	create(w, c1);
	w->front.events[0] = '\0';
	fake.sandbox->events.oom(fake.sandbox->events_arg, the_container(c1));
	expect_events(w, "/tasks/oom c1/ 0 0 0\n");
	snprintf(path, sizeof(path), "%s/oom", w->dir);
	assert_int_equal(access(path, F_OK), 0);
}

static void what_never_started_is_killed_before_it_is_deleted(void **state)
{
	const Containerd__Task__V2__DeleteResponse *resp;
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	w->front.events[0] = '\0';
	ask(w, "Delete", REQUEST(DeleteRequest, delete_request, .id = c1, .exec_id = empty), &a);
	end(&the_container(c1)->init, 137);
	fake_end("delete c1 by force", NULL);
	turn(w);
	resp = (const void *)a.resp;
	assert_non_null(resp);
	assert_int_equal(resp->exit_status, 137);
	assert_int_equal(resp->exited_at->nanos, 7);
	forget(&a);
	expect_events(w, "/tasks/exit c1/c1 4711 137 5000000007\n"
			 "/tasks/delete c1/ 4711 137 5000000007\n");
}

static void the_pid_is_the_same_when_the_machine_is_gone(void **state)
{
	struct world *w = *state;

	create(w, c1);
	start(w, &the_container(c1)->init);
	w->front.events[0] = '\0';
	fake.vm_gone = true;
	end(&the_container(c1)->init, 255);
	delete (w, empty, "delete c1", NULL);
	expect_events(w, "/tasks/exit c1/c1 4711 255 5000000007\n"
			 "/tasks/delete c1/ 4711 255 5000000007\n");
}

static void a_process_deleted_during_its_start_is_not_told(void **state)
{
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	w->front.events[0] = '\0';
	begin_start(w, empty, &a);
	the_container(c1)->id[0] = '\0';
	fake_end("start c1/", NULL);
	expect_done(w, &a);
	expect_events(w, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_container_is_told_from_its_creation_to_its_deletion),
		TEST(the_creation_tells_what_was_asked_for),
		TEST(an_event_comes_before_the_answer),
		TEST(an_exec_is_told_by_its_own_id_and_deleted_without_a_word),
		TEST(an_exec_that_never_ran_has_no_exit),
		TEST(what_failed_is_not_told),
		TEST(pause_and_resume_are_told),
		TEST(an_oom_kill_is_told_and_leaves_a_file),
		TEST(what_never_started_is_killed_before_it_is_deleted),
		TEST(the_pid_is_the_same_when_the_machine_is_gone),
		TEST(a_process_deleted_during_its_start_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
