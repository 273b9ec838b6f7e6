/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * redirect.h - programs that use a port of an address use another one, without knowing
 *
 * For a name server that must be found at port 53 and must not have that port: a container may run
 * one of its own on every address (0.0.0.0:53), which two sockets cannot share. A container
 * manager would redirect packets; here the guest's kernel redirects sockets, by small programs of
 * its socket address hooks (connect, sendmsg, recvmsg, getpeername), without a module.
 *
 * For every process of the guest that is in the caller's network namespace, and no other: in one of
 * its own a container may have a server at the same address.
 *
 * Spec:   bpf(2), BPF_PROG_TYPE_CGROUP_SOCK_ADDR; needs Linux 5.14 (SO_NETNS_COOKIE)
 */
#include <netinet/in.h>

#include "lib/base/err.h"
#include "lib/dns/address.h"

#define REDIRECT_HOOKS 8

struct redirect {
	int fds[REDIRECT_HOOKS]; /* of the attachments: they end with them; -1: none */
};

#define REDIRECT_INIT ((struct redirect){ .fds = { -1, -1, -1, -1, -1, -1, -1, -1 } })

/* From the port in address to port (host's byte order). Nothing is left on failure. */
int redirect_start(const struct dns_address *address, in_port_t port, struct redirect *ret,
		   struct err *err);
void redirect_stop(struct redirect *redirect);
