/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tail.h - read a stream for ever and remember its end
 *
 * For the guest's console and for what a helper process writes to its stderr. A bounded
 * amount is read each turn of the loop, so a guest that floods its console slows itself.
 *
 * Trust:  the stream is hostile: lines and memory are capped
 * Owns:   the fd and what is remembered
 */
#include <stddef.h>

struct event_base;
struct tail;

/*
 * One line without its end, NUL-terminated and without a NUL inside; a longer one comes
 * in pieces of max_line. Must not free the tail.
 */
typedef void tail_line(void *arg, const char *line);

struct tail_limits {
	size_t keep;     /* bytes remembered */
	size_t max_line; /* bytes of one line */
};

/* Takes fd and makes it non-blocking. line may be NULL. */
struct tail *tail_new(struct event_base *base, int fd, struct tail_limits limits, tail_line *line,
		      void *arg);
void tail_free(struct tail *tail); /* NULL is fine */

/* Read what is there already, for when the writer has ended. At most `keep` bytes. */
void tail_drain(struct tail *tail);

/* What is remembered, escaped (text.h). Owned by the caller. NULL tail: "". */
char *tail_text(const struct tail *tail);
