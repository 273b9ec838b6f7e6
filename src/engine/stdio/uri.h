/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * uri.h - what the stdin, stdout or stderr of a task's request means
 *
 *	""                             nothing
 *	/path, fifo:///path            a FIFO that is there already
 *	file:///path                   a file to append to
 *	binary:///program?key=value    a logger and its arguments, key and value one each
 *
 * Only the first value of a key that is repeated counts, as with containerd's shims; theirs come
 * in no order, ours in that of the URI. A key without "=" has an empty value.
 *
 * Spec:   containerd runtime v2, "Logging"; RFC 3986 for the escapes, and "+" in a query
 * Limits: STDIO_URI_MAX bytes, STDIO_ARGS_MAX arguments
 */
#include <stddef.h>

#include "lib/base/err.h"

#define STDIO_URI_MAX  16384
#define STDIO_ARGS_MAX 128

enum stdio_kind {
	STDIO_NONE,
	STDIO_FIFO,
	STDIO_FILE,
	STDIO_LOGGER,
};

struct stdio_uri {
	enum stdio_kind kind;
	char *path;  /* absolute, without escapes; NULL for STDIO_NONE; owned */
	char **argv; /* a logger's, with the program first; owned */
};

/* ERR_INVALID; ERR_UNIMPLEMENTED for a scheme that is not known. */
int stdio_uri_parse(const char *text, struct stdio_uri *ret, struct err *err);
void stdio_uri_done(struct stdio_uri *uri);
