/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/sysfs.h"
#include "lib/net/talk.h"
#include "lib/net/tap.h"

/* Which character device it is: "236:1". Its node in /dev, if any, is another namespace's. */
static int device_number(int index, dev_t *ret, struct err *err)
{
	scoped_free char *path = xasprintf("class/macvtap/tap%d/dev", index);
	scoped_free char *text = NULL;
	scoped_fd int sysfs = netns_sysfs(err);
	unsigned int ma, mi;

	if (sysfs < 0 || file_read_at(sysfs, path, 32, &text, NULL, err) < 0)
		return -1;
	if (sscanf(text, "%u:%u", &ma, &mi) != 2)
		return err_set(err, ERR_INTERNAL, "read '%s': '%s' is no device number", path,
			       text);
	*ret = makedev(ma, mi);
	return 0;
}

static int add_queue(struct tap *tap, dev_t number, struct err *err)
{
	scoped_fd int fd = open_char_device(number, err);
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (fd < 0)
		return -1;
	if (ioctl(fd, TUNSETIFF, &req) < 0)
		return err_sys(err, errno, "set header of frames");
	tap->fds[tap->n_fds++] = take_fd(&fd);
	return 0;
}

int tap_open_macvtap(const char *name, int index, size_t n_queues, struct tap *ret, struct err *err)
{
	struct tap tap = { .index = index };
	dev_t number;

	if (n_queues < 1 || n_queues > TAP_QUEUES_MAX)
		return err_set(err, ERR_INVALID, "open macvtap '%s': %zu queues, not 1 to %d", name,
			       n_queues, TAP_QUEUES_MAX);
	(void)snprintf(tap.name, sizeof(tap.name), "%s", name);
	if (device_number(index, &number, err) < 0)
		return err_wrap(err, "open macvtap '%s'", name);
	while (tap.n_fds < n_queues) {
		if (add_queue(&tap, number, err) == 0)
			continue;
		tap_close(&tap);
		return err_wrap(err, "open macvtap '%s'", name);
	}
	*ret = tap;
	return 0;
}

/* MTU and, in this mode, MAC are the lower's unless told otherwise. */
static struct nl_msg *new_macvtap(int lower, const char *name)
{
	const struct ifinfomsg header = { 0 };
	struct nl_msg *msg =
		net_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	struct nlattr *info, *data;

	net_put_u32(msg, IFLA_LINK, (uint32_t)lower);
	net_put_text(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	net_put_text(msg, IFLA_INFO_KIND, "macvtap");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	net_put_u32(msg, IFLA_MACVLAN_MODE, MACVLAN_MODE_PASSTHRU);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
}

/* With an address of its own it would speak for the guest, which has the same MAC. */
static int set_up(struct net *net, int index, struct err *err)
{
	if (net_link_set_autoconf(net, index, false, err) < 0)
		return -1;
	return net_link_set_up(net, index, true, err);
}

int tap_make_macvtap(struct net *net, int lower, const char *name, size_t n_queues, struct tap *ret,
		     struct err *err)
{
	int r = net_talk(net, new_macvtap(lower, name), NULL, NULL), index;
	struct err ignored = ERR_INIT;

	if (r < 0)
		return net_fail_link(net, lower, r, err, "make macvtap '%s' on it", name);
	index = net_link_index(net, name, err);
	if (index < 0)
		return -1;
	if (set_up(net, index, err) == 0 && tap_open_macvtap(name, index, n_queues, ret, err) == 0)
		return 0;
	(void)net_link_delete(net, index, &ignored);
	return -1;
}
