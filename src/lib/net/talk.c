/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/net/talk.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

struct talk {
	struct net *net;
	net_answer *fn;
	void *arg;
	int result;
	bool ended;
};

struct net *net_open(struct err *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct net *net;
	int r, on = 1;

	if (!sock) {
		err_set(err, ERR_EXHAUSTED, "open netlink socket: out of memory");
		return NULL;
	}
	r = nl_connect(sock, NETLINK_ROUTE);
	if (r < 0) {
		err_set(err, ERR_INTERNAL, "open netlink socket: %s", nl_geterror(r));
		nl_socket_free(sock);
		return NULL;
	}
	/* An old kernel without it only says less. */
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	net = xnew(struct net);
	net->sock = sock;
	return net;
}

void net_close(struct net *net)
{
	if (!net)
		return;
	nl_socket_free(net->sock);
	free(net);
}

void net_close_at(struct net **net)
{
	net_close(*net);
}

struct nl_msg *net_request(int type, int flags, const void *family_header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, unconst(family_header), len, NLMSG_ALIGNTO) < 0)
		abort(); /* a page, as xcalloc() */
	return msg;
}

/*
 * The attributes come after the request, which the kernel repeats whole for an error unless it
 * was asked for a short answer (NLM_F_CAPPED).
 */
static void keep_why(struct net *net, struct nlmsgerr *error, const struct nlmsghdr *header)
{
	size_t skip = sizeof(*error), have = nlmsg_datalen(header) < 0 ? 0 : (size_t)nlmsg_datalen(header);
	struct nlattr *attr;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof(error->msg);
	if (skip >= have)
		return;
	attr = nla_find((struct nlattr *)(void *)((char *)error + skip), (int)(have - skip),
			NLMSGERR_ATTR_MSG);
	if (attr)
		(void)nla_strlcpy(net->why, attr, sizeof(net->why));
}

static int on_error(struct sockaddr_nl *peer, struct nlmsgerr *error, void *arg)
{
	struct talk *talk = arg;

	(void)peer;
	talk->result = error->error;
	talk->ended = true;
	/* The message that the error is the content of. */
	keep_why(talk->net, error, (struct nlmsghdr *)(void *)((char *)error - NLMSG_HDRLEN));
	return NL_STOP;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	(void)msg;
	((struct talk *)arg)->ended = true;
	return NL_STOP;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct talk *talk = arg;

	if (talk->fn)
		talk->fn(nlmsg_hdr(msg), talk->arg);
	return NL_OK;
}

static int receive(struct net *net, struct talk *talk)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_CUSTOM);
	int r = 0;

	if (!cb)
		return -ENOMEM;
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, talk);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, talk);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, talk);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, talk);
	while (r >= 0 && !talk->ended)
		r = nl_recvmsgs(net->sock, cb);
	nl_cb_put(cb);
	return talk->ended ? talk->result : -EIO;
}

int net_talk(struct net *net, struct nl_msg *msg, net_answer *fn, void *arg)
{
	struct talk talk = { .net = net, .fn = fn, .arg = arg };
	int r;

	net->why[0] = '\0';
	r = nl_send_auto(net->sock, msg);
	nlmsg_free(msg);
	return r < 0 ? -EIO : receive(net, &talk);
}

int net_fail(struct net *net, int r, struct err *err, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (net->why[0])
		return err_sys(err, -r, "%s: %s", what, net->why);
	return err_sys(err, -r, "%s", what);
}
