/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/dan.h"

#include <linux/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "engine/resource/network/dan_priv.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define FIRST_INDEX (1 << 24) /* of devices that are no links; the kernel counts from 1 */

struct dan *dan_load(const char *dir, const char *sandbox_id, struct err *err)
{
	scoped_free char *path = xasprintf("%s/%s.json", dir, sandbox_id);
	scoped_free char *text = NULL;
	struct err why = ERR_INIT;
	struct dan *dan;
	size_t len;

	if (file_read(path, DAN_FILE_MAX, &text, &len, &why) < 0) {
		if (why.code != ERR_NOT_FOUND)
			*err = why;
		return NULL;
	}
	dan = dan_parse(text, len, err);
	if (dan)
		dan->path = take_ptr(&path);
	else
		err_wrap(err, "'%s'", path);
	return dan;
}

void dan_free(struct dan *dan)
{
	if (!dan)
		return;
	net_state_done(&dan->state);
	free(dan->path);
	free(dan->netns);
	free(dan);
}

const char *dan_path(const struct dan *dan)
{
	return dan->path ? dan->path : "";
}

const char *dan_netns(const struct dan *dan)
{
	return dan->netns;
}

/* --- what it makes of the namespace --- */

/* The link that the device is, or an index for one that is none. */
static int index_of(const struct dan *dan, size_t device, const struct net_state *state,
		    struct err *err)
{
	const char *tap = dan->plans[device].host_name;
	const struct net_link *link = *tap ? net_find_name(state, tap) : NULL;

	if (!*tap)
		return FIRST_INDEX + (int)device;
	if (!link)
		return err_set(err, ERR_NOT_FOUND,
			       "'%s': device '%s': there is no tap '%s' in the sandbox's network "
			       "namespace",
			       dan_path(dan), dan->plans[device].name, tap);
	if (strcmp(link->kind, "tun") != 0)
		return err_set(err, ERR_INVALID, "'%s': device '%s': link '%s' is no tap",
			       dan_path(dan), dan->plans[device].name, tap);
	return link->index;
}

static void show_link(const struct dan *dan, size_t device, const struct endpoint_plan *plan,
		      struct net_state *state)
{
	struct net_link link = { .index = plan->link,
				 .type = ARPHRD_ETHER,
				 .flags = IFF_UP | dan->flags[device],
				 .carrier = true,
				 .mtu = plan->mtu,
				 .has_mac = true };

	for (size_t i = 0; i < state->n_links; i++) {
		if (state->links[i].index != plan->link)
			continue;
		state->links[i].flags &= ~(unsigned int)IFF_NOARP;
		state->links[i].flags |= dan->flags[device];
		return;
	}
	memcpy(link.name, plan->name, sizeof(link.name));
	memcpy(link.mac, plan->mac, sizeof(link.mac));
	state->links = xrealloc(state->links, state->n_links + 1, sizeof(*state->links));
	state->links[state->n_links++] = link;
}

int dan_plan(const struct dan *dan, struct net_state *state, bool all,
	     struct endpoint_plan **ret_plans, size_t *ret_n, struct err *err)
{
	scoped_free struct endpoint_plan *plans = xcalloc(ENDPOINTS_MAX, sizeof(*plans));
	size_t n = 0;

	state->n_addresses = state->n_routes = state->n_neighbours = 0;
	for (size_t i = 0; i < dan->n; i++) {
		struct err why = ERR_INIT;
		int index = index_of(dan, i, state, &why);

		if (index < 0 && all) {
			*err = why;
			return -1;
		}
		if (index < 0)
			continue;
		plans[n] = dan->plans[i];
		plans[n].link = index;
		show_link(dan, i, &plans[n], state);
		net_state_copy(state, &dan->state, (int)i, index);
		n++;
	}
	*ret_plans = take_ptr(&plans);
	*ret_n = n;
	return 0;
}
