/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is accepted can be made devices of: names and addresses that are some, a prefix that fits
 * its family, and nothing beyond the limits.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/resource/network/dan.h"
#include "engine/resource/network/physical.h"
#include "fuzz.h"
#include "lib/base/defs.h"
#include "lib/net/tap.h"

static void check_plan(const struct endpoint_plan *plan)
{
	struct err err = ERR_INIT;

	fuzz_assert(net_name_check(plan->name, &err) == 0);
	fuzz_assert(!plan->host_name[0] || net_name_check(plan->host_name, &err) == 0);
	fuzz_assert(plan->mtu > 0 && plan->mtu <= NET_MTU_MAX);
	fuzz_assert(plan->n_queues <= TAP_QUEUES_MAX);
	fuzz_assert(plan->kind != ENDPOINT_PHYSICAL || physical_is_address(plan->pci));
	fuzz_assert(plan->kind != ENDPOINT_VHOST_USER || plan->socket[0] == '/');
}

static void check_state(const struct net_state *state)
{
	fuzz_assert(state->n_addresses <= DAN_ENTRIES_MAX && state->n_routes <= DAN_ENTRIES_MAX &&
		    state->n_neighbours <= DAN_ENTRIES_MAX);
	for (size_t i = 0; i < state->n_addresses; i++)
		fuzz_assert(net_find_index(state, state->addresses[i].link) &&
			    state->addresses[i].prefix <=
				    (state->addresses[i].ip.family == AF_INET6 ? 128u : 32u));
	for (size_t i = 0; i < state->n_routes; i++)
		fuzz_assert(net_find_index(state, state->routes[i].link) &&
			    state->routes[i].family != AF_UNSPEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct dan *dan = dan_parse((const char *)data, size, &err);
	struct net_state state = { 0 };
	struct endpoint_plan *plans;
	size_t n;

	if (!dan) {
		fuzz_assert(err.code != ERR_OK);
		return 0;
	}
	/* There are no taps: what is planned are the devices that are no links. */
	fuzz_assert(dan_plan(dan, &state, false, &plans, &n, &err) == 0);
	fuzz_assert(n <= ENDPOINTS_MAX);
	for (size_t i = 0; i < n; i++)
		check_plan(&plans[i]);
	check_state(&state);
	free(plans);
	net_state_done(&state);
	dan_free(dan);
	return 0;
}
