/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * net.h - links, addresses, routes and neighbours of the network namespace one is in
 *
 * For both sides of the VM: the supervisor reads the pod's namespace, the agent makes the guest
 * like it. The connection belongs to the namespace in which it was opened, wherever its process
 * goes later.
 *
 * Spec:   linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h; rtnetlink(7)
 * Owns:   the connection; a struct net_state its lists
 * Limits: NET_*_MAX entries; more is ERR_EXHAUSTED
 * Errors: "link 'eth0': set MTU 65520: mtu greater than device maximum: Invalid argument",
 *         with the kernel's errno in sys; ERR_NOT_FOUND, ERR_EXISTS, ERR_DENIED as its
 *         ENODEV/ENOENT/ESRCH, EEXIST, EPERM
 * Blocks: for the kernel's answer, which comes at once
 */
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct event_base;
struct net;
struct net_watch;

#define NET_LINKS_MAX      256
#define NET_ADDRESSES_MAX  1024
#define NET_ROUTES_MAX     4096
#define NET_NEIGHBOURS_MAX 4096
#define NET_MTU_MAX        65535

/* An address of either family; family AF_UNSPEC: none. */
struct net_ip {
	int family; /* AF_INET, AF_INET6 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

struct net_link {
	int index;
	char name[IF_NAMESIZE];
	char kind[16];         /* "veth", "macvlan", "tun", ...; "" for hardware and lo */
	unsigned int type;     /* ARPHRD_ETHER, ... */
	unsigned int flags;    /* IFF_UP, IFF_NOARP, ... */
	bool carrier;
	uint32_t mtu;
	bool has_mac;          /* six bytes, as Ethernet has */
	uint8_t mac[ETH_ALEN];
	int lower;             /* IFLA_LINK: what it stands on; 0: nothing */
	bool lower_elsewhere;  /* which is in another namespace: then its number says nothing here */
	int master;            /* the bridge, bond or VRF that it belongs to; 0: none */
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct net_address {
	int link;
	struct net_ip ip;
	unsigned int prefix;
	unsigned int scope; /* RT_SCOPE_UNIVERSE, ... */
	uint32_t flags;     /* IFA_F_TENTATIVE, IFA_F_DADFAILED, IFA_F_NODAD, ... */
};

/* One next hop; of a route with several, the first, and has_more_hops is set. */
struct net_route {
	int family;
	struct net_ip to; /* AF_UNSPEC with prefix 0: the default route */
	unsigned int prefix;
	struct net_ip gateway; /* of IPv6 for a route of either family; AF_UNSPEC: none */
	struct net_ip source;  /* the preferred one; AF_UNSPEC: none */
	int link; /* 0: none */
	unsigned int table, protocol, scope, type; /* RT_TABLE_MAIN, RTPROT_KERNEL, RT_SCOPE_LINK, RTN_UNICAST */
	uint32_t metric, mtu;
	uint32_t flags; /* RTNH_F_ONLINK */
	bool has_more_hops;
};

struct net_neighbour {
	int link;
	struct net_ip ip;
	uint8_t mac[ETH_ALEN];
	bool has_mac;
	unsigned int state, flags; /* NUD_PERMANENT, ...; NTF_ROUTER, ... */
};

/* All of a namespace (of routes the unicast ones), links in the order of their index. */
struct net_state {
	struct net_link *links;
	struct net_address *addresses;
	struct net_route *routes;         /* of the table main */
	struct net_neighbour *neighbours; /* with a MAC */
	size_t n_links, n_addresses, n_routes, n_neighbours;
};

struct net *net_open(struct err *err);
void net_close(struct net *net); /* NULL is fine */
void net_close_at(struct net **net);

/* On success release with net_state_done(); on failure *ret is empty. */
int net_read(struct net *net, struct net_state *ret, struct err *err);
void net_state_done(struct net_state *state);
/* The addresses, routes and neighbours of a link of from, to the end of to's lists, as those of link as. */
void net_state_copy(struct net_state *to, const struct net_state *from, int link, int as);
/* Borrowed from state; NULL: none. */
const struct net_link *net_find_index(const struct net_state *state, int index);
const struct net_link *net_find_name(const struct net_state *state, const char *name);

/* Links. A name or a number that is gone is ERR_NOT_FOUND. */
int net_link_index(struct net *net, const char *name, struct err *err); /* > 0, or -1 */
int net_link_set_up(struct net *net, int index, bool up, struct err *err);
int net_link_set_arp(struct net *net, int index, bool arp, struct err *err);
/* Does the kernel give it a link-local address of IPv6 when it goes up, and say so on the wire? */
int net_link_set_autoconf(struct net *net, int index, bool on, struct err *err);
int net_link_set_mtu(struct net *net, int index, uint32_t mtu, struct err *err);
int net_link_set_name(struct net *net, int index, const char *name, struct err *err); /* must be down */
int net_link_set_mac(struct net *net, int index, const uint8_t mac[static ETH_ALEN], struct err *err);
/* Gone already is success. */
int net_link_delete(struct net *net, int index, struct err *err);

/* Already there, and already gone, are success. An address of IPv6 is added without DAD. */
int net_address_add(struct net *net, const struct net_address *address, struct err *err);
int net_address_delete(struct net *net, const struct net_address *address, struct err *err);
/* One to the same destination with the same metric is replaced. table 0 is main. */
int net_route_replace(struct net *net, const struct net_route *route, struct err *err);
int net_route_delete(struct net *net, const struct net_route *route, struct err *err);
int net_neighbour_replace(struct net *net, const struct net_neighbour *neighbour, struct err *err);
int net_neighbour_delete(struct net *net, const struct net_neighbour *neighbour, struct err *err);

/*
 * Text. Parsing takes what inet_pton() takes, with no blank around it; a prefix is "24", at most
 * 32 or 128. Text out needs NET_IP_TEXT bytes and is "" for AF_UNSPEC.
 */
#define NET_IP_TEXT  INET6_ADDRSTRLEN
#define NET_MAC_TEXT 18
int net_ip_parse(const char *text, struct net_ip *ret, struct err *err);
/* "10.0.0.0/8"; without "/" the whole address. */
int net_ip_parse_prefix(const char *text, struct net_ip *ret, unsigned int *ret_prefix, struct err *err);
void net_ip_format(const struct net_ip *ip, char ret[static NET_IP_TEXT]);
bool net_ip_equal(const struct net_ip *a, const struct net_ip *b);
int net_mac_parse(const char *text, uint8_t ret[static ETH_ALEN], struct err *err);
/* What the kernel takes: 1 to 15 bytes, no '/', ':', blank or control character, not "." or "..". */
int net_name_check(const char *name, struct err *err);
void net_mac_format(const uint8_t mac[static ETH_ALEN], char ret[static NET_MAC_TEXT]);

/*
 * Call back from the loop after anything of the namespace changed: links, addresses, routes,
 * permanent neighbours. Many changes may be one call. Changes that were lost (a full socket) are
 * a call as well, so whoever reads everything anew on each call misses nothing.
 * The connection belongs to the namespace that the caller is in now.
 */
typedef void net_changed(void *arg);
struct net_watch *net_watch_new(struct event_base *base, net_changed *changed, void *arg,
				struct err *err);
void net_watch_free(struct net_watch *watch); /* NULL is fine */
