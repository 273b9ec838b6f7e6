/* SPDX-License-Identifier: Apache-2.0 */
/* kata-proxy from outside: its arguments, its services without a sandbox, its ends. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent.pb-c.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"
#include "lib/ttrpc/client.h"
#include "lib/ttrpc/unpack.h"
#include "supervisor.pb-c.h"
#include "task.pb-c.h"

#define ANSWER_MS 5000

static char sandbox_id[] = "proxytest";
static char sandbox_dir[] = "/run/vc/sbs/proxytest";
static char socket_path[] = "/run/vc/sbs/proxytest/proxy.sock";

struct proxy {
	int pidfd, fd;
	pid_t pid;
	char *log;
	char dir[64]; /* a bundle, a configuration */
};

static int spawn_proxy(char *const *argv, int stderr_fd, const struct spawn_fd *fds, size_t n_fds,
		       pid_t *ret_pid)
{
	struct spawn s = SPAWN_INIT;
	struct err err = ERR_INIT;
	int pidfd = -1;

	s.argv = argv;
	s.stderr_fd = stderr_fd;
	s.fds = fds;
	s.n_fds = n_fds;
	if (spawn(&s, ret_pid, &pidfd, &err) < 0)
		fail_msg("%s", err.text);
	return pidfd;
}

static int setup(void **state)
{
	struct proxy *p = xnew(struct proxy);
	struct err err = ERR_INIT;
	scoped_strv char **argv = NULL;
	scoped_fd int listener = -1;
	struct spawn_fd fds[1];

	strcpy(p->dir, "/tmp/test_proxy.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->log = xasprintf("%s/log", p->dir);
	assert_int_equal(dir_make(sandbox_dir, 0700, &err), 0);
	listener = unix_listen(socket_path, &err);
	assert_true(listener >= 0);
	fds[0] = (struct spawn_fd){ .from = listener, .to = 3 };
	strv_addf(&argv, "%s", getenv("KATA_PROXY"));
	strv_add(&argv, "-sandbox");
	strv_add(&argv, sandbox_id);
	strv_add(&argv, "-listen-fd");
	strv_add(&argv, "3");
	strv_add(&argv, "-config");
	strv_addf(&argv, "%s/configuration.toml", p->dir);
	strv_add(&argv, "-log");
	strv_add(&argv, p->log);
	p->pidfd = spawn_proxy(argv, -1, fds, 1, &p->pid);
	p->fd = unix_connect(socket_path, &err);
	assert_true(p->fd >= 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct proxy *p = *state;
	struct err err = ERR_INIT;

	if (p->pidfd >= 0)
		(void)proc_kill_wait(p->pidfd, ANSWER_MS, &err);
	close_fd(&p->pidfd);
	close_fd(&p->fd);
	assert_int_equal(dir_remove(p->dir, &err), 0);
	assert_int_equal(dir_remove(sandbox_dir, &err), 0);
	free(p->log);
	free(p);
	return 0;
}

/* NULL stands for success; the answer itself is of no interest. */
static void expect(struct proxy *p, const ProtobufCServiceDescriptor *service, const char *method,
		   const ProtobufCMessage *req, enum err_code code, const char *part)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *resp =
		ttrpc_client_call_wait(p->fd, service, method, req, ANSWER_MS, &err);

	if (resp)
		message_free(resp);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, part))
		fail_msg("'%s' has no '%s'", err.text, part);
}

#define TASK       (&containerd__task__v2__task__descriptor)
#define SUPERVISOR (&kata__supervisor__supervisor__descriptor)

