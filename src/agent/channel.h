/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * channel.h - where the supervisor's calls come in
 *
 * An address that was asked for (agent.server_addr, KATA_AGENT_SERVER_ADDR) is taken as it
 * is: vsock://<any>:<port>, unix://<path>, unix://@<abstract name>. Without one the agent
 * listens on vsock port 1024 when the VM has a virtio-vsock device, and otherwise serves the
 * serial port called agent.channel.0, for which it waits up to CHANNEL_WAIT_MS.
 *
 * The other side needs no polling: bytes sent before the port is open wait in it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define CHANNEL_VSOCK_PORT 1024
#define CHANNEL_PORT_NAME  "agent.channel.0"
#define CHANNEL_WAIT_MS    30000

struct event_base;
struct ttrpc_server;
struct uevents;
struct channel;

/* Called once, from the loop or from channel_open(): err is NULL when calls can come in. */
typedef void channel_ready(void *arg, const struct err *err);

/* address "" or NULL: find out. uevents may be NULL when address is given. */
struct channel *channel_open(struct event_base *base, struct ttrpc_server *server,
			     struct uevents *uevents, const char *address, channel_ready *ready,
			     void *arg);
/* Connections stay with the server. */
void channel_free(struct channel *channel);

/* Does this VM have a virtio-vsock device? */
bool channel_has_vsock(void);

/* /dev name of the virtio serial port called name; owned by the caller, NULL when not there. */
char *channel_find_port(const char *name);

/* A listening vsock socket for any peer. */
int channel_listen_vsock(uint32_t port, struct err *err);
