/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * talk.h - one request to the kernel and its answer; for the files of this library
 *
 * Below libnl-route's objects, which reduce the kernel's errno to a number of their own: here it
 * is kept, and with it the kernel's sentence (extended ack), where there is one.
 *
 * Spec:   linux/netlink.h, NLM_F_ACK, NLMSGERR_ATTR_MSG; libnl's documentation, "core"
 * Blocks: for the kernel's answer, which comes at once
 */
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "lib/net/net.h"

struct net {
	struct nl_sock *sock;
	char why[128]; /* the kernel's sentence about the last request; "": none */
};

/* A message of the answer; borrowed. */
typedef void net_answer(struct nlmsghdr *header, void *arg);

/*
 * Send msg, which is taken, and take in all of the answer. fn may be NULL.
 * Returns 0 or -errno as the kernel gave it; then net->why may say more.
 */
int net_talk(struct net *net, struct nl_msg *msg, net_answer *fn, void *arg);

/*
 * As err_sys(), for what net_talk() returned: the kernel's sentence, if any, comes in front of the
 * errno's.
 */
int net_fail(struct net *net, int r, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* An empty request with a family's header of len bytes. */
struct nl_msg *net_request(int type, int flags, const void *family_header, size_t len);
