/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * err.h - the one error value that crosses module boundaries
 *
 * A struct err is a plain value with no heap behind it: it can be filled after
 * fork(), under memory pressure, and written to a pipe as it is.
 *
 * Convention: a function that can fail takes `struct err *err` last and returns
 * 0 (or an fd, or a pointer) on success and -1 (or NULL) on failure. On success
 * *err is untouched; on failure it is filled and no ret_ parameter is written.
 *
 * Codes: google/rpc/code.proto, same numbers, so a ttrpc reply needs no table.
 *
 * Child-safe: all of it
 */
/*
 * Bytes; longer texts keep their head and end in "...". Room for two paths and two of
 * docker's ids; a struct err still goes through a pipe in one write (PIPE_BUF is 4096).
 */
#define ERR_TEXT_MAX 496

enum err_code {
	ERR_OK = 0,
	ERR_CANCELLED = 1,
	ERR_INVALID = 3, /* the caller's input is wrong */
	ERR_TIMEOUT = 4,
	ERR_NOT_FOUND = 5,
	ERR_EXISTS = 6,
	ERR_DENIED = 7,
	ERR_EXHAUSTED = 8, /* memory, fds, disk, or a limit of ours */
	ERR_STATE = 9,     /* right request, wrong moment */
	ERR_UNIMPLEMENTED = 12,
	ERR_INTERNAL = 13,
	ERR_UNAVAILABLE = 14, /* the peer is gone */
};

struct err {
	enum err_code code;
	int sys;                 /* errno behind it, 0 if none */
	char text[ERR_TEXT_MAX]; /* "outer: inner: reason", NUL-terminated */
};

#define ERR_INIT ((struct err){ .code = ERR_OK })

/* Fill *err; always returns -1, so callers write `return err_set(...)`. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), nonnull));

/* As err_set(), with code and trailing ": reason" derived from errnum (> 0). */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), nonnull));

/* Put context in front of an error already set. Always returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull));

/* Keep the first of several failures, which is the one nearest to the cause. */
void err_keep_first(struct err *first, const struct err *err) __attribute__((nonnull));

/* The code that an errno stands for when nothing better is known. */
enum err_code err_code_of(int errnum);
