/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/handed.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct handed {
	struct net_state state; /* one link */
};

struct handed *handed_remember(const struct net_state *state, int link)
{
	const struct net_link *found = net_find_index(state, link);
	struct handed *handed = xnew(struct handed);

	if (!found)
		return handed;
	handed->state.links = xnew(struct net_link);
	handed->state.links[handed->state.n_links++] = *found;
	net_state_copy(&handed->state, state, link, link);
	return handed;
}

void handed_free(struct handed *handed)
{
	if (!handed)
		return;
	net_state_done(&handed->state);
	free(handed);
}

/* Links are in the order of their index. */
static void insert(struct net_state *state, const struct net_link *link)
{
	size_t at = 0;

	while (at < state->n_links && state->links[at].index < link->index)
		at++;
	state->links = xrealloc(state->links, state->n_links + 1, sizeof(*state->links));
	memmove(&state->links[at + 1], &state->links[at],
		(state->n_links - at) * sizeof(*state->links));
	state->links[at] = *link;
	state->n_links++;
}

void handed_show(const struct handed *handed, struct net_state *state)
{
	const struct net_link *link = handed->state.links;

	if (handed->state.n_links == 0 || net_find_index(state, link->index))
		return;
	insert(state, link);
	net_state_copy(state, &handed->state, link->index, link->index);
}
