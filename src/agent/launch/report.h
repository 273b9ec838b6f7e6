/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * report.h - the two wires between a launching parent and its child
 *
 * The report pipe carries at most one struct err, child to parent. Its end of file is
 * the good news: the write end is close-on-exec, so execve() closed it.
 * The sync socket (SOCK_SEQPACKET) carries points of the way, both directions, as frames
 * of one size; there end of file is always an error.
 *
 * Trust: the child runs our code until execve(), and nothing but our code holds the ends
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

enum sync_point {
	SYNC_MAPPED = 1,   /* parent: the id maps are written */
	SYNC_TERMINAL = 2, /* child: here is the pty master (an fd travels along) */
	SYNC_READY = 3,    /* child: all built, waiting */
	SYNC_GO = 4,       /* parent: execute the program */
};

/* For messages; never NULL. Child-safe: yes */
const char *sync_point_name(enum sync_point point);

/* Send one point; fd travels along unless -1. Child-safe: yes */
int sync_send(int sync_fd, enum sync_point point, int fd, struct err *err);

/*
 * Receive one point. ret_fd gets the fd that came along or -1, and may be NULL (an fd is
 * closed then). ERR_UNAVAILABLE when the other side is gone. Child-safe: yes
 */
int sync_receive(int sync_fd, enum sync_point *ret, int *ret_fd, struct err *err);

/* Receive exactly this point. Child-safe: yes */
int sync_expect(int sync_fd, enum sync_point want, struct err *err);

/* Write the error and end the process. Child-safe: yes */
_Noreturn void report_failure(int report_fd, const struct err *err);

/* 0 at end of file, -1 with the child's error. */
int report_read(int report_fd, struct err *err);
