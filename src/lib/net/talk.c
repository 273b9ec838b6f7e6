/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/net/talk.h"

#include <assert.h>
#include <errno.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/base/mem.h"

#define ANSWER_S 5

/* libnl's errors are a class of errno's; these are the ones that say something on their own. */
static int errno_of(int nl_error)
{
	switch (nl_error < 0 ? -nl_error : nl_error) {
	case NLE_AGAIN:
		return ETIMEDOUT;
	case NLE_NOMEM:
		return ENOBUFS;
	case NLE_PERM:
		return EPERM;
	case NLE_MSG_TRUNC:
	case NLE_MSG_TOOSHORT:
		return EBADMSG;
	default:
		return EIO;
	}
}

struct net *net_open(struct err *err)
{
	const struct timeval limit = { .tv_sec = ANSWER_S };
	const int on = 1;
	struct net *net = xnew(struct net);
	int r, fd;

	net->sock = nl_socket_alloc();
	r = net->sock ? nl_connect(net->sock, NETLINK_ROUTE) : -NLE_NOMEM;
	if (r < 0) {
		err_sys(err, errno_of(r), "open rtnetlink socket");
		net_close(net);
		return NULL;
	}
	fd = nl_socket_get_fd(net->sock);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0) {
		err_sys(err, errno, "set deadline of rtnetlink socket");
		net_close(net);
		return NULL;
	}
	/* Reasons in words, without our request in front; kernels before 4.12 have none. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
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

/* Messages */

struct nl_msg *net_request(int type, int flags, const void *head, size_t head_len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);
	int r = msg ? nlmsg_append(msg, unconst(head), head_len, NLMSG_ALIGNTO) : -1;

	assert(r == 0);
	return msg;
}

void net_put(struct nl_msg *msg, int attribute, const void *data, size_t len)
{
	int r = nla_put(msg, attribute, (int)len, data);

	assert(r == 0);
}

void net_put_u32(struct nl_msg *msg, int attribute, uint32_t value)
{
	net_put(msg, attribute, &value, sizeof(value));
}

void net_put_text(struct nl_msg *msg, int attribute, const char *text)
{
	net_put(msg, attribute, text, strlen(text) + 1);
}

void net_put_ip(struct nl_msg *msg, int attribute, const struct net_ip *ip)
{
	if (ip->family == AF_INET)
		net_put(msg, attribute, &ip->v4, sizeof(ip->v4));
	else if (ip->family == AF_INET6)
		net_put(msg, attribute, &ip->v6, sizeof(ip->v6));
}

/* Talk */

struct talk {
	struct net *net;
	uint32_t seq;
	net_answer *answer;
	void *arg;
	int error; /* -errno */
	bool over, interrupted;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	const struct talk *t = arg;

	/* An answer to what was given up before, or a forged one. */
	if (nlmsg_get_src(msg)->nl_pid != 0 || nlmsg_hdr(msg)->nlmsg_seq != t->seq)
		return NL_SKIP;
	return NL_OK;
}

static int on_any_order(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK; /* on_message() has looked */
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	const struct talk *t = arg;

	if (t->answer)
		t->answer(nlmsg_hdr(msg), t->arg);
	return NL_OK;
}

static int on_over(struct nl_msg *msg, void *arg)
{
	struct talk *t = arg;

	(void)msg;
	t->over = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct talk *t = arg;

	(void)msg;
	t->interrupted = true;
	return NL_OK;
}

/* The kernel's words, which come as attributes behind the error. */
static void read_why(struct net *net, struct nlmsgerr *e)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)(void *)((char *)e - NLMSG_HDRLEN);
	size_t at = sizeof(*e);
	struct nlattr *words;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (NLMSG_HDRLEN + at >= hdr->nlmsg_len)
		return;
	words = nla_find((struct nlattr *)(void *)((char *)e + at),
			 (int)(hdr->nlmsg_len - NLMSG_HDRLEN - at), NLMSGERR_ATTR_MSG);
	if (words)
		nla_strlcpy(net->why, words, sizeof(net->why));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	const struct nlmsghdr *hdr = (const void *)((char *)e - NLMSG_HDRLEN);
	struct talk *t = arg;

	if (from->nl_pid != 0 || hdr->nlmsg_seq != t->seq)
		return NL_SKIP;
	t->error = e->error;
	t->over = true;
	read_why(t->net, e);
	return NL_STOP;
}

static struct nl_cb *make_callbacks(struct talk *t)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	assert(cb);
	nl_cb_set(cb, NL_CB_MSG_IN, NL_CB_CUSTOM, on_message, t);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_any_order, t);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, t);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_over, t);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_over, t);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, t);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, t);
	return cb;
}

int net_talk(struct net *net, struct nl_msg *msg, net_answer *answer, void *arg)
{
	struct talk t = { .net = net, .answer = answer, .arg = arg };
	struct nl_cb *cb = make_callbacks(&t);
	int r = nl_send_auto(net->sock, msg);

	net->why[0] = '\0';
	t.seq = nlmsg_hdr(msg)->nlmsg_seq;
	while (r >= 0 && !t.over)
		r = nl_recvmsgs(net->sock, cb);
	nl_cb_put(cb);
	nlmsg_free(msg);
	if (!t.over)
		return -errno_of(r);
	if (t.error < 0)
		return t.error;
	return t.interrupted ? -EAGAIN : 0;
}

/* Errors */

static void read_name(struct nlmsghdr *message, void *arg)
{
	struct nlattr *name = nlmsg_find_attr(message, sizeof(struct ifinfomsg), IFLA_IFNAME);

	if (name)
		nla_strlcpy(arg, name, IF_NAMESIZE);
}

void net_link_label(struct net *net, int index, char ret[static IF_NAMESIZE])
{
	const struct ifinfomsg head = { .ifi_index = index };
	char why[NET_WHY_MAX];

	memcpy(why, net->why, sizeof(why)); /* of the request that this one is asked for */
	(void)snprintf(ret, IF_NAMESIZE, "%d", index); /* without a name, its number */
	(void)net_talk(net, net_request(RTM_GETLINK, 0, &head, sizeof(head)), read_name, ret);
	memcpy(net->why, why, sizeof(why));
}

int net_fail(struct net *net, int r, struct err *err, const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (net->why[0])
		return err_sys(err, -r, "%s: %s", what, net->why);
	return err_sys(err, -r, "%s", what);
}

int net_fail_link(struct net *net, int index, int r, struct err *err, const char *fmt, ...)
{
	char what[200], why[NET_WHY_MAX], name[IF_NAMESIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	memcpy(why, net->why, sizeof(why));
	net_link_label(net, index, name);
	memcpy(net->why, why, sizeof(why));
	return net_fail(net, r, err, "link '%s': %s", name, what);
}
