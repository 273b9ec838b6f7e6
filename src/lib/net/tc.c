/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/net/tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if_arp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/net/talk.h"

#define NS_PER_S 1000000000ull

/* What goes past comes before what is taken. One protocol each, as the kernel has it. */
enum {
	PRIORITY_VLAN = 1,
	PRIORITY_SERVICE_VLAN = 2,
	PRIORITY_ANSWERS = 3,
	PRIORITY_ARP = 4,
	PRIORITY_REDIRECT = 10
};

#define INGRESS     TC_H_MAKE(0xffff0000u, 0)
/* A number that nobody else gives, so that only our own limit is ever taken off. */
#define LIMIT       TC_H_MAKE(0x6b610000u, 0)
#define LIMIT_CLASS TC_H_MAKE(0x6b610000u, 1)

/* What may leave at once; more than any frame, and little enough that the limit is one. */
#define BURST_PER_S 100 /* 10 ms of traffic */
#define BURST_MIN   (16u << 10)
/* The kernel counts in "ticks" of 64 ns. */
#define NS_PER_TICK 64

static struct nl_msg *tc_request(int type, int flags, const struct tcmsg *header, const char *kind)
{
	struct nl_msg *msg = net_request(type, flags, header, sizeof(*header));

	net_put_text(msg, TCA_KIND, kind);
	return msg;
}

static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV || r == -EINVAL;
}

static int delete_ingress(struct net *net, int link)
{
	const struct tcmsg header = { .tcm_ifindex = link,
				      .tcm_parent = TC_H_INGRESS,
				      .tcm_handle = INGRESS };

	return net_talk(net, tc_request(RTM_DELQDISC, 0, &header, "ingress"), NULL, NULL);
}

int tc_ingress_add(struct net *net, int link, struct err *err)
{
	const struct tcmsg header = { .tcm_ifindex = link,
				      .tcm_parent = TC_H_INGRESS,
				      .tcm_handle = INGRESS };
	int r;

	(void)delete_ingress(net, link); /* with its filters; adding tells what is wrong */
	r = net_talk(net, tc_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, "ingress"),
		     NULL, NULL);
	if (r < 0)
		return net_fail_link(net, link, r, err, "add ingress qdisc");
	return 0;
}

int tc_ingress_delete(struct net *net, int link, struct err *err)
{
	int r = delete_ingress(net, link);

	if (r < 0 && !is_gone(r))
		return net_fail_link(net, link, r, err, "remove ingress qdisc");
	return 0;
}

/* To another link, at its egress: all that there is of the frame, or a copy. */
static void add_mirred(struct nl_msg *msg, bool copy, int to)
{
	const struct tc_mirred redirect = { .action = copy ? TC_ACT_PIPE : TC_ACT_STOLEN,
					    .eaction = copy ? TCA_EGRESS_MIRROR : TCA_EGRESS_REDIR,
					    .ifindex = (uint32_t)to };
	struct nlattr *actions = nla_nest_start(msg, TCA_U32_ACT);
	struct nlattr *first = nla_nest_start(msg, 1), *options;

	net_put_text(msg, TCA_ACT_KIND, "mirred");
	options = nla_nest_start(msg, TCA_ACT_OPTIONS);
	net_put(msg, TCA_MIRRED_PARMS, &redirect, sizeof(redirect));
	nla_nest_end(msg, options);
	nla_nest_end(msg, first);
	nla_nest_end(msg, actions);
}

#define KEYS_MAX 4

/* What one filter does with the frames of a protocol that all its keys fit. */
struct filter {
	uint32_t priority;
	uint16_t protocol;
	bool copy; /* and the frame goes on as well */
	int to;    /* 0: the frame goes on as if there were no filter */
	unsigned char n_keys;
	struct tc_u32_key keys[KEYS_MAX];
};

