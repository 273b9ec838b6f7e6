/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * network.h - the guest's network made like the pod's
 *
 * The host says what an interface, all routes, and some neighbours shall be like. What it said
 * before and does not say any more is taken away; what the kernel and the containers have made
 * themselves stays. What is so already is not touched: an interface is taken down only to be
 * renamed, and then gets back what the kernel has dropped with that.
 *
 * Addresses and routes of IPv6 are left out, with a line in the log, where the guest has none. A
 * new interface without an address of IPv6, not even the kernel's own, has it turned off in the
 * pod, as docker does on a network of IPv4: it is turned off here too, until there is one.
 * Otherwise whoever is on the network could give the guest an address and a default route by
 * advertising a router.
 *
 * Spec:   Kata Containers' UpdateInterface, UpdateRoutes, AddARPNeighbors; lib/net/net.h
 * Errors: name the interface, or the route
 * Limits: NETWORK_*_MAX a request
 */
#include "agent.pb-c.h"
#include "agent/pci.h"
#include "lib/net/net.h"

#define NETWORK_ADDRESSES_MAX  128
#define NETWORK_ROUTES_MAX     1024
#define NETWORK_NEIGHBOURS_MAX 1024

struct network {
	struct net *net;
	/* private: what the host said last, of all links */
	struct net_address *addresses;
	struct net_route *routes;
	size_t n_addresses, n_routes;
	int *without_ipv6; /* links of which we have turned it off */
	size_t n_without_ipv6;
};

/* What an interface shall be like. */
struct network_interface {
	char name[IF_NAMESIZE];
	struct pci_path path;  /* found by it, if there is one, */
	uint8_t mac[ETH_ALEN]; /* by this otherwise */
	bool has_mac;
	bool arp;
	uint32_t mtu;                                        /* 0: as it is */
	struct net_address addresses[NETWORK_ADDRESSES_MAX]; /* without link */
	size_t n_addresses;
};

struct network_route {
	char device[IF_NAMESIZE];
	struct net_route route; /* without link */
};

struct network_neighbour {
	char device[IF_NAMESIZE];
	struct net_neighbour neighbour; /* without link */
};

struct network *network_new(struct err *err);
void network_free(struct network *n); /* NULL is fine */

/* network_message.c: from and to the agent protocol. ERR_INVALID names what is wrong. */
int network_read_interface(const Types__Interface *msg, struct network_interface *ret,
			   struct err *err);
int network_read_route(const Types__Route *msg, struct network_route *ret, struct err *err);
int network_read_neighbour(const Types__ARPNeighbor *msg, struct network_neighbour *ret,
			   struct err *err);
/* To be released with its free_unpacked(). */
Types__Interface *network_write_interface(const struct net_state *state,
					  const struct net_link *link);
Grpc__Interfaces *network_write_interfaces(const struct net_state *state);
Grpc__Routes *network_write_routes(const struct net_state *state);

/* network_interface.c: the link that is meant, borrowed from state; NULL: not there (yet). */
const struct net_link *network_find(const struct net_state *state,
				    const struct network_interface *want);
/* state is what net_read() has just given, link is of it; used up, but for being released. */
int network_update_interface(struct network *n, struct net_state *state,
			     const struct net_link *link, const struct network_interface *want,
			     struct err *err);

/*
 * network_routes.c: those without gateway first. Of several to the same destination the first is
 * preferred. One that cannot be set does not keep the others from it; err is the first one's.
 */
int network_update_routes(struct network *n, const struct network_route *list, size_t n_list,
			  struct err *err);
int network_add_neighbours(struct network *n, const struct network_neighbour *list, size_t n_list,
			   struct err *err);

/*
 * What failed with err for a link is of IPv6, which the link does not have: told by log, and true.
 */
bool network_lacks_ipv6(int family, const char *link, const struct err *err);
