/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * network_priv.h - the inside of a sandbox's network, shared by network.c, pass.c and request.c
 */
#include "agent.pb-c.h"
#include "engine/resource/network/handed.h"
#include "engine/resource/network/network.h"
#include "lib/base/list.h"

/* One link and the VM's device for it. */
struct nic {
	struct list node;
	struct endpoint ep;
	char id[24], pci_path[8];
	unsigned int slot;
	size_t n_queues;
	bool plugged, busy;
	bool failed;                        /* not tried again before something changes */
	bool carrier;                       /* as the guest sees it */
	Grpc__UpdateInterfaceRequest *told; /* NULL: the guest does not know it yet */
	Types__Interface *by_hand; /* what add-iface said; its addresses stay; NULL: nothing */
	struct handed *handed;     /* of a physical device; NULL: the link is there */
};

/* A list that the guest is told as a whole. */
struct told_list {
	ProtobufCMessage *told; /* NULL: nothing, or what it was is lost */
	bool failed;            /* not tried again before something changes */
};

/* What was asked of the monitor or of the agent, and is not answered. */
struct op {
	struct list node;
	struct network *network;
	struct nic *nic;               /* NULL: it is about all */
	struct told_list *list;        /* NULL: it is about none */
	const ProtobufCMessage *reply; /* of the agent, while answered() runs; NULL: none */
	void (*answered)(struct op *op, const struct err *err);
};

struct network {
	struct event_base *base;
	const struct config *config;
	struct journal *journal;
	char *netns_path;
	network_warned *warned;
	void *arg;

	struct dan *dan; /* NULL: the namespace has the devices */
	struct net *net;
	struct net_watch *watch;
	struct endpoint_context context;
	struct vmm *vmm;
	struct agent *agent;
	struct list nics, ops;
	uint32_t slots;      /* bits: taken */
	unsigned int n_made; /* so that no id comes twice */
	struct told_list routes, neighbours;

	struct list requests;       /* of network_plug() and the like: one after the other */
	int by_hand[ENDPOINTS_MAX]; /* links that are wanted (> 0) or refused (< 0), whatever the
				       plan */
	size_t n_by_hand;

	bool following, changed;
	struct event *soon; /* a pass is due; not from inside of what made it so */
	network_done *done; /* NULL: no sync is under way */
	void *done_arg;
	struct err first;
	unsigned int passes;
};

/* What was read of the namespace, and decided. */
struct view {
	struct net_state state;
	struct endpoint_plan *plans;
	size_t n_plans;
};

/* pass.c: carry out the first difference that has to be waited for, and all before it. */
void network_run_stages(struct network *n, const struct view *view);
int network_connect_new(struct network *n, const struct view *view, struct err *err);
void network_drop_nic(struct network *n, struct nic *nic);
void network_forget_routes(struct network *n);
/* network_end_call() of the agent, and the ops' end of the monitor, take the op as arg. */
struct op *network_new_op(struct network *n, struct nic *nic,
			  void (*answered)(struct op *op, const struct err *err));
void network_end_call(void *arg, const ProtobufCMessage *reply, const struct err *err);
struct nic *network_find_nic(const struct network *n, int link);
/* Ask for the next pass, from the loop. */
void network_run_soon(struct network *n);

/* request.c */
void network_next_request(struct network *n); /* begin it, if there is one and nothing runs */
void network_drop_requests(struct network *n);
int network_note(struct network *n, int link, bool refused, struct err *err);
bool network_is_asked(const struct network *n, int link);
bool network_is_refused(const struct network *n, int link);