/* Without a key it takes all: one with mask 0 would still want four bytes behind the header. */
static int add_filter(struct net *net, int link, const struct filter *f)
{
	const struct tcmsg header = { .tcm_ifindex = link,
				      .tcm_parent = INGRESS,
				      .tcm_info =
					      TC_H_MAKE(f->priority << 16, htons(f->protocol)) };
	struct nl_msg *msg = tc_request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &header, "u32");
	struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);
	union {
		struct tc_u32_sel sel;
		char room[sizeof(struct tc_u32_sel) + sizeof(f->keys)];
	} u = { .sel = { .flags = TC_U32_TERMINAL, .nkeys = f->n_keys } };
	size_t keys_len = f->n_keys * sizeof(*f->keys);

	memcpy(u.room + sizeof(u.sel), f->keys, keys_len);
	net_put(msg, TCA_U32_SEL, &u, sizeof(u.sel) + keys_len);
	if (f->to)
		add_mirred(msg, f->copy, f->to);
	nla_nest_end(msg, options);
	return net_talk(net, msg, NULL, NULL);
}

int tc_redirect(struct net *net, int from, int to, struct err *err)
{
	const struct filter all = { .priority = PRIORITY_REDIRECT,
				    .protocol = ETH_P_ALL,
				    .to = to };
	int r = add_filter(net, from, &all);
	char name[IF_NAMESIZE];

	if (r == 0)
		return 0;
	net_link_label(net, to, name);
	return net_fail_link(net, from, r, err, "redirect to '%s'", name);
}

int tc_pass_vlans(struct net *net, int link, struct err *err)
{
	const struct filter vlan = { .priority = PRIORITY_VLAN, .protocol = ETH_P_8021Q };
	const struct filter service = { .priority = PRIORITY_SERVICE_VLAN,
					.protocol = ETH_P_8021AD };
	int r = add_filter(net, link, &vlan);

	if (r == 0 || r == -EEXIST)
		r = add_filter(net, link, &service);
	/* EINVAL: there is no ingress qdisc, and so nobody who would take them. */
	if (r < 0 && r != -EEXIST && r != -EINVAL)
		return net_fail_link(net, link, r, err, "let VLANs pass");
	return 0;
}

/* --- answers of name servers --- */

/* One word of the header, where it begins, and which of its bits are to be so. */
#define KEY(offset, bits, which)                                          \
	{                                                                 \
		.off = (offset), .val = htonl(bits), .mask = htonl(which) \
	}
#define DNS_PORT 53u

/* A header without options, and no fragment: then the ports are where they are looked for. */
static int share_ip(struct net *net, int link, int to, bool copy, uint32_t protocol)
{
	const struct filter answers = {
		.priority = PRIORITY_ANSWERS,
		.protocol = ETH_P_IP,
		.copy = copy,
		.to = to,
		.n_keys = 4,
		.keys = { KEY(0, 0x45000000u, 0xff000000u), KEY(4, 0, 0x00003fffu),
			  KEY(8, protocol << 16, 0x00ff0000u),
			  KEY(20, DNS_PORT << 16 | TC_OWN_PORTS, 0xffff0000u | TC_OWN_PORTS) },
	};

	return add_filter(net, link, &answers);
}

static int share_arp(struct net *net, int link, int to)
{
	const struct filter replies = { .priority = PRIORITY_ARP,
					.protocol = ETH_P_ARP,
					.copy = true,
					.to = to,
					.n_keys = 1,
					.keys = { KEY(4, ARPOP_REPLY, 0x0000ffffu) } };

	return add_filter(net, link, &replies);
}

int tc_share_answers(struct net *net, int link, int to, struct err *err)
{
	int r = share_ip(net, link, to, true, IPPROTO_UDP);

	/* A copy would be answered with a reset. */
	if (r == 0)
		r = share_ip(net, link, 0, false, IPPROTO_TCP);
	if (r == 0)
		r = share_arp(net, link, to);
	if (r < 0)
		return net_fail_link(net, link, r, err, "share answers of name servers");
	return 0;
}

int tc_own_ports(struct err *err)
{
	char range[16];

	(void)snprintf(range, sizeof(range), "%u %u", TC_OWN_PORTS, 65535u);
	return file_poke("/proc/sys/net/ipv4/ip_local_port_range", range, err);
}

static int delete_limit(struct net *net, int link)
{
	const struct tcmsg header = { .tcm_ifindex = link,
				      .tcm_parent = TC_H_ROOT,
				      .tcm_handle = LIMIT };

	return net_talk(net, tc_request(RTM_DELQDISC, 0, &header, "htb"), NULL, NULL);
}

