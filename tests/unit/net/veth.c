/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/net/veth.h"

#include <errno.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/talk.h"
#include "tests/lib/ok.h"

static bool isolated;

int own_namespace(void **state)
{
	(void)state;
	if (geteuid() != 0)
		print_message("SKIP: needs root for a network namespace\n");
	else if (unshare(CLONE_NEWNET) < 0)
		fail_msg("unshare: %s", strerror(errno));
	else
		isolated = true;
	return 0;
}

void need_namespace(void)
{
	if (!isolated)
		skip();
}

int make_veth(struct net *net, const char *name, const char *peer)
{
	const struct ifinfomsg head = { 0 };
	struct nl_msg *msg =
		net_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	struct nlattr *info, *data, *other;
	struct err err = ERR_INIT;
	int r;

	net_put_text(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	net_put_text(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	other = nla_nest_start(msg, VETH_INFO_PEER);
	assert_int_equal(nlmsg_append(msg, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO),
			 0);
	net_put_text(msg, IFLA_IFNAME, peer);
	nla_nest_end(msg, other);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	r = net_talk(net, msg, NULL, NULL);
	if (r < 0)
		fail_msg("make veth '%s': %s %s", name, strerror(-r), net->why);
	r = net_link_index(net, name, &err);
	if (r < 0)
		fail_msg("%s", err.text);
	return r;
}

struct net_state read_net(struct net *net)
{
	struct net_state state;

	OK(net_read(net, &state, e));
	return state;
}
