/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * iptables.h - the guest's packet filter on the management socket
 *
 *	GET /iptables, /ip6tables   the rules, as iptables-save writes them
 *	PUT the same                rules for iptables-restore; the answer is what it wrote, which
 *is nothing
 *
 * Source: Kata 3.x, containerd-shim-v2, shim_management.go
 * Trust:  as monitor.h: who asks is root; what the guest answers is only shown
 * Limits: IPTABLES_WAITS_MAX requests at a time, IPTABLES_MS for each
 */
#include <stdbool.h>

struct evhttp_request;
struct iptables_server;
struct tasks;

#define IPTABLES_WAITS_MAX 8
#define IPTABLES_MS        9000 /* the guest's own limit, and a little; below MONITOR_IDLE_S */

struct iptables_server *iptables_server_new(struct tasks *tasks); /* borrowed */
void iptables_server_free(struct iptables_server *server);        /* NULL is fine */

void iptables_serve(struct iptables_server *server, struct evhttp_request *req, bool ipv6);