/* Whatever has no class goes to LIMIT_CLASS, that is, everything. */
static int add_htb(struct net *net, int link)
{
	const struct tcmsg header = { .tcm_ifindex = link,
				      .tcm_parent = TC_H_ROOT,
				      .tcm_handle = LIMIT };
	const struct tc_htb_glob glob = { .version = 3,
					  .rate2quantum = 10,
					  .defcls = TC_H_MIN(LIMIT_CLASS) };
	struct nl_msg *msg = tc_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, "htb");
	struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);

	net_put(msg, TCA_HTB_INIT, &glob, sizeof(glob));
	nla_nest_end(msg, options);
	return net_talk(net, msg, NULL, NULL);
}

/* The time that a burst takes at this rate. */
static uint32_t burst_ticks(uint64_t bytes_per_s)
{
	uint64_t burst = MAX(bytes_per_s / BURST_PER_S, (uint64_t)BURST_MIN);
	uint64_t ns = bytes_per_s ? (uint64_t)((double)burst * NS_PER_S / (double)bytes_per_s) : 0;

	return (uint32_t)MIN(ns / NS_PER_TICK, (uint64_t)UINT32_MAX);
}

/* A rate of 4 GiB/s and more is told twice: capped for old kernels, and with 64 bits. */
static int add_class(struct net *net, int link, uint64_t bytes_per_s)
{
	const struct tcmsg header = { .tcm_ifindex = link,
				      .tcm_parent = LIMIT,
				      .tcm_handle = LIMIT_CLASS };
	const struct tc_ratespec rate = { .linklayer = TC_LINKLAYER_ETHERNET,
					  .rate = (uint32_t)MIN(bytes_per_s,
								(uint64_t)UINT32_MAX) };
	const struct tc_htb_opt opt = { .rate = rate,
					.ceil = rate,
					.buffer = burst_ticks(bytes_per_s),
					.cbuffer = burst_ticks(bytes_per_s),
					.quantum = BURST_MIN };
	struct nl_msg *msg =
		tc_request(RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_REPLACE, &header, "htb");
	struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);

	net_put(msg, TCA_HTB_PARMS, &opt, sizeof(opt));
	if (bytes_per_s > UINT32_MAX) {
		net_put(msg, TCA_HTB_RATE64, &bytes_per_s, sizeof(bytes_per_s));
		net_put(msg, TCA_HTB_CEIL64, &bytes_per_s, sizeof(bytes_per_s));
	}
	nla_nest_end(msg, options);
	return net_talk(net, msg, NULL, NULL);
}

int tc_limit_egress(struct net *net, int link, uint64_t bits_per_s, struct err *err)
{
	int r = delete_limit(net, link);

	if (bits_per_s == 0 && (r == 0 || is_gone(r)))
		return 0;
	if (bits_per_s > 0)
		r = add_htb(net, link);
	if (bits_per_s > 0 && r == 0)
		r = add_class(net, link, MAX(bits_per_s / 8, (uint64_t)1));
	if (r < 0)
		return net_fail_link(net, link, r, err, "limit what it sends to %llu bit/s",
				     (unsigned long long)bits_per_s);
	return 0;
}

static struct nl_msg *new_ifb(const char *name)
{
	const struct ifinfomsg header = { 0 };
	struct nl_msg *msg =
		net_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	struct nlattr *info;

	net_put_text(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	net_put_text(msg, IFLA_INFO_KIND, "ifb");
	nla_nest_end(msg, info);
	return msg;
}

int tc_make_ifb(struct net *net, const char *name, struct err *err)
{
	int r = net_talk(net, new_ifb(name), NULL, NULL), index;
	struct err ignored = ERR_INIT;

	if (r < 0)
		return net_fail(net, r, err, "make ifb '%s'", name);
	index = net_link_index(net, name, err);
	if (index < 0)
		return -1;
	if (net_link_set_autoconf(net, index, false, err) == 0 &&
	    net_link_set_up(net, index, true, err) == 0)
		return index;
	(void)net_link_delete(net, index, &ignored);
	return -1;
}
