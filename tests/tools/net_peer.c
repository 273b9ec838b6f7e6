/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_peer - both ends of a connection that is to be trusted only as far as its bytes are the same
 *
 *	net_peer serve PORT			by TCP or UDP: what comes is sent back
 *	net_peer tcp ADDRESS PORT BYTES		there and back at once, compared
 *	net_peer udp ADDRESS PORT COUNT SIZE	so many datagrams, one after the other
 *
 * A server that does not listen yet is given two seconds. The bytes are a sequence of pseudo-random
 *numbers, another one each time. A datagram that does not come back is sent again four times, as
 *programs that use UDP do.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK     (256 * 1024)
#define SILENT_MS 20000 /* a connection on which nothing moves for so long is broken */
#define ANSWER_MS 1000
#define TRIES     5
#define UDP_MAX   65507

static char buffer[CHUNK], expected[CHUNK];

/* --- the bytes --- */

struct stream {
	uint64_t state;
	uint64_t word;
	unsigned int left; /* bytes of word */
};

static void stream_fill(struct stream *s, char *to, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s->left == 0) {
			s->state ^= s->state << 13;
			s->state ^= s->state >> 7;
			s->state ^= s->state << 17;
			s->word = s->state;
			s->left = sizeof(s->word);
		}
		to[i] = (char)s->word;
		s->word >>= 8;
		s->left--;
	}
}

static struct stream stream_new(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (struct stream){ .state = (uint64_t)now.tv_nsec * 2654435761u + (uint64_t)getpid() +
					 1 };
}

/* --- serve --- */

static int open_server(int type, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET6, type, 0), on = 1, off = 0, r;

	if (fd < 0) /* a kernel without IPv6 */
		fd = socket(AF_INET, type, 0);
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	r = bind(fd, (struct sockaddr *)&any, sizeof(any));
	if (r < 0)
		r = bind(fd, (struct sockaddr *)&any4, sizeof(any4));
	if (r < 0 || (type == SOCK_STREAM && listen(fd, 16) < 0))
		err(1, "listen on port %u", port);
	return fd;
}

static void send_back(int fd)
{
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = send(fd, buffer + done, (size_t)(n - done), MSG_NOSIGNAL)) <= 0)
				_exit(1);
	_exit(n == 0 ? 0 : 1);
}

static void answer_stream(int server)
{
	int fd = accept(server, NULL, NULL);

	if (fd >= 0 && fork() == 0)
		send_back(fd);
	(void)close(fd);
}

static void answer_datagram(int server)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(server, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &len);

	if (n >= 0)
		(void)sendto(server, buffer, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static int serve(uint16_t port)
{
	struct pollfd fds[] = { { .fd = open_server(SOCK_STREAM, port), .events = POLLIN },
				{ .fd = open_server(SOCK_DGRAM, port), .events = POLLIN } };

	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			err(1, "wait");
		if (fds[0].revents)
			answer_stream(fds[0].fd);
		if (fds[1].revents)
			answer_datagram(fds[1].fd);
	}
}

/* --- ask --- */

/* A container's program may be about to start. */
static int connect_patiently(int type, const struct sockaddr *to, socklen_t len)
{
	for (int tries = 0;; tries++) {
		int fd = socket(to->sa_family, type, 0);

		if (fd < 0 || connect(fd, to, len) == 0)
			return fd;
		if (errno != ECONNREFUSED || tries == 20)
			return -1;
		(void)close(fd);
		(void)poll(NULL, 0, 100);
	}
}

static int connect_to(const char *address, const char *port, int type)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)atoi(port)) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = v6.sin6_port };
	bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
	int fd;

	if (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1)
		errx(1, "'%s' is no address", address);
	fd = is_v6 ? connect_patiently(type, (struct sockaddr *)&v6, sizeof(v6))
		   : connect_patiently(type, (struct sockaddr *)&v4, sizeof(v4));
	if (fd < 0)
		err(1, "connect to %s port %s", address, port);
	return fd;
}

struct exchange {
	int fd;
	size_t bytes, sent, received;
	struct stream out, in;
	char pending[CHUNK];
	size_t pending_at, pending_len;
};

static void push(struct exchange *x)
{
	ssize_t n;

	if (x->pending_at == x->pending_len) {
		x->pending_len = x->bytes - x->sent < CHUNK ? x->bytes - x->sent : CHUNK;
		x->pending_at = 0;
		stream_fill(&x->out, x->pending, x->pending_len);
	}
	n = send(x->fd, x->pending + x->pending_at, x->pending_len - x->pending_at,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN)
		err(1, "send after %zu bytes", x->sent);
	if (n < 0)
		return;
	x->pending_at += (size_t)n;
	x->sent += (size_t)n;
	if (x->sent == x->bytes)
		(void)shutdown(x->fd, SHUT_WR);
}

static void pull(struct exchange *x)
{
	ssize_t n = recv(x->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		err(1, "receive after %zu bytes", x->received);
	if (n == 0)
		errx(1, "the end came after %zu of %zu bytes", x->received, x->bytes);
	stream_fill(&x->in, expected, (size_t)n);
	if (memcmp(buffer, expected, (size_t)n) != 0)
		errx(1, "other bytes came back within %zd after the first %zu", n, x->received);
	x->received += (size_t)n;
}

static int ask_stream(const char *address, const char *port, size_t bytes)
{
	static struct exchange x;

	x = (struct exchange){ .fd = connect_to(address, port, SOCK_STREAM), .bytes = bytes };
	x.out = x.in = stream_new();
	while (x.received < x.bytes) {
		struct pollfd p = { .fd = x.fd,
				    .events = x.sent < x.bytes ? POLLIN | POLLOUT : POLLIN };

		if (poll(&p, 1, SILENT_MS) <= 0)
			errx(1, "silence after %zu bytes sent, %zu received", x.sent, x.received);
		if (p.revents & POLLOUT)
			push(&x);
		if (p.revents & (POLLIN | POLLHUP | POLLERR))
			pull(&x);
	}
	return 0;
}

/* Late answers to an earlier try are other bytes, and are passed over. */
static int ask_once(int fd, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (send(fd, expected, size, 0) < 0)
		return -1;
	while (poll(&p, 1, ANSWER_MS) > 0) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0)
			return -1;
		if ((size_t)n == size && memcmp(buffer, expected, size) == 0)
			return 0;
	}
	errno = ETIMEDOUT;
	return -1;
}

static int ask_datagrams(const char *address, const char *port, size_t count, size_t size)
{
	int fd = connect_to(address, port, SOCK_DGRAM);
	struct stream s = stream_new();

	for (size_t i = 0; i < count; i++) {
		int tries = 1;

		stream_fill(&s, expected, size);
		while (ask_once(fd, size) < 0)
			if (tries++ == TRIES)
				err(1, "datagram %zu of %zu bytes", i + 1, size);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve((uint16_t)atoi(argv[2]));
	if (argc == 5 && strcmp(argv[1], "tcp") == 0)
		return ask_stream(argv[2], argv[3], strtoul(argv[4], NULL, 10));
	if (argc == 6 && strcmp(argv[1], "udp") == 0 && strtoul(argv[5], NULL, 10) <= UDP_MAX)
		return ask_datagrams(argv[2], argv[3], strtoul(argv[4], NULL, 10),
				     strtoul(argv[5], NULL, 10));
	errx(2,
	     "usage: net_peer serve PORT | tcp ADDRESS PORT BYTES | udp ADDRESS PORT COUNT SIZE");
}
