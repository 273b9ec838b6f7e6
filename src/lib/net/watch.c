/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - the kernel's news of a namespace's network
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base/mem.h"
#include "lib/net/net.h"

#define BATCH        64         /* datagrams in one turn of the loop */
#define MESSAGE_SIZE (16 << 10) /* bytes; a longer one is cut, and counts as a change */
#define QUEUE_SIZE   (1 << 20)

struct net_watch {
	int fd;
	struct event readable;
	net_changed *changed;
	void *arg;
};

static bool is_neighbour_of_note(struct nlmsghdr *m)
{
	const struct ndmsg *head = NLMSG_DATA(m);

	/* One that goes has lost its state before: it may have been a permanent one. */
	return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*head)) &&
	       (m->nlmsg_type == RTM_DELNEIGH || (head->ndm_state & NUD_PERMANENT));
}

static bool is_change(struct nlmsghdr *m)
{
	const struct rtgenmsg *family = NLMSG_DATA(m);
	const struct rtmsg *route = NLMSG_DATA(m);

	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		/* AF_BRIDGE: a port's state */
		return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*family)) &&
		       family->rtgen_family == AF_UNSPEC;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*route)) &&
		       route->rtm_type == RTN_UNICAST && !(route->rtm_flags & RTM_F_CLONED);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return is_neighbour_of_note(m);
	default:
		return m->nlmsg_type == RTM_NEWADDR || m->nlmsg_type == RTM_DELADDR;
	}
}

enum news { NOTHING_MORE, NO_CHANGE, CHANGE };

static enum news read_one(int fd)
{
	static _Alignas(struct nlmsghdr) char buffer[MESSAGE_SIZE]; /* there is one thread */
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	unsigned int left;

	if (n < 0 && errno == EINTR)
		return NO_CHANGE;
	if (n < 0)
		return errno == ENOBUFS ? CHANGE : NOTHING_MORE;
	if (from.nl_pid != 0)
		return NO_CHANGE; /* not the kernel's */
	if (msg.msg_flags & MSG_TRUNC)
		return CHANGE;
	left = (unsigned int)n;
	for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
		if (is_change(m))
			return CHANGE;
	return NO_CHANGE;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_watch *watch = arg;
	enum news news = NO_CHANGE;
	bool changed = false;

	(void)what;
	for (int i = 0; i < BATCH && news != NOTHING_MORE; i++) {
		news = read_one(fd);
		changed |= news == CHANGE;
	}
	if (changed)
		watch->changed(watch->arg); /* last: it may free the watch */
}

struct net_watch *net_watch_new(struct event_base *base, net_changed *changed, void *arg,
				struct err *err)
{
	static const int groups[] = { RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_NEIGH };
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	const int size = QUEUE_SIZE;
	scoped_fd int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct net_watch *watch;

	if (fd < 0)
		return err_sys(err, errno, "open socket of network events"), NULL;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* a wish */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "bind socket of network events"), NULL;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return err_sys(err, errno, "listen to network events"), NULL;
	watch = xnew(struct net_watch);
	*watch = (struct net_watch){ .fd = take_fd(&fd), .changed = changed, .arg = arg };
	event_assign(&watch->readable, base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
	event_add(&watch->readable, NULL);
	return watch;
}

void net_watch_free(struct net_watch *watch)
{
	if (!watch)
		return;
	event_del(&watch->readable);
	close_fd(&watch->fd);
	free(watch);
}
