/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * wire.h - a network namespace of the test's own, frames that are put on a link and seen on
 * another, and a count of what is there
 *
 * Frames have an Ethernet type for experiments, so that what the kernel says by itself is not
 * mistaken for them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/net.h"
#include "tests/lib/ok.h"

#define WIRE_TYPE    0x88b5
#define WIRE_WAIT_MS 1000 /* for a frame that has to come */
#define WIRE_NONE_MS 60   /* for one that must not */

/* Enter a fresh network and mount namespace; lo is down, and nothing else is there. */
void wire_isolate(void);
/* Run a command of the shell; a failure ends the test. */
void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How many lines of its output have the word. */
int count_lines(const char *command, const char *word);

/* A raw socket on a link: what others send to it, and what we send through it. */
int wire_open(const char *link);
/* len: of the whole frame; filled by a pattern of text. vlan < 0: no tag. */
void wire_send(int fd, const char *text, size_t len, int vlan);
bool wire_receive(int fd, const char *text, int timeout_ms);
/* The same on a descriptor of a tap, with the header in front. */
void tap_send(int fd, const char *text, size_t len);
/* *ret_vlan (may be NULL): the tag, or -1. */
bool tap_receive(int fd, const char *text, int timeout_ms, int *ret_vlan);
