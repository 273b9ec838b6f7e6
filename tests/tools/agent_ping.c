/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_ping - how long an agent takes to answer an empty call
 *
 *	agent_ping [-n COUNT] [-t SECONDS] SOCKET
 *	agent_ping [-n COUNT] [-t SECONDS] SOCKET COMMAND [ARGUMENT...]
 *	agent_ping -m SOCKET
 *
 * Sends grpc.Health/Check over SOCKET and prints the milliseconds until each answer, one a
 * line. With a COMMAND (a QEMU whose agent channel connects to SOCKET), listens on SOCKET,
 * starts the command and counts the first answer's time from there: the bare boot that
 * `kata-runtime run` is compared with. The command is killed at the end. With -m, prints
 * what the agent says of itself and its guest: GetMetrics.
 *
 * Written against the wire and not with the project's own ttrpc client, so that it checks
 * the one and does not carry the cost of the other. Blocks; a test's tool only.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "health.pb-c.h"
#include "ttrpc.pb-c.h"

#define HEADER_LEN 10
#define ANSWER_MAX (1u << 20) /* bytes; a Health answer has about ten, metrics some 10,000 */

static int64_t deadline_ns; /* CLOCK_MONOTONIC */
static pid_t command_pid;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void end_command(void)
{
	if (command_pid <= 0)
		return;
	kill(command_pid, SIGKILL);
	waitpid(command_pid, NULL, 0);
}

static void wait_readable(int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left_ms = (deadline_ns - now_ns()) / 1000000;

	if (poll(&p, 1, left_ms > 0 ? (int)left_ms : 0) != 1)
		errx(1, "wait for %s: time is over", what);
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path))
		errx(1, "use socket '%s': the path is too long", path);
	memcpy(a.sun_path, path, strlen(path));
	return a;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		err(1, "connect to '%s'", path);
	return fd;
}

static int listen_on(const char *path)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		err(1, "listen on '%s'", path);
	return fd;
}

/* Start the command, return its end of the channel. */
static int start(const char *path, char *argv[])
{
	int listener = listen_on(path);
	int fd, r;

	r = posix_spawnp(&command_pid, argv[0], NULL, NULL, argv, environ);
	if (r != 0)
		errx(1, "start '%s': %s", argv[0], strerror(r));
	wait_readable(listener, "the command to connect");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		err(1, "accept");
	close(listener);
	return fd;
}

static void put_u32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Every request here is empty. */
static void send_request(int fd, uint32_t stream, const char *service, const char *method)
{
	Ttrpc__Request req;
	uint8_t frame[256] = { 0 };
	size_t len;

	ttrpc__request__init(&req);
	req.service = (char *)(uintptr_t)service;
	req.method = (char *)(uintptr_t)method;
	len = ttrpc__request__pack(&req, frame + HEADER_LEN);
	put_u32(frame, (uint32_t)len);
	put_u32(frame + 4, stream);
	frame[8] = 1; /* request */
	if (write(fd, frame, HEADER_LEN + len) != (ssize_t)(HEADER_LEN + len))
		err(1, "send %s", method);
}

static void read_all(int fd, uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n;

		wait_readable(fd, "the agent's answer");
		n = read(fd, buf, len);
		if (n == 0)
			errx(1, "read the agent's answer: the channel was closed");
		if (n < 0)
			err(1, "read the agent's answer");
		buf += n;
		len -= (size_t)n;
	}
}

/* One call; the answer is the caller's to free. */
static Ttrpc__Response *call(int fd, uint32_t stream, const char *service, const char *method)
{
	static uint8_t data[ANSWER_MAX];
	uint8_t head[HEADER_LEN];
	Ttrpc__Response *resp;
	uint32_t len;

	send_request(fd, stream, service, method);
	read_all(fd, head, sizeof(head));
	len = get_u32(head);
	if (len > sizeof(data) || get_u32(head + 4) != stream || head[8] != 2)
		errx(1, "read the agent's answer: frame of %u bytes, stream %u, type %u", len,
		     get_u32(head + 4), head[8]);
	read_all(fd, data, len);
	resp = ttrpc__response__unpack(NULL, len, data);
	if (!resp)
		errx(1, "read the agent's answer: not a Response");
	if (resp->status && resp->status->code != 0)
		errx(1, "%s: %s", method, resp->status->message);
	return resp;
}

static void check(int fd, uint32_t stream)
{
	Ttrpc__Response *resp = call(fd, stream, "grpc.Health", "Check");
	Grpc__HealthCheckResponse *health;

	health = grpc__health_check_response__unpack(NULL, resp->payload.len, resp->payload.data);
	if (!health || health->status != GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING)
		errx(1, "Health.Check: the agent does not say that it is serving");
	grpc__health_check_response__free_unpacked(health, NULL);
	ttrpc__response__free_unpacked(resp, NULL);
}

static void print_metrics(int fd)
{
	Ttrpc__Response *resp = call(fd, 1, "grpc.AgentService", "GetMetrics");
	Grpc__Metrics *metrics = grpc__metrics__unpack(NULL, resp->payload.len, resp->payload.data);

	if (!metrics)
		errx(1, "GetMetrics: not a Metrics");
	fputs(metrics->metrics, stdout);
	grpc__metrics__free_unpacked(metrics, NULL);
	ttrpc__response__free_unpacked(resp, NULL);
}

int main(int argc, char *argv[])
{
	long count = 1, seconds = 60;
	bool metrics = false;
	int64_t began;
	int fd, option;

	while ((option = getopt(argc, argv, "+mn:t:")) != -1) {
		if (option == 'n')
			count = strtol(optarg, NULL, 10);
		else if (option == 't')
			seconds = strtol(optarg, NULL, 10);
		else if (option == 'm')
			metrics = true;
		else
			return 2;
	}
	if (optind >= argc || count < 1 || seconds < 1)
		errx(2, "usage: agent_ping [-m] [-n COUNT] [-t SECONDS] SOCKET [COMMAND...]");
	atexit(end_command);
	began = now_ns();
	deadline_ns = began + seconds * 1000000000;
	fd = argc - optind > 1 ? start(argv[optind], argv + optind + 1) : connect_to(argv[optind]);
	if (metrics) {
		print_metrics(fd);
		return 0;
	}
	for (long i = 0; i < count; i++) {
		check(fd, (uint32_t)(2 * i + 1));
		printf("%.2f\n", (double)(now_ns() - began) / 1e6);
		fflush(stdout);
		began = now_ns();
	}
	return 0;
}
