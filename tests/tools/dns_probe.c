/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_probe.c - ask a name server in every way that resolvers do
 *
 *	dns_probe SERVER NAME [NUMBER]
 *
 * Prints one line a way: who answered, the result code, the number of answers. First it takes port
 *53 of every address for itself, as a name server in a container would. NUMBER: that many queries
 *at once over one connection, instead of two.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HEADER   12
#define MESSAGE  65535
#define PATIENCE 1 /* seconds */

static uint8_t message[MESSAGE];

static size_t make_query(uint16_t id, const char *name, uint8_t *ret)
{
	static const uint8_t head[] = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, tail[] = { 0, 0, 1, 0, 1 };
	uint8_t *at = ret + HEADER;

	ret[0] = (uint8_t)(id >> 8);
	ret[1] = (uint8_t)id;
	memcpy(ret + 2, head, sizeof(head));
	while (*name) {
		size_t len = strcspn(name, ".");

		*at++ = (uint8_t)len;
		memcpy(at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	memcpy(at, tail, sizeof(tail));
	return (size_t)(at - ret) + sizeof(tail);
}

static void print_answer(const char *way, const char *from, uint16_t id, ssize_t n)
{
	if (n < HEADER)
		printf("%s: %s\n", way, n < 0 ? strerror(errno) : "too short");
	else if (message[0] != id >> 8 || message[1] != (id & 255))
		printf("%s: another id\n", way);
	else
		printf("%s: from %s code %d answers %d bytes %zd\n", way, from, message[3] & 15,
		       message[6] << 8 | message[7], n);
	fflush(stdout);
}

static int make_socket(int family, int type)
{
	const struct timeval limit = { .tv_sec = PATIENCE };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static void name_of(const struct sockaddr_storage *sa, char *ret, size_t size)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;
	char text[INET6_ADDRSTRLEN];

	if (sa->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	snprintf(ret, size, "%s:%d", text, ntohs(v4->sin_port));
}

static void ask_udp(const char *way, const struct sockaddr *server, socklen_t len, const char *name,
		    int connected)
{
	int fd = make_socket(server->sa_family, SOCK_DGRAM);
	uint16_t id = (uint16_t)getpid();
	size_t n = make_query(id, name, message);
	struct sockaddr_storage from = { 0 };
	socklen_t from_len = sizeof(from);
	char text[96];
	ssize_t got;

	if (connected && (connect(fd, server, len) < 0 || send(fd, message, n, 0) < 0))
		printf("%s: %s\n", way, strerror(errno));
	else if (!connected && sendto(fd, message, n, 0, server, len) < 0)
		printf("%s: %s\n", way, strerror(errno));
	got = recvfrom(fd, message, sizeof(message), 0, (struct sockaddr *)&from, &from_len);
	if (connected) {
		from_len = sizeof(from);
		(void)getpeername(fd, (struct sockaddr *)&from, &from_len);
	}
	name_of(&from, text, sizeof(text));
	print_answer(way, text, id, got);
	close(fd);
}

static int read_whole(int fd, uint8_t *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

/* All of them at once, and no more to come: answers may be in any order. */
static void ask_tcp(const struct sockaddr *server, socklen_t len, const char *name, int count)
{
	int fd = make_socket(server->sa_family, SOCK_STREAM), n_answers = 0;
	uint8_t query[512], length[2];

	if (connect(fd, server, len) < 0) {
		printf("tcp: %s\n", strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		size_t n = make_query((uint16_t)i, name, query + 2);

		query[0] = (uint8_t)(n >> 8);
		query[1] = (uint8_t)n;
		if (send(fd, query, n + 2, MSG_NOSIGNAL) < 0)
			break;
	}
	shutdown(fd, SHUT_WR);
	while (read_whole(fd, length, 2) &&
	       read_whole(fd, message, (size_t)(length[0] << 8 | length[1])))
		n_answers++;
	printf("tcp: %d answers, the last with %d of %d bytes\n", n_answers,
	       message[6] << 8 | message[7], length[0] << 8 | length[1]);
	close(fd);
}

static void take_port(int type, const char *what)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = make_socket(AF_INET, type);

	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 1) < 0))
		printf("port 53 %s: %s\n", what, strerror(errno));
	else
		printf("port 53 %s: mine\n", what);
}

int main(int argc, char **argv)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	char mapped[INET6_ADDRSTRLEN + 8];

	if (argc < 3 || inet_pton(AF_INET, argv[1], &v4.sin_addr) != 1) {
		fprintf(stderr, "usage: dns_probe IPV4 NAME [NUMBER]\n");
		return 2;
	}
	snprintf(mapped, sizeof(mapped), "::ffff:%s", argv[1]);
	inet_pton(AF_INET6, mapped, &v6.sin6_addr);
	take_port(SOCK_DGRAM, "udp");
	take_port(SOCK_STREAM, "tcp");
	ask_udp("connected", (struct sockaddr *)&v4, sizeof(v4), argv[2], 1);
	ask_udp("unconnected", (struct sockaddr *)&v4, sizeof(v4), argv[2], 0);
	ask_udp("connected v6", (struct sockaddr *)&v6, sizeof(v6), argv[2], 1);
	ask_udp("unconnected v6", (struct sockaddr *)&v6, sizeof(v6), argv[2], 0);
	ask_tcp((struct sockaddr *)&v4, sizeof(v4), argv[2], argc > 3 ? atoi(argv[3]) : 2);
	return 0;
}
