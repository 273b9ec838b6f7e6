/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_qemu - a program in QEMU's place that plays one conversation over QMP
 *
 * The last part of its own name says which: link to it under that name. It takes the
 * sockets from the same command line as QEMU does.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n"

static int qmp = -1, console_listen = -1;

static void say(const char *text)
{
	if (write(qmp, text, strlen(text)) != (ssize_t)strlen(text))
		exit(3);
}

/* The id of the next command; ends the program when there is none. */
static unsigned long hear(void)
{
	static char line[4096];
	size_t len = 0;
	char *id;

	while (len + 1 < sizeof(line) && read(qmp, line + len, 1) == 1)
		if (line[len++] == '\n')
			break;
	line[len] = '\0';
	id = strstr(line, "\"id\":");
	if (!id)
		exit(4);
	return strtoul(id + strlen("\"id\":"), NULL, 10);
}

static void answer(const char *result)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"return\": %s, \"id\": %lu}\r\n", result, hear());
	say(text);
}

static void wait_ms(int ms)
{
	poll(NULL, 0, ms);
}

static void greet(void)
{
	say(GREETING);
	answer("{}");
}

#define RUNNING "{\"status\": \"running\", \"running\": true}"
#define PRELAUNCH "{\"status\": \"prelaunch\", \"running\": false}"

static void serve(void)
{
	for (;;)
		answer(RUNNING);
}

static void late(void)
{
	wait_ms(400);
	greet();
	serve();
}

static void silent(void)
{
	wait_ms(60000);
}

static void long_line(void)
{
	static char junk[65536];

	greet();
	memset(junk, 'x', sizeof(junk) - 1);
	for (int i = 0; i < 32; i++)
		say(junk);
	wait_ms(60000);
}

static void dies(void)
{
	greet();
	hear();
	fprintf(stderr, "fake: \033[31mcannot go on\n");
	_exit(1);
}

static void lies(void)
{
	greet();
	say("{\"return\": {}, \"id\": 4711}\r\n");
	wait_ms(60000);
}

static void internal_error(void)
{
	greet();
	answer(RUNNING);
	say("{\"event\": \"STOP\"}\r\n");
	answer("{\"status\": \"internal-error\", \"running\": false}");
	wait_ms(60000);
}

static void panics(void)
{
	greet();
	answer(RUNNING);
	say("{\"event\": \"GUEST_PANICKED\", \"data\": {\"action\": \"pause\"}}\r\n");
	wait_ms(60000);
}

static void quits(void)
{
	greet();
	answer(RUNNING);
	say("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \"host-qmp-quit\"}}\r\n");
	_exit(0);
}

static void hangs_up(void)
{
	greet();
	answer(RUNNING);
	close(qmp);
	wait_ms(60000);
}

/* Started with -S. It says more of it than the real one does. */
static void held(void)
{
	greet();
	say("{\"event\": \"STOP\"}\r\n");
	answer(PRELAUNCH);
	answer(PRELAUNCH);
	say("{\"event\": \"STOP\"}\r\n");
	answer("{}");
	say("{\"event\": \"RESUME\"}\r\n");
	serve();
}

/* A guest that writes to its console as fast as it can, for ever. */
static void floods(void)
{
	static char junk[65536];
	int console = accept(console_listen, NULL, NULL);

	memset(junk, 'z', sizeof(junk));
	for (size_t i = 99; i < sizeof(junk); i += 100)
		junk[i] = '\n';
	greet();
	for (;;) {
		struct pollfd fds[] = { { console, POLLOUT, 0 }, { qmp, POLLIN, 0 } };

		poll(fds, 2, -1);
		if (fds[1].revents)
			answer(RUNNING);
		if ((fds[0].revents & POLLOUT) &&
		    send(console, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL) == 0)
			return;
	}
}

/* The descriptor behind option (then chardev id) in our arguments. */
static int find_fd(char **argv, const char *before, const char *prefix)
{
	for (; *argv; argv++)
		if (strcmp(*argv, before) == 0 && argv[1] && strncmp(argv[1], prefix, strlen(prefix)) == 0)
			return atoi(argv[1] + strlen(prefix));
	exit(5);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*play)(void);
	} plays[] = {
		{ "late", late },           { "silent", silent },   { "long", long_line },
		{ "dies", dies },           { "lies", lies },       { "internal-error", internal_error },
		{ "panics", panics },       { "quits", quits },     { "hangs-up", hangs_up },
		{ "floods", floods },     { "held", held },
	};
	const char *name = strrchr(argv[0], '/');

	(void)argc;
	qmp = accept(find_fd(argv, "-qmp", "unix:fd="), NULL, NULL);
	console_listen = find_fd(argv, "-chardev", "socket,id=charconsole0,fd=");
	for (size_t i = 0; name && i < sizeof(plays) / sizeof(plays[0]); i++)
		if (strcmp(name + 1, plays[i].name) == 0)
			plays[i].play();
	return 6;
}