/* It ends by itself, with success, and its directory is gone. */
static void expect_end(struct proxy *p)
{
	struct err err = ERR_INIT;
	struct stat st;
	int status;

	if (spawn_wait(p->pidfd, ANSWER_MS, &status, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(status, 0);
	close_fd(&p->pidfd);
	assert_int_equal(stat(sandbox_dir, &st), -1);
	assert_int_equal(errno, ENOENT);
}

static void the_services_answer_without_a_sandbox(void **state)
{
	struct proxy *p = *state;
	Containerd__Task__V2__ConnectRequest connect = CONTAINERD__TASK__V2__CONNECT_REQUEST__INIT;
	Containerd__Task__V2__StateRequest task_state = CONTAINERD__TASK__V2__STATE_REQUEST__INIT;
	Containerd__Task__V2__CheckpointTaskRequest checkpoint =
		CONTAINERD__TASK__V2__CHECKPOINT_TASK_REQUEST__INIT;
	Kata__Supervisor__DescribeRequest describe = KATA__SUPERVISOR__DESCRIBE_REQUEST__INIT;
	Kata__Supervisor__AttachShimRequest attach = KATA__SUPERVISOR__ATTACH_SHIM_REQUEST__INIT;
	Kata__Supervisor__TimelineRequest timeline = KATA__SUPERVISOR__TIMELINE_REQUEST__INIT;
	Grpc__GuestDetailsRequest details = GRPC__GUEST_DETAILS_REQUEST__INIT;
	char id[] = "c1";

	task_state.id = describe.id = attach.id = id;
	expect(p, TASK, "Connect", &connect.base, ERR_OK, "");
	expect(p, TASK, "State", &task_state.base, ERR_NOT_FOUND, "'c1'");
	expect(p, TASK, "Checkpoint", &checkpoint.base, ERR_UNIMPLEMENTED, "checkpoint container");
	expect(p, SUPERVISOR, "Describe", &describe.base, ERR_NOT_FOUND, "'c1'");
	expect(p, SUPERVISOR, "AttachShim", &attach.base, ERR_NOT_FOUND, "'c1'");
	expect(p, SUPERVISOR, "Timeline", &timeline.base, ERR_OK, "");
	expect(p, &grpc__agent_service__descriptor, "GetGuestDetails", &details.base,
	       ERR_UNAVAILABLE, "there is no agent");
}

static void a_signal_ends_it_and_nothing_is_left(void **state)
{
	struct proxy *p = *state;
	Containerd__Task__V2__ConnectRequest connect = CONTAINERD__TASK__V2__CONNECT_REQUEST__INIT;

	expect(p, TASK, "Connect", &connect.base, ERR_OK, ""); /* it is up, then */
	assert_int_equal(kill(p->pid, SIGTERM), 0);
	expect_end(p);
}

static void a_shutdown_is_answered_before_it_ends(void **state)
{
	struct proxy *p = *state;
	Containerd__Task__V2__ShutdownRequest req = CONTAINERD__TASK__V2__SHUTDOWN_REQUEST__INIT;

	expect(p, TASK, "Shutdown", &req.base, ERR_OK, "");
	expect_end(p);
}

static void a_first_container_that_cannot_be_made_ends_it(void **state)
{
	struct proxy *p = *state;
	Containerd__Task__V2__CreateTaskRequest req =
		CONTAINERD__TASK__V2__CREATE_TASK_REQUEST__INIT;
	char id[] = "c1";

	req.id = id;
	req.bundle = p->dir;
	expect(p, TASK, "Create", &req.base, ERR_NOT_FOUND, "config.json");
	expect_end(p);
}

static void a_configuration_that_is_broken_ends_it_with_its_line(void **state)
{
	static const char spec[] =
		"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},"
		"\"root\":{\"path\":\"rootfs\"},\"linux\":{}}";
	static const char toml[] = "[hypervisor.qemu]\npath = 5\n";
	struct proxy *p = *state;
	Containerd__Task__V2__CreateTaskRequest req =
		CONTAINERD__TASK__V2__CREATE_TASK_REQUEST__INIT;
	scoped_free char *config_json = xasprintf("%s/config.json", p->dir);
	scoped_free char *configuration = xasprintf("%s/configuration.toml", p->dir);
	struct err err = ERR_INIT;
	char id[] = "c1";

	assert_int_equal(file_replace(config_json, spec, strlen(spec), 0600, &err), 0);
	assert_int_equal(file_replace(configuration, toml, strlen(toml), 0600, &err), 0);
	req.id = id;
	req.bundle = p->dir;
	expect(p, TASK, "Create", &req.base, ERR_INVALID, "configuration.toml");
	expect_end(p);
}

static void noise_ends_one_connection_at_most(void **state)
{
	struct proxy *p = *state;
	Containerd__Task__V2__ConnectRequest connect = CONTAINERD__TASK__V2__CONNECT_REQUEST__INIT;
	static const uint8_t large[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1, 0, 'x' };
	static const uint8_t cut[] = { 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 'c', 'u', 't' };
	struct err err = ERR_INIT;

	for (int i = 0; i < 20; i++) {
		scoped_fd int a = unix_connect(socket_path, &err);
		scoped_fd int b = unix_connect(socket_path, &err);

		assert_int_equal(write(a, large, sizeof(large)), sizeof(large));
		assert_int_equal(write(b, cut, sizeof(cut)), sizeof(cut));
	}
	expect(p, TASK, "Connect", &connect.base, ERR_OK, "");
}

struct arguments {
	const char *words; /* behind the program's name, one blank in between */
	const char *says;
};

static const struct arguments wrong[] = {
	{ "", "flags '-sandbox' and '-config' are required" },
	{ "-sandbox x -config y", "one of '-listen-fd' and '-listen-socket' is required" },
	{ "-sandbox x -config y -listen-fd 3 -listen-socket unix:///z",
	  "one of '-listen-fd' and '-listen-socket' is required" },
	{ "-frobnicate 1", "flag '-frobnicate 1' is not known" },
	{ "-listen-fd -1", "flag '-listen-fd -1' is not known" },
	{ "-sandbox", "flag '-sandbox' wants a value" },
	{ "word", "argument 'word' is not known" },
	{ "-sandbox x -config y -listen-socket unix:///nonexistent/z", "'/nonexistent/z'" },
	{ "-sandbox x -config y -listen-fd 3 -log /nonexistent/log",
	  "open log '/nonexistent/log'" },
};

static void arguments_that_are_wrong_are_one_clear_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		scoped_strv char **argv = NULL;
		scoped_free char *words = xstrdup(wrong[i].words);
		struct err err = ERR_INIT;
		char text[1024] = "";
		char *rest = words, *word;
		int fds[2], status;

		strv_addf(&argv, "%s", getenv("KATA_PROXY"));
		while ((word = strsep(&rest, " ")) != NULL)
			if (word[0])
				strv_add(&argv, word);
		assert_int_equal(pipe(fds), 0);
		{
			scoped_fd int pidfd = spawn_proxy(argv, fds[1], NULL, 0, NULL);

			close(fds[1]);
			assert_int_equal(spawn_wait(pidfd, ANSWER_MS, &status, &err), 0);
		}
		assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
		close(fds[0]);
		assert_int_equal(status, 1);
		if (!strstr(text, wrong[i].says))
			fail_msg("'%s' says '%s'", wrong[i].words, text);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_services_answer_without_a_sandbox),
		TEST(a_signal_ends_it_and_nothing_is_left),
		TEST(a_shutdown_is_answered_before_it_ends),
		TEST(a_first_container_that_cannot_be_made_ends_it),
		TEST(a_configuration_that_is_broken_ends_it_with_its_line),
		TEST(noise_ends_one_connection_at_most),
		cmocka_unit_test(arguments_that_are_wrong_are_one_clear_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
