/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systemd driver against a systemd that is played by a child of the test: libsystemd's own
 * server side on a private socket, which checks what is asked of it and answers as told.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/systemd.h"

#define SKIPPED 77
#define MANAGER "org.freedesktop.systemd1.Manager"
#define ASKED_AS_EXPECTED 42 /* exit code of the player */

struct id128 {
	uint8_t bytes[16];
};

static struct {
	int (*new)(void **bus);
	int (*set_fd)(void *bus, int in, int out);
	int (*set_server)(void *bus, int on, struct id128 id);
	int (*add_filter)(void *bus, void **slot, int (*fn)(void *m, void *arg, void *error), void *arg);
	int (*start)(void *bus);
	int (*process)(void *bus, void **ret);
	int (*wait)(void *bus, uint64_t usec);
	int (*is_call)(void *m, const char *interface, const char *member);
	int (*reply)(void *m, const char *types, ...);
	int (*refuse)(void *m, const char *name, const char *format, ...);
	int (*read)(void *m, const char *types, ...);
	int (*enter)(void *m, char type, const char *contents);
	int (*new_signal)(void *bus, void **m, const char *path, const char *interface,
			  const char *member);
	int (*append)(void *m, const char *types, ...);
	int (*set_sender)(void *m, const char *sender);
	int (*send)(void *bus, void *m, uint64_t *cookie);
	void *(*get_bus)(void *m);
} sd;

static bool load(void)
{
	const struct {
		const char *name;
		void *to;
	} symbols[] = {
		{ "sd_bus_new", &sd.new },
		{ "sd_bus_set_fd", &sd.set_fd },
		{ "sd_bus_set_server", &sd.set_server },
		{ "sd_bus_add_filter", &sd.add_filter },
		{ "sd_bus_start", &sd.start },
		{ "sd_bus_process", &sd.process },
		{ "sd_bus_wait", &sd.wait },
		{ "sd_bus_message_is_method_call", &sd.is_call },
		{ "sd_bus_reply_method_return", &sd.reply },
		{ "sd_bus_reply_method_errorf", &sd.refuse },
		{ "sd_bus_message_read", &sd.read },
		{ "sd_bus_message_enter_container", &sd.enter },
		{ "sd_bus_message_new_signal", &sd.new_signal },
		{ "sd_bus_message_append", &sd.append },
		{ "sd_bus_message_set_sender", &sd.set_sender },
		{ "sd_bus_send", &sd.send },
		{ "sd_bus_message_get_bus", &sd.get_bus },
	};
	void *library = dlopen("libsystemd.so.0", RTLD_NOW);

	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *symbol = library ? dlsym(library, symbols[i].name) : NULL;

		if (!symbol)
			return false;
		memcpy(symbols[i].to, &symbol, sizeof(symbol));
	}
	return true;
}

/* --- the player --- */

enum play { PLAY_GOOD, PLAY_JOB_FAILS, PLAY_REFUSE };

struct player {
	enum play play;
	bool subscribed, as_expected;
};

static bool asked_as_expected(void *m)
{
	const char *name, *mode, *key, *text;
	int on;

	return sd.read(m, "ss", &name, &mode) > 0 && !strcmp(name, "docker-c1.scope") &&
	       !strcmp(mode, "replace") && sd.enter(m, 'a', "(sv)") > 0 &&
	       sd.read(m, "(sv)", &key, "s", &text) > 0 && !strcmp(key, "Description") &&
	       sd.read(m, "(sv)", &key, "s", &text) > 0 && !strcmp(key, "Slice") &&
	       !strcmp(text, "test-kata.slice") &&
	       sd.read(m, "(sv)", &key, "b", &on) > 0 && !strcmp(key, "Delegate") && on &&
	       sd.read(m, "(sv)", &key, "b", &on) > 0 && !strcmp(key, "DefaultDependencies") && !on &&
	       sd.enter(m, 'r', "sv") > 0 && sd.read(m, "s", &key) > 0 && !strcmp(key, "PIDs");
}

static void tell_job_removed(void *bus, const char *unit, const char *result)
{
	void *m = NULL;

	(void)sd.new_signal(bus, &m, "/org/freedesktop/systemd1", MANAGER, "JobRemoved");
	(void)sd.append(m, "uoss", 7u, "/org/freedesktop/systemd1/job/7", unit, result);
	(void)sd.set_sender(m, "org.freedesktop.systemd1");
	(void)sd.send(bus, m, NULL);
}

