/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * debug_console.h - where the two ends of the debug console meet
 *
 * With vsock every connection is a shell of its own, and ends with it. A serial port is there for as
 * long as the VM, and its host end cannot see that the guest has closed its own: so there the end of
 * the shell is told in words, as the last thing that comes.
 *
 * Source: Kata 3.x (port number); the port's name is Kata 1.x's
 */
#define DEBUG_CONSOLE_VPORT 1026u
#define DEBUG_CONSOLE_PORT  "console.channel.0"
#define DEBUG_CONSOLE_END   "\r\n[the debug shell has ended]\r\n"
