/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leftover.c - what an endpoint leaves in a namespace, written down and taken back
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "engine/resource/netns.h"
#include "engine/resource/network/endpoint_priv.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/tc.h"

#define SYSFS "/sys"

/* --- text --- */

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

char *endpoint_record_format(const struct endpoint_record *record)
{
	return xasprintf("%llu %d %s %s %s %s %s", (unsigned long long)record->netns, record->link,
			 or_dash(record->name), endpoint_model_name(record->model),
			 or_dash(record->pci), or_dash(record->driver), or_dash(record->path));
}

/* The next word into ret, which has room for size; "-" is "". False: there is none, or no room. */
static bool take_word(const char **text, char *ret, size_t size)
{
	size_t len = strcspn(*text, " ");

	if (len == 0 || len >= size || (*text)[len] != ' ')
		return false;
	(void)snprintf(ret, size, "%.*s", (int)len, *text);
	if (strcmp(ret, "-") == 0)
		ret[0] = '\0';
	*text += len + 1;
	return true;
}

static bool find_model(const char *name, enum endpoint_model *ret)
{
	static const enum endpoint_model all[] = { ENDPOINT_TCFILTER, ENDPOINT_ON_MACVTAP,
						   ENDPOINT_DIRECT };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (strcmp(name, endpoint_model_name(all[i])) != 0)
			continue;
		*ret = all[i];
		return true;
	}
	return false;
}

static bool parse(const char *text, struct endpoint_record *r)
{
	char netns[24], link[12], model[12];
	unsigned long long inode, index;

	if (!take_word(&text, netns, sizeof(netns)) || !take_word(&text, link, sizeof(link)) ||
	    !take_word(&text, r->name, sizeof(r->name)) ||
	    !take_word(&text, model, sizeof(model)) || !take_word(&text, r->pci, sizeof(r->pci)) ||
	    !take_word(&text, r->driver, sizeof(r->driver)) || strlen(text) >= sizeof(r->path))
		return false;
	if (!parse_u64(netns, UINT64_MAX, &inode) || !parse_u64(link, INT_MAX, &index) ||
	    index == 0 || !find_model(model, &r->model))
		return false;
	if ((r->pci[0] && !physical_is_address(r->pci)) ||
	    (r->driver[0] && !physical_is_driver(r->driver)) ||
	    (text[0] != '/' && strcmp(text, "-") != 0))
		return false;
	r->netns = (ino_t)inode;
	r->link = (int)index;
	(void)strcpy(r->path, text[0] == '/' ? text : "");
	return true;
}

int endpoint_record_parse(const char *text, struct endpoint_record *ret, struct err *err)
{
	struct endpoint_record record = { .link = 0 };

	if (!parse(text, &record))
		return err_set(err, ERR_INVALID, "read record of a network interface: '%.80s'",
			       text);
	*ret = record;
	return 0;
}

/* --- taking back --- */

static void keep(struct err *first, int r, struct err *why)
{
	if (r < 0)
		err_keep_first(first, why);
	*why = ERR_INIT;
}

static void sweep_link(struct net *net, const struct net_link *link, bool ingress,
		       struct err *first)
{
	struct err why = ERR_INIT;

	if (ingress)
		keep(first, tc_ingress_delete(net, link->index, &why), &why);
	keep(first, tc_limit_egress(net, link->index, 0, &why), &why);
}

static void sweep_ours(struct net *net, const struct net_state *state, const char *name,
		       struct err *first)
{
	const struct net_link *link = net_find_name(state, name);
	struct err why = ERR_INIT;

	if (link && network_is_ours(link))
		keep(first, net_link_delete(net, link->index, &why), &why);
}

int endpoint_sweep(struct net *net, int index, enum endpoint_model model, struct err *err)
{
	char tap[IF_NAMESIZE], ifb[IF_NAMESIZE];
	struct err first = ERR_INIT;
	const struct net_link *link;
	struct net_state state;

	if (net_read(net, &state, err) < 0)
		return -1;
	endpoint_tap_name(index, tap);
	endpoint_ifb_name(index, ifb);
	link = net_find_index(&state, index);
	/* What is redirected goes nowhere: with an ifb, it is the link's ingress as well. */
	if (link)
		sweep_link(net, link, model == ENDPOINT_TCFILTER || net_find_name(&state, ifb),
			   &first);
	if (model != ENDPOINT_DIRECT)
		sweep_ours(net, &state, tap, &first);
	sweep_ours(net, &state, ifb, &first);
	net_state_done(&state);
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}

/* --- another namespace --- */

/* -1 without an error: it is gone, or what has its path is another one. */
static int open_netns(const struct endpoint_record *record, struct err *err)
{
	scoped_fd int fd = open(record->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open network namespace '%s'", record->path);
	if (st.st_ino != record->netns || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return -1;
	return take_fd(&fd);
}

/* A connection stays in the namespace that it was opened in; we do not. */
static struct net *open_net_in(int netns, struct err *err)
{
	scoped_fd int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct net *net;

	if (own < 0 || setns(netns, CLONE_NEWNET) < 0) {
		err_sys(err, errno, "enter network namespace");
		return NULL;
	}
	net = net_open(err);
	netns_return(own);
	return net;
}

static int sweep_in(const struct endpoint_record *record, struct err *err)
{
	struct err why = ERR_INIT;
	scoped_fd int netns = open_netns(record, &why);
	struct net *net;
	int r;

	if (netns < 0 && why.code == ERR_OK)
		return 0;
	net = netns < 0 ? NULL : open_net_in(netns, &why);
	r = net ? endpoint_sweep(net, record->link, record->model, &why) : -1;
	net_close(net);
	if (r < 0)
		*err = why;
	return r;
}

int endpoint_cleanup(const char *text, struct err *err)
{
	scoped_free struct endpoint_record *record = xnew(struct endpoint_record);
	struct err first = ERR_INIT, why = ERR_INIT;

	if (endpoint_record_parse(text, record, err) < 0)
		return -1;
	if (record->pci[0])
		keep(&first, physical_give_back(SYSFS, record->pci, record->driver, &why), &why);
	if (record->path[0])
		keep(&first, sweep_in(record, &why), &why);
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return err_wrap(err, "network interface '%s'", record->name);
}
