/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * agent.h - the whole of one agent
 *
 * One loop, one server, at most one sandbox. Handlers of every service get the struct
 * agent as their argument.
 */
#include <stdbool.h>

#include "agent/cmdline.h"

struct channel;
struct console;
struct event_base;
struct modules;
struct network;
struct reaper;
struct resolver;
struct sandbox;
struct ttrpc_server;
struct uevents;

struct agent {
	struct event_base *base;
	struct agent_options options;
	bool is_init;            /* process 1 of an initrd */
	struct modules *modules; /* NULL: everything is built in, or somebody else loads */
	struct uevents *uevents; /* NULL: no kernel events here */
	struct reaper *reaper;
	struct resolver *resolver; /* never NULL; listens nowhere until it is told */
	struct ttrpc_server *server;
	struct channel *channel;
	struct console *console; /* NULL: off */
	struct network *network; /* NULL: could not be opened */
	struct sandbox *sandbox; /* never NULL; see sandbox.h for when it is up */
};

/* End the loop once every reply is out, then the program (and the VM, when process 1). */
void agent_stop(struct agent *agent);
