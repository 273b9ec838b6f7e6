/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tc.h - traffic control: what is received on one link is sent on another, and limits
 *
 * Of the kernel's classifiers only u32 is used, which every kernel with tc has (matchall and
 * clsact are newer, and not everywhere).
 *
 * Spec:   linux/pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h; tc-u32(8), tc-mirred(8), tc-htb(8)
 * Errors: "link 'eth0': redirect to 'tap5_kata': Invalid argument"
 * Blocks: for the kernel's answer, which comes at once
 */
#include <stdint.h>

#include "lib/net/net.h"

/*
 * The ingress qdisc of a link. One that is there, left by whoever was before us, is replaced, with
 * its filters. Deleting one that is not there, or whose link is gone, is success.
 */
int tc_ingress_add(struct net *net, int link, struct err *err);
int tc_ingress_delete(struct net *net, int link, struct err *err);

/* Whatever comes in on from leaves through to. from has an ingress qdisc. */
int tc_redirect(struct net *net, int from, int to, struct err *err);

/*
 * Frames with a VLAN tag are not redirected but go on to the VLAN links above. To be called for a
 * link with tc_redirect(), before or after it; for one without an ingress qdisc it does nothing.
 */
int tc_pass_vlans(struct net *net, int link, struct err *err);

/*
 * What name servers answer to sockets of the namespace itself goes on to them, though everything
 * else is redirected to another link: packets of IPv4 from port 53 to TC_OWN_PORTS and above, and
 * replies of ARP. Of UDP and ARP the other link gets a copy, since a resolver behind it may have
 * taken a port up there. For programs that ask from inside of a pod's namespace, as docker's daemon
 * does; tc_own_ports() lets their sockets have such ports.
 */
#define TC_OWN_PORTS 61440u
int tc_share_answers(struct net *net, int link, int to, struct err *err);

/* In the namespace that the caller is in: sockets get ports from TC_OWN_PORTS on. */
int tc_own_ports(struct err *err);

/*
 * What leaves through a link is at most bits_per_s, by HTB, in place of whatever qdisc the link
 * has at its root. 0: the limit is taken off if it is ours, and nothing else.
 */
int tc_limit_egress(struct net *net, int link, uint64_t bits_per_s, struct err *err);

/*
 * An ifb, up: what is redirected to it leaves through it, and so can be limited, and then goes on
 * where it came in. A link like any other: net_link_delete(). Returns its index.
 */
int tc_make_ifb(struct net *net, const char *name, struct err *err);
