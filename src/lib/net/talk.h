/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * talk.h - one request to rtnetlink and its answer; for the files of this folder
 *
 * Of libnl the core is used: sockets, messages and attributes. libnl-route's objects would add
 * 300 KB to the guest's agent, and their errors keep neither errno nor the kernel's own words.
 *
 * Spec:   netlink(7); kernel Documentation/userspace-api/netlink/intro.rst (extended acks)
 * Trust:  messages of others than the kernel are dropped
 * Blocks: for the kernel's answer; 5 s at most, which is a kernel that has stopped
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>

#include "lib/net/net.h"

struct nl_sock;

#define NET_WHY_MAX 128

struct net {
	struct nl_sock *sock;
	char why[NET_WHY_MAX]; /* what the kernel said about the last refusal, "" */
};

/*
 * A request; head is its family's header (struct ifinfomsg, ...). Ours are small, and one that
 * does not fit into a page is a bug: it ends the program.
 */
struct nl_msg *net_request(int type, int flags, const void *head, size_t head_len);
void net_put(struct nl_msg *msg, int attribute, const void *data, size_t len);
void net_put_u32(struct nl_msg *msg, int attribute, uint32_t value);
void net_put_text(struct nl_msg *msg, int attribute, const char *text);
/* Nothing for AF_UNSPEC. */
void net_put_ip(struct nl_msg *msg, int attribute, const struct net_ip *ip);

/*
 * Send, and read until the kernel has acknowledged, refused, or ended its dump (flags with
 * NLM_F_DUMP); answer (may be NULL) gets each message before that. Takes msg. 0 or -errno;
 * -EAGAIN: the dump changed while it was read.
 */
typedef void net_answer(struct nlmsghdr *message, void *arg);
int net_talk(struct net *net, struct nl_msg *msg, net_answer *answer, void *arg);

/* The link's name, or its number as text when it is gone. */
void net_link_label(struct net *net, int index, char ret[static IF_NAMESIZE]);

/*
 * As err_sys(), for what net_talk() returned: the kernel's sentence, if any, comes in front of the
 * errno's. The second puts "link 'eth0': " in front.
 */
int net_fail(struct net *net, int r, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int net_fail_link(struct net *net, int index, int r, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
