/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver_sockets.c - where the guest's programs ask for names: one address, UDP and TCP
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/redirect.h"
#include "agent/resolver_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/dns/message.h"
#include "lib/log/log.h"

#define BACKLOG        16
#define PORT_TRIES     16 /* for one that both protocols have free */
#define READS_PER_TURN 16 /* datagrams; then others get theirs */

struct resolver_sockets {
	struct resolver *resolver;
	struct dns_address address;
	int udp_fd, tcp_fd;
	struct redirect redirect;
	struct event udp;
	struct resolver_conns conns;
};

static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t message[DNS_MESSAGE_MAX];
	struct resolver_sockets *s = arg;

	(void)what;
	for (int i = 0; i < READS_PER_TURN; i++) {
		struct dns_address peer = { .len = sizeof(peer.v6) };
		ssize_t n = recvfrom(fd, message, sizeof(message), 0, &peer.any, &peer.len);

		if (n < 0)
			return;
		(void)resolver_ask(s->resolver, message, (size_t)n, NULL, &peer); /* or dropped */
	}
}

/*
 * A socket of IPv4 that was bound before there was any address does not send from the one that it
 * was bound to, so each datagram says it. One that does not fit into the socket is lost, as on any
 * network.
 */
static void send_datagram(const struct resolver_sockets *s, const struct dns_address *peer,
			  const uint8_t *message, size_t len)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = { 0 };
	struct iovec vec = { .iov_base = (void *)(uintptr_t)message, .iov_len = len };
	struct dns_address to = *peer;
	struct msghdr msg = {
		.msg_name = &to.any, .msg_namelen = to.len, .msg_iov = &vec, .msg_iovlen = 1
	};
	const struct in_pktinfo from = { .ipi_spec_dst = s->address.v4.sin_addr };

	if (s->address.any.sa_family == AF_INET) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		control.align = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
						  .cmsg_type = IP_PKTINFO,
						  .cmsg_len = CMSG_LEN(sizeof(from)) };
		memcpy(CMSG_DATA(&control.align), &from, sizeof(from));
	}
	(void)sendmsg(s->udp_fd, &msg, MSG_DONTWAIT);
}

void resolver_sockets_end(struct resolver_sockets *s, const struct query *q, const uint8_t *message,
			  size_t len)
{
	if (q->conn)
		resolver_conn_end(q->conn, message, len);
	else if (message)
		send_datagram(s, &q->peer, message, len);
}

/* Before the loopback interface is up there is no such address yet. */
static int open_socket(const struct dns_address *address, int type, struct err *err)
{
	scoped_fd int fd = socket(address->any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int yes = 1;
	const char *what = type == SOCK_STREAM ? "TCP" : "UDP";
	int r;

	if (fd < 0)
		return err_sys(err, errno, "make socket for %s", what);
	if (address->any.sa_family == AF_INET)
		r = setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes));
	else
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof(yes));
	if (r == 0 && type == SOCK_STREAM) /* connections that end at our side linger in the port */
		r = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (r < 0)
		return err_sys(err, errno, "set up socket for %s", what);
	if (bind(fd, &address->any, address->len) < 0)
		return err_sys(err, errno, "bind %s", what);
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		return err_sys(err, errno, "listen on %s", what);
	return take_fd(&fd);
}

static in_port_t *port_of(struct dns_address *address)
{
	return address->any.sa_family == AF_INET ? &address->v4.sin_port : &address->v6.sin6_port;
}

static int open_pair(struct resolver_sockets *s, const struct dns_address *address, struct err *err)
{
	s->udp_fd = open_socket(address, SOCK_DGRAM, err);
	s->tcp_fd = s->udp_fd < 0 ? -1 : open_socket(address, SOCK_STREAM, err);
	if (s->tcp_fd >= 0)
		return 0;
	close_fd(&s->udp_fd);
	return -1;
}

/* The port that the kernel gives to one socket may be taken for the other. */
static int open_free_pair(struct resolver_sockets *s, const struct dns_address *address,
			  in_port_t *ret_port, struct err *err)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		struct dns_address at = *address;
		scoped_fd int udp_fd = -1;

		*err = ERR_INIT;
		*port_of(&at) = 0;
		udp_fd = open_socket(&at, SOCK_DGRAM, err);
		if (udp_fd < 0)
			return -1;
		if (getsockname(udp_fd, &at.any, &at.len) < 0)
			return err_sys(err, errno, "read port");
		s->tcp_fd = open_socket(&at, SOCK_STREAM, err);
		if (s->tcp_fd >= 0) {
			s->udp_fd = take_fd(&udp_fd);
			*ret_port = ntohs(*port_of(&at));
			return 0;
		}
	}
	return -1;
}

static int open_redirected(struct resolver_sockets *s, const struct dns_address *address,
			   struct err *err)
{
	in_port_t port;

	if (open_free_pair(s, address, &port, err) < 0)
		return -1;
	if (redirect_start(address, port, &s->redirect, err) == 0)
		return 0;
	close_fd(&s->udp_fd);
	close_fd(&s->tcp_fd);
	return -1;
}

static int open_sockets(struct resolver_sockets *s, const struct dns_address *address,
			struct err *err)
{
	struct err why = ERR_INIT;

	if (s->resolver->redirects) {
		if (open_redirected(s, address, &why) == 0)
			return 0;
		log_warn("port 53 not redirected, taken", "reason", why.text);
	}
	return open_pair(s, address, err);
}

struct resolver_sockets *resolver_sockets_new(struct resolver *r, const struct dns_address *address,
					      struct err *err)
{
	struct resolver_sockets *s = xnew(struct resolver_sockets);

	*s = (struct resolver_sockets){ .resolver = r,
					.address = *address,
					.udp_fd = -1,
					.tcp_fd = -1,
					.redirect = REDIRECT_INIT };
	if (open_sockets(s, address, err) < 0) {
		free(s);
		return NULL;
	}
	event_assign(&s->udp, r->base, s->udp_fd, EV_READ | EV_PERSIST, on_datagram, s);
	event_add(&s->udp, NULL);
	resolver_conns_start(&s->conns, r, s->tcp_fd);
	return s;
}

void resolver_sockets_free(struct resolver_sockets *s)
{
	if (!s)
		return;
	resolver_conns_stop(&s->conns);
	list_for_each_safe(&s->resolver->queries, struct query, node, q)
		resolver_drop(q);
	event_del(&s->udp);
	redirect_stop(&s->redirect);
	close_fd(&s->udp_fd);
	close_fd(&s->tcp_fd);
	free(s);
}
