/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * dan_priv.h - what dan_read.c finds in a file, and dan.c makes devices of
 */
#include "engine/resource/network/dan.h"

/* In state and plans a link's number is that of its device, from 0. */
struct dan {
	char *path, *netns;
	struct endpoint_plan plans[ENDPOINTS_MAX];
	unsigned int flags[ENDPOINTS_MAX]; /* IFF_NOARP or not */
	size_t n;
	struct net_state state; /* no links */
};
