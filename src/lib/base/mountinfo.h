/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * mountinfo.h - read the kernel's list of mounts
 *
 *	char *at = text;
 *	while ((r = mountinfo_next(&at, &m, err)) > 0)
 *		use(&m);
 *
 * Spec:   proc(5), /proc/PID/mountinfo. Octal escapes (\040 and so on) are decoded.
 * Trust:  mount points and sources are named by whoever mounted, containers included:
 *         any byte but NUL may be in them
 * Limits: MOUNTINFO_MAX bytes of text
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define MOUNTINFO_MAX (32u << 20) /* bytes; a busy node has some 200 a mount */

/* Strings are borrowed from the text that was given to mountinfo_next(). */
struct mountinfo {
	uint32_t id, parent;
	uint32_t major, minor;
	const char *root;          /* of the mount, within its file system */
	const char *target;        /* mount point, as seen from the process's root */
	const char *options;       /* of the mount: "rw,nosuid" */
	const char *propagation;   /* "shared:1 master:2", or "" */
	const char *type;          /* "ext4", "fuse.sshfs" */
	const char *source;
	const char *super_options; /* of the file system: "rw,cpu,cpuacct" */
};

/* The caller's own mounts as text, owned by the caller. */
int mountinfo_read(char **ret_text, struct err *err);

/*
 * The next line of *cursor, which is cut up in place and moved on. 1: *ret is filled;
 * 0: no more; -1: a line that is none of the kernel's (ERR_INVALID).
 */
int mountinfo_next(char **cursor, struct mountinfo *ret, struct err *err);

/* Is word one of the comma-separated words of list? */
bool mountinfo_has_option(const char *list, const char *word);
