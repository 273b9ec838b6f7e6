/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * endpoint.h - one link of the pod's namespace, tied to what a network device of the VM uses
 *
 * Carries a plan out: tap, redirection, limits; or macvtap; or nothing where the link itself
 * serves. What outlives its maker (qdiscs, macvtaps, a driver that was changed) is journalled
 * first, when the namespace has a path by which it can be found again; a namespace without one
 * ends with its processes, and all that is in it.
 *
 * Owns:   descriptors, until endpoint_close_fds(); what was made in the namespace
 * Thread: the loop's; we are in the pod's namespace
 */
#include "engine/resource/network/plan.h"
#include "lib/net/tap.h"

struct journal;

struct endpoint {
	struct endpoint_plan plan;
	struct tap tap;      /* what the VM's device uses; n_fds 0: none */
	int vhost_fds[TAP_QUEUES_MAX];
	size_t n_vhost_fds;  /* as many as tap.n_fds, or 0: no vhost */
	/* private */
	enum endpoint_model model; /* as carried out: a tap that is in use is redirected */
	uint64_t seq;        /* in the journal; 0: not there */
	char driver[32];     /* of a physical device, to be given back */
};

/* What is common to all of a sandbox. Borrowed. */
struct endpoint_context {
	struct net *net;
	const struct config *config;
	struct journal *journal;
	const char *netns_path; /* "": none */
	size_t n_queues;        /* at most; a plan's link may have fewer */
	bool use_vhost;
};

/*
 * On failure nothing is left. Takes over what a dead supervisor left on the link. Of a physical
 * device the link is gone afterwards: read what the guest has to know of it before.
 */
int endpoint_connect(const struct endpoint_context *ctx, const struct endpoint_plan *plan,
		     struct endpoint *ret, struct err *err);
/* The VM has its own copies of the descriptors by now. */
void endpoint_close_fds(struct endpoint *ep);
/* Undo, as far as the link is still there; struck out of the journal. Goes on after a failure. */
int endpoint_disconnect(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err);
/* The link's MTU changed: what stands on it follows. */
int endpoint_set_mtu(const struct endpoint_context *ctx, struct endpoint *ep, uint32_t mtu,
		     struct err *err);

/*
 * For cleanup.c: take back what the journal's text says (JOURNAL_NETWORK), in the namespace that
 * it names, if that is still the same one. Nothing to do is success.
 */
int endpoint_cleanup(const char *text, struct err *err);
