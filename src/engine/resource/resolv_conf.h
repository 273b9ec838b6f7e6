/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * resolv_conf.h - what of a resolv.conf the supervisor has to know
 *
 * Spec:   resolv.conf(5): "nameserver ADDRESS" at the start of a line; the first three count
 * Trust:  any text; the container may have written it
 */
#include <stdbool.h>

#include "lib/dns/address.h"

#define RESOLV_CONF_MAX     (64u << 10) /* bytes of a file */
#define RESOLV_CONF_SERVERS 3

/* The first name server that is a loopback address; false: none is. */
bool resolv_conf_loopback(const char *text, char ret[static DNS_ADDRESS_TEXT]);
