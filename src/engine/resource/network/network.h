/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * network.h - the pod's network, carried into its virtual machine and kept equal there
 *
 * There is one operation, network_sync(): read the namespace, compare it with what the machine
 * and the guest have been given, carry the difference out, and look again until there is none.
 * The start does it before the guest runs and once more when the agent answers; afterwards every
 * change in the namespace does (network_follow()), so what docker or an administrator adds later
 * takes the same road as what was there from the beginning.
 *
 * The supervisor is in the pod's namespace, which is nobody else's; what happens to it there
 * (links deleted under load, the namespace unmounted) is one more difference.
 *
 * Owns:   endpoints, and the memory of what the guest was told
 * Errors: those of plan.h for what cannot be connected; otherwise the first thing that failed,
 *         with the interface's name. What failed is tried again on the next change
 * Trust:  the agent's answers say only whether a call succeeded
 * Thread: the loop's; callbacks come from the loop
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.pb-c.h"
#include "engine/resource/network/endpoint.h"

struct agent;
struct event_base;
struct network;
struct vmm;

#define NETWORK_PLUG_MS   10000u /* a network device: three commands to the monitor */
#define NETWORK_UNPLUG_MS 5000u  /* for the guest to let one go */

/* Something of the network failed, or is not as good as it could be, and we went on. */
typedef void network_warned(void *arg, const struct err *err);

/*
 * config, journal and netns_path ("": the namespace has no name) are borrowed for its life, but
 * the path is copied.
 */
struct network *network_new(struct event_base *base, const struct config *config,
			    struct journal *journal, const char *netns_path, network_warned *warned,
			    void *arg);
/* Disconnects what is left. What was under way is dropped without a call. NULL is fine. */
void network_free(struct network *network);

struct dan;
/* The VM gets the devices of dan, which is the network's from here on, and no others. Before network_connect(). */
void network_use_dan(struct network *network, struct dan *dan);

/*
 * Look and connect: afterwards every link that the VM shall have has its descriptors, and changes
 * are being collected. Blocks for as long as the kernel does.
 */
int network_connect(struct network *network, size_t n_queues, struct err *err);
size_t network_n_devices(const struct network *network);

/* From here on there is somebody to plug into, and to tell. Borrowed until network_detach(). */
void network_attach_vmm(struct network *network, struct vmm *vmm);
void network_attach_agent(struct network *network, struct agent *agent);
/* The machine is gone, or goes: what is under way is dropped without a call. */
void network_detach(struct network *network);

typedef void network_done(void *arg, const struct err *err);
/* Not while another one runs. */
void network_sync(struct network *network, network_done *done, void *arg);
/* Sync by itself from now on, whenever something changed. */
void network_follow(struct network *network);

/*
 * What an administrator asks for by hand (kata-runtime kata-network), while network_follow() is on.
 * It stands until the namespace says something new of the same thing.
 */
enum network_verb {
	/*
	 * Types.Interface: the namespace's link with its name (or MAC) becomes a device if it is
	 * none yet, and the guest is told what the message says.
	 */
	NETWORK_ADD_INTERFACE,
	NETWORK_REMOVE_INTERFACE, /* the same: the device is taken away, until it is added again */
	NETWORK_UPDATE_ROUTES,    /* Routes: the guest is told exactly these */
	NETWORK_LIST_INTERFACES,  /* no message: Interfaces, the guest's own words */
	NETWORK_LIST_ROUTES,      /* the same: Routes */
};
/* From the loop, once; ERR_UNAVAILABLE out of network_detach(). reply: borrowed, of lists only. */
typedef void network_answered(void *arg, const ProtobufCMessage *reply, const struct err *err);
/* message is copied; NULL for lists. */
void network_request(struct network *network, enum network_verb verb,
		     const ProtobufCMessage *message, network_answered *done, void *arg);

/* One device, for whoever wants to see where packets stop. Borrowed for the call. */
struct network_view {
	const struct endpoint_plan *plan;
	const struct net_link *link, *tap; /* NULL: not there (any more) */
	const struct net_state *state;
	const char *id, *pci_path;
	size_t n_queues;
	bool vhost, plugged, carrier, told;
};
typedef void network_each_fn(void *arg, const struct network_view *view);
int network_each(struct network *network, network_each_fn *fn, void *arg, struct err *err);