static int on_message(void *m, void *arg, void *error)
{
	struct player *p = arg;

	(void)error;
	if (sd.is_call(m, "org.freedesktop.DBus", "Hello"))
		return sd.reply(m, "s", ":1.1");
	if (sd.is_call(m, MANAGER, "Subscribe"))
		p->subscribed = true;
	if (!sd.is_call(m, MANAGER, "StartTransientUnit"))
		return sd.reply(m, NULL); /* AddMatch, Subscribe */
	p->as_expected = p->subscribed && asked_as_expected(m);
	if (p->play == PLAY_REFUSE)
		return sd.refuse(m, "org.freedesktop.systemd1.UnitExists", "Unit is there already.");
	(void)sd.reply(m, "o", "/org/freedesktop/systemd1/job/7");
	tell_job_removed(sd.get_bus(m), "other.scope", "failed"); /* somebody else's */
	tell_job_removed(sd.get_bus(m), "docker-c1.scope",
			 p->play == PLAY_JOB_FAILS ? "timeout" : "done");
	return 1;
}

static int run_player(int listener, enum play play)
{
	struct player player = { .play = play };
	int fd = accept(listener, NULL, NULL);
	void *bus = NULL;

	alarm(20);
	if (sd.new(&bus) < 0 || sd.set_fd(bus, fd, fd) < 0 ||
	    sd.set_server(bus, 1, (struct id128){ .bytes = { 1 } }) < 0 ||
	    sd.add_filter(bus, NULL, on_message, &player) < 0 || sd.start(bus) < 0)
		return 1;
	for (;;) {
		int r = sd.process(bus, NULL);

		if (r == 0)
			r = sd.wait(bus, UINT64_MAX);
		if (r < 0) /* the other side has hung up */
			return player.as_expected ? ASKED_AS_EXPECTED : 2;
	}
}

/* --- the tests --- */

struct fixture {
	char dir[64];
	pid_t player, member;
};

static void start_player(struct fixture *f, enum play play)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	scoped_free char *address = xasprintf("unix:path=%s/bus", f->dir);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/bus", f->dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
	f->player = fork();
	assert_true(f->player >= 0);
	if (f->player == 0)
		_exit(run_player(listener, play));
	close(listener);
}

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-systemd-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->member = fork();
	if (f->member == 0)
		for (;;)
			pause();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	scoped_free char *socket_path = xasprintf("%s/bus", f->dir);

	(void)kill(f->member, SIGKILL);
	(void)waitpid(f->member, NULL, 0);
	(void)unlink(socket_path);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static int player_result(const struct fixture *f)
{
	int status;

	assert_int_equal(waitpid(f->player, &status, 0), f->player);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void remove_group(const char *path)
{
	struct err err = ERR_INIT;
	struct cgroup *cg = cgroup_open(path, &err);

	if (!cg || cgroup_remove(cg, 5000, &err) < 0)
		fail_msg("%s", err.text);
	cgroup_free(cg);
}

static void a_scope_is_started_and_the_process_is_in_its_group(void **state)
{
	struct fixture *f = *state;
	scoped_free pid_t *pids = NULL;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	size_t n;

	start_player(f, PLAY_GOOD);
	cg = cgroup_create_systemd("test-kata.slice:docker:c1", f->member, &err);
	if (!cg)
		fail_msg("%s", err.text);
	assert_int_equal(player_result(f), ASKED_AS_EXPECTED);
	assert_int_equal(cgroup_pids(cg, &pids, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], f->member);
	assert_int_equal(cgroup_signal(cg, SIGKILL, &err), 0);
	cgroup_free(cg);
	remove_group("/test.slice/test-kata.slice/docker-c1.scope");
	remove_group("/test.slice");
}

static void a_job_that_fails_is_an_error_with_its_result(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	start_player(f, PLAY_JOB_FAILS);
	assert_null(cgroup_create_systemd("test-kata.slice:docker:c1", f->member, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "'timeout'"));
	assert_int_equal(player_result(f), ASKED_AS_EXPECTED);
}

static void systemds_own_words_are_passed_on(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	start_player(f, PLAY_REFUSE);
	assert_null(cgroup_create_systemd("test-kata.slice:docker:c1", f->member, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "Unit is there already."));
	assert_int_equal(player_result(f), ASKED_AS_EXPECTED);
}

static void no_bus_is_an_error_that_says_so(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1), 0);
	assert_null(cgroup_create_systemd("test-kata.slice:docker:c1", f->member, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "system bus"));
}

#define with_fixture(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(a_scope_is_started_and_the_process_is_in_its_group),
		with_fixture(a_job_that_fails_is_an_error_with_its_result),
		with_fixture(systemds_own_words_are_passed_on),
		with_fixture(no_bus_is_an_error_that_says_so),
	};

	if (geteuid() != 0 || !load()) {
		fprintf(stderr, "needs root and libsystemd\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
