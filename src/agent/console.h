/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * console.h - a shell in the guest for whoever may open the VM's debug console
 *
 * Off unless agent.debug_console is on the kernel command line. Where: the vsock port
 * agent.debug_console_vport if one is given, every connection a shell of its own; else the
 * serial port console.channel.0, a shell for as long as its other end is open, which is told when the
 * shell has ended (lib/base/debug_console.h).
 * The shell is /bin/bash or /bin/sh of the guest image, on a terminal of its own.
 *
 * Limits: CONSOLE_SESSIONS_MAX shells
 * Trust:  who turned it on has the guest anyway; containers cannot reach either port
 */
#include "lib/base/err.h"

#define CONSOLE_SESSIONS_MAX 16

struct agent;
struct console;

/* Wait for the port or listen. NULL and *err when there is no way to. */
struct console *console_new(struct agent *agent, struct err *err);
void console_free(struct console *console);
