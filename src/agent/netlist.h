/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * netlist.h - the guest's interfaces and routes as they are
 *
 * From /sys/class/net, getifaddrs(3) and /proc/net/{route,ipv6_route}: libnl-route would
 * add 400 KB to the static agent. What these files do not tell is left empty: a route's
 * preferred source address and its scope beyond "on the link" or not.
 *
 * Limits: NETLIST_MAX entries
 */
#include <stdbool.h>

#include "agent.pb-c.h"

#define NETLIST_MAX 1024

/* Each answer is released with its free_unpacked(); empty when there is nothing. */
Grpc__Interfaces *netlist_interfaces(void);
Grpc__Routes *netlist_routes(void);

/*
 * Pure: one line of /proc/net/route or, with v6, of /proc/net/ipv6_route. False for
 * a heading, a broken line, and what is no forwarding route (local table, down, rejected).
 */
bool netlist_parse_route(const char *line, bool v6, Types__Route *ret);
