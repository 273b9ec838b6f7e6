/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_rr.c - how long does a question take to be answered over the network?
 *
 *	tcp_rr serve PORT		echo, TCP and UDP, IPv4 and IPv6, until it is killed
 *	tcp_rr [-u] [-n COUNT] [-t SECONDS] [-s BYTES] ADDRESS PORT
 *
 * The client sends a question, waits for all of the answer, and asks again: COUNT times, or for
 * SECONDS (10). It prints "PER_SECOND P50_US P99_US COUNT". -u: UDP. A second without an answer
 * is an error. Static, so that it runs on any root file system.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define QUESTION_MAX 65000
#define CLIENTS_MAX  64
#define SAMPLES_MAX  2000000

static char buf[QUESTION_MAX];

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "tcp_rr: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* --- server --- */

static int listen_on(int type, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, CLIENTS_MAX) < 0)
		die("listen");
	return fd;
}

static void echo_datagram(int fd)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len);

	if (n >= 0)
		sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, from_len);
}

static bool echo_stream(int fd)
{
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	return n > 0 && send_all(fd, buf, (size_t)n);
}

static void accept_client(struct pollfd *fds, nfds_t *n_fds)
{
	int on = 1, fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (*n_fds == 2 + CLIENTS_MAX) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fds[(*n_fds)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

_Noreturn static void serve(uint16_t port)
{
	struct pollfd fds[2 + CLIENTS_MAX] = {
		{ .fd = listen_on(SOCK_STREAM, port), .events = POLLIN },
		{ .fd = listen_on(SOCK_DGRAM, port), .events = POLLIN },
	};
	nfds_t n_fds = 2;

	for (;;) {
		if (poll(fds, n_fds, -1) < 0)
			die("poll");
		for (nfds_t i = n_fds; i-- > 2;) {
			if (fds[i].revents == 0 || echo_stream(fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n_fds];
		}
		if (fds[1].revents != 0)
			echo_datagram(fds[1].fd);
		if (fds[0].revents != 0)
			accept_client(fds, &n_fds);
	}
}

/* --- client --- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int connect_to(const char *address, uint16_t port, int type)
{
	struct timeval second = { .tv_sec = 1 };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	const struct sockaddr *to = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0), on = 1;

	errno = EINVAL;
	if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
		die(address);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (connect(fd, to, is_v4 ? sizeof(v4) : sizeof(v6)) < 0)
		die("connect");
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Nanoseconds of one question and its answer, which has to be the same. */
static uint64_t ask(int fd, const char *question, size_t len)
{
	uint64_t began = now_ns();
	size_t got = 0;

	if (!send_all(fd, question, len))
		die("send");
	while (got < len) {
		ssize_t n = recv(fd, buf + got, len - got, 0);

		if (n <= 0)
			die("wait for an answer");
		got += (size_t)n;
	}
	if (memcmp(buf, question, len) != 0) {
		errno = EBADMSG;
		die("answer");
	}
	return now_ns() - began;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void ask_and_report(int fd, size_t len, size_t count, unsigned int seconds)
{
	static uint32_t us[SAMPLES_MAX];
	static char question[QUESTION_MAX];
	uint64_t began = now_ns(), end = began + seconds * 1000000000ull, spent;
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		question[i] = (char)('a' + i % 26);
	while (n < count && (seconds == 0 || now_ns() < end))
		us[n++] = (uint32_t)(ask(fd, question, len) / 1000);
	spent = now_ns() - began;
	qsort(us, n, sizeof(us[0]), by_size);
	printf("%.1f %u %u %zu\n", (double)n * 1e9 / (double)spent, us[n / 2], us[n * 99 / 100], n);
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value == 0 || value > max) {
		fprintf(stderr, "tcp_rr: '%s' is no number from 1 to %lu\n", text, max);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	size_t count = SAMPLES_MAX, len = 1;
	unsigned int seconds = 10;
	int type = SOCK_STREAM, option, fd;

	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve((uint16_t)number(argv[2], UINT16_MAX));
	while ((option = getopt(argc, argv, "un:t:s:")) != -1) {
		if (option == 'u')
			type = SOCK_DGRAM;
		else if (option == 'n')
			count = number(optarg, SAMPLES_MAX), seconds = 0;
		else if (option == 't')
			seconds = (unsigned int)number(optarg, 3600);
		else if (option == 's')
			len = number(optarg, QUESTION_MAX);
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	fd = connect_to(argv[optind], (uint16_t)number(argv[optind + 1], UINT16_MAX), type);
	ask_and_report(fd, len, count, seconds);
	return 0;
}
