/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * network.h - the pod's network on the management socket
 *
 *	GET /network                what each interface is to the VM, and the counters of both
 *	                            sides of its tap, for whoever must find where packets stop
 *	GET /network/interfaces     the guest's own list, as Kata's kata-network list-ifaces
 *	PUT, DELETE the same        an interface as JSON (Kata's types.Interface): add, remove
 *	GET /network/routes         the guest's own
 *	PUT the same                an array of types.Route: the guest gets exactly these
 *
 * Source: JSON of Kata 1.x, virtcontainers/pkg/types (pciAddr there is devicePath here)
 * Trust:  as monitor.h: who asks is root, what the guest answers is only shown
 */
struct evhttp_request;
struct network_server;
struct tasks;

struct network_server *network_server_new(struct tasks *tasks); /* borrowed */
void network_server_free(struct network_server *server);        /* NULL is fine */

void network_serve(struct network_server *server, struct evhttp_request *req);
void network_serve_interfaces(struct network_server *server, struct evhttp_request *req);
void network_serve_routes(struct network_server *server, struct evhttp_request *req);
