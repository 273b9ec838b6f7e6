/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of text as the fields of an interface, a route and a neighbour: what is taken has a name
 * that the kernel takes, addresses of one family, and prefixes that fit; a PCI path has slots.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/network.h"
#include "fuzz/fuzz.h"
#include "lib/base/mem.h"

#define FIELDS 6

static void check_name(const char *name)
{
	struct err err = ERR_INIT;

	fuzz_assert(net_name_check(name, &err) == 0);
}

static void try_interface(char *const *f)
{
	static struct network_interface want;
	Types__Interface msg = TYPES__INTERFACE__INIT;
	Types__IPAddress address = TYPES__IPADDRESS__INIT;
	Types__IPAddress *list[] = { &address };
	struct err err = ERR_INIT;

	msg.name = f[0];
	msg.hwaddr = f[1];
	msg.devicepath = f[2];
	address.address = f[3];
	address.mask = f[4];
	msg.ipaddresses = list;
	msg.n_ipaddresses = 1;
	if (network_read_interface(&msg, &want, &err) < 0) {
		fuzz_assert(err.code != ERR_OK && *err.text);
		return;
	}
	check_name(want.name);
	fuzz_assert(want.has_mac || want.path.n);
	fuzz_assert(want.path.n <= PCI_PATH_MAX);
	for (size_t i = 0; i < want.path.n; i++)
		fuzz_assert(want.path.steps[i].slot < 32 && want.path.steps[i].function < 8);
	fuzz_assert(want.addresses[0].prefix <=
		    (want.addresses[0].ip.family == AF_INET ? 32 : 128));
}

static void try_route(char *const *f)
{
	Types__Route msg = TYPES__ROUTE__INIT;
	struct network_route route;
	struct err err = ERR_INIT;

	msg.device = f[0];
	msg.dest = f[1];
	msg.gateway = f[2];
	msg.source = f[3];
	msg.family = *f[4] ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
	if (network_read_route(&msg, &route, &err) < 0)
		return;
	check_name(route.device);
	fuzz_assert(route.route.family == AF_INET || route.route.family == AF_INET6);
	fuzz_assert(route.route.to.family == route.route.family || route.route.prefix == 0);
	fuzz_assert(route.route.prefix <= (route.route.family == AF_INET ? 32 : 128));
	fuzz_assert(route.route.source.family == AF_UNSPEC ||
		    route.route.source.family == route.route.family);
}

static void try_neighbour(char *const *f)
{
	Types__ARPNeighbor msg = TYPES__ARPNEIGHBOR__INIT;
	Types__IPAddress ip = TYPES__IPADDRESS__INIT;
	struct network_neighbour neighbour;
	struct err err = ERR_INIT;

	msg.device = f[0];
	msg.lladdr = f[1];
	ip.address = f[2];
	msg.toipaddress = &ip;
	if (network_read_neighbour(&msg, &neighbour, &err) == 0)
		check_name(neighbour.device);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped_free char *text = xstrndup((const char *)data, size);
	char *rest = text, *fields[FIELDS];
	char none[] = "";

	for (size_t i = 0; i < FIELDS; i++) {
		fields[i] = strsep(&rest, "\n");
		if (!fields[i])
			fields[i] = none;
	}
	try_interface(fields);
	try_route(fields);
	try_neighbour(fields);
	return 0;
}
