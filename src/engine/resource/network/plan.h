/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * plan.h - which links of a pod's namespace become network devices of its VM, and how
 *
 * Pure: from what was read of the namespace (lib/net) and the configuration to a list of
 * endpoints. What cannot be connected is refused here, by its kind and name, before the VM
 * exists.
 *
 * Left out: loopback; links that are down and have no address (the kernel puts some into every
 * namespace: sit0, tunl0, ...); links that belong to a bridge or bond of this namespace, which is
 * connected itself; links without an address of their own that macvlans and ipvlans of this
 * namespace stand on; what we made (network_is_ours()).
 *
 * Source: Kata 3.x, virtcontainers: network_linux.go and the endpoints' files (reference 5.2)
 */
#include "engine/vmm/vm_config.h"
#include "lib/net/net.h"

struct config;

enum endpoint_kind {
	ENDPOINT_VETH,
	ENDPOINT_MACVLAN,
	ENDPOINT_IPVLAN,
	ENDPOINT_VLAN,
	ENDPOINT_GENERIC,    /* any other link with Ethernet frames */
	ENDPOINT_TAP,        /* made by somebody else: used itself, unless it is in use */
	ENDPOINT_MACVTAP,    /* the same */
	ENDPOINT_PHYSICAL,   /* PCI: handed to the VM as it is */
	ENDPOINT_VHOST_USER, /* another process moves the frames */
};
/* Kata's word, "type" of the agent's Interface: "virtual" (veth), "macvlan", "physical", ... */
const char *endpoint_kind_name(enum endpoint_kind kind);

enum endpoint_model {
	ENDPOINT_TCFILTER, /* a tap, and redirection both ways */
	ENDPOINT_ON_MACVTAP, /* a macvtap on the link */
	ENDPOINT_DIRECT,   /* the link is what the monitor opens, or the device is the VM's */
};
const char *endpoint_model_name(enum endpoint_model model); /* "tcfilter", "macvtap", "direct" */

struct endpoint_plan {
	enum endpoint_kind kind;
	enum endpoint_model model;
	int link;
	char name[IF_NAMESIZE];
	char host_name[IF_NAMESIZE]; /* of a tap that the guest knows by another name; "": the same */
	uint8_t mac[ETH_ALEN]; /* the guest's */
	uint32_t mtu;
	size_t n_queues; /* 0: as many as there are CPUs */
	int vlan_parent; /* the link below, when it is connected as well (tc_pass_vlans()); 0: none */
	bool has_vlans;  /* this is the link below of another one */
	char pci[16];    /* ENDPOINT_PHYSICAL: "0000:00:05.0" */
	char socket[108]; /* ENDPOINT_VHOST_USER: of the other process */
};

/* What net_read() does not tell of a link. Called for links that may need it only. */
struct network_facts {
	/* The device's PCI address, or false: it is none of PCI. */
	bool (*pci_address)(void *arg, const char *link, char ret[static 16]);
	/* Is there a socket of that name? */
	bool (*is_socket)(void *arg, const char *path);
	void *arg;
};

#define ENDPOINTS_MAX 30 /* slots of a PCI bridge */

/*
 * Writes nothing on failure: ERR_UNIMPLEMENTED names kind and link; ERR_EXHAUSTED: too many.
 * ret_plans is owned by the caller (free). With the model "none" there are no endpoints.
 */
int network_plan(const struct config *config, const struct net_state *state,
		 const struct network_facts *facts, struct endpoint_plan **ret_plans, size_t *ret_n,
		 struct err *err);

/* Made by us: a tap or macvtap that is called "tap0_kata", an ifb that is called "ifb0_kata". */
bool network_is_ours(const struct net_link *link);
