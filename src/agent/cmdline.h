/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * cmdline.h - the agent's options, from the kernel command line
 *
 * Source: agent.* names and defaults of Kata Containers 3.x (src/agent/src/config.rs);
 *         quoting as the kernel does it (kernel/params.c): double quotes group blanks
 * Trust:  whoever started the VM; bounded and checked all the same
 * Limits: CMDLINE_MAX bytes
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/log/log.h"

#define CMDLINE_MAX         65536
#define CMDLINE_ADDRESS_MAX 108 /* sun_path */

struct agent_options {
	enum log_level log_level;
	bool debug_console;
	uint32_t debug_console_vport; /* 0: the serial port console.channel.0 */
	uint32_t hotplug_timeout_ms;  /* for a device the host has plugged to appear */
	uint32_t launch_timeout_ms;   /* for a container or exec to be ready */
	uint32_t container_pipe_size; /* bytes; 0: ours (process.c) */
	bool devmode;                 /* core dumps */
	bool cgroup_v1;
	char server_addr[CMDLINE_ADDRESS_MAX]; /* "": find out */
};

#define AGENT_OPTIONS_INIT                                    \
	((struct agent_options){ .log_level = LOG_LEVEL_INFO, \
				 .hotplug_timeout_ms = 3000,  \
				 .launch_timeout_ms = 6000 })

/* why is one sentence without the name; value is "" for a bare word. */
typedef void cmdline_complaint(void *arg, const char *name, const char *value, const char *why);

/*
 * Options of text into *options, whose values stay where text says nothing. What is unknown,
 * wrong, or known and not built is told to complain() and passed over: an agent that runs
 * with a default is of more use than one that does not run.
 */
void cmdline_parse(const char *text, struct agent_options *options, cmdline_complaint *complain,
		   void *arg);
