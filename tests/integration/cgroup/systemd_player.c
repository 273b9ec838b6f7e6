/* SPDX-License-Identifier: Apache-2.0 */
#include "systemd_player.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define MANAGER "org.freedesktop.systemd1.Manager"

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

bool player_can_play(void)
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
			return player.as_expected ? PLAYER_ASKED_AS_SAID : 2;
	}
}

pid_t player_start(const char *socket_path, enum play play)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	scoped_free char *address = xasprintf("unix:path=%s", socket_path);
	scoped_fd int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 1) < 0 ||
	    setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1) < 0)
		abort();
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		_exit(run_player(listener, play));
	return pid;
}

int player_result(pid_t player)
{
	int status;

	if (waitpid(player, &status, 0) != player)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
