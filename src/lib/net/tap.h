/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tap.h - descriptors through which a monitor sends and receives a link's frames
 *
 * Every frame has a struct virtio_net_hdr in front (IFF_VNET_HDR), so that checksums and segments
 * are left to whoever can do them best. A tap that we make lives as long as one of its
 * descriptors.
 *
 * Spec:   kernel Documentation/networking/tuntap.rst; linux/if_tun.h; linux/vhost.h
 * Owns:   nothing: descriptors are the caller's, close-on-exec and non-blocking
 */
#include <stddef.h>

#include "lib/net/net.h"

#define TAP_QUEUES_MAX 16

struct tap {
	char name[IF_NAMESIZE];
	int index;
	int fds[TAP_QUEUES_MAX]; /* one a queue */
	size_t n_fds;
};

/* A new one; pattern may have one "%d" for the kernel to choose the first free number. */
int tap_make(const char *pattern, size_t n_queues, struct tap *ret, struct err *err);
/*
 * One that is there already, in this namespace, made persistent by somebody else. One that is no
 * tap but a tun: ERR_UNIMPLEMENTED; one that another process has open: EBUSY in sys. Its own
 * number of queues rules: n_queues is the most.
 */
int tap_open(const char *name, size_t n_queues, struct tap *ret, struct err *err);
/*
 * A macvtap in mode passthru on link lower, up, with the lower's MAC and MTU, and without an
 * address of its own. A link like any other: net_link_delete().
 */
int tap_make_macvtap(struct net *net, int lower, const char *name, size_t n_queues, struct tap *ret,
		     struct err *err);
/* The descriptors of a macvtap that is there. */
int tap_open_macvtap(const char *name, int index, size_t n_queues, struct tap *ret, struct err *err);
void tap_close(struct tap *tap); /* the descriptors; may be called again */

/* -1 with ERR_NOT_FOUND: this host has no vhost-net. */
int tap_open_vhost(struct err *err);
