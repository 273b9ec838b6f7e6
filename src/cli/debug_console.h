/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * debug_console.h - a shell in the guest, beside the agent rather than in a container
 *
 * `kata-runtime exec SANDBOX`, as Kata 2 and later have it. The supervisor tells where its agent
 * is; the console is beside it: the vsock port 1026 of the same guest, or debug.sock in the VM's
 * directory, which is the other end of the serial port console.channel.0.
 *
 * Our terminal becomes raw meanwhile. Ctrl-] leaves; otherwise it ends with the shell.
 *
 * Trust:  what the guest writes goes to the terminal as it is, as with any console
 * Blocks: for as long as the shell lives
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define DEBUG_CONSOLE_LEAVE '\x1d' /* Ctrl-] */

/*
 * 0 when it ended in good order. ERR_NOT_FOUND: there is no such sandbox; ERR_UNAVAILABLE: it has
 * no debug console, or no VM.
 */
int debug_console_run(const char *sid, uint32_t vport, struct err *err);

/*
 * Where the console of a guest is whose agent is at url: "unix:///run/vc/vm/ID/debug.sock",
 * "vsock://CID:VPORT". Owned by the caller; NULL: of a form that we do not know. Pure.
 */
char *debug_console_address(const char *agent_url, uint32_t vport);

/*
 * Looks for the guest's last words (lib/base/debug_console.h) in what comes piece by piece.
 * *at is 0 at first; true when they are complete. Pure.
 */
bool debug_console_has_end(const char *bytes, size_t len, size_t *at);
