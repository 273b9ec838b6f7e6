/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * defs.h - cleanup by scope, and the few macros everybody needs
 *
 * Child-safe: all of it, except scoped_free (free after fork is a habit we avoid)
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define scoped(fn)  __attribute__((cleanup(fn)))
#define scoped_free scoped(free_at)
#define scoped_fd   scoped(close_at)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MIN(a, b)                       \
	__extension__({                 \
		__typeof__(a) a_ = (a); \
		__typeof__(b) b_ = (b); \
		a_ < b_ ? a_ : b_;      \
	})

#define MAX(a, b)                       \
	__extension__({                 \
		__typeof__(a) a_ = (a); \
		__typeof__(b) b_ = (b); \
		a_ > b_ ? a_ : b_;      \
	})

/*
 * For the strings of a generated message that is only packed, or only read: protobuf-c has no
 * const in its structs, and a copy would be made for the compiler alone. Through an integer,
 * because -Wcast-qual is right everywhere else.
 */
static inline char *unconst(const char *text)
{
	return (char *)(uintptr_t)text;
}

static inline void free_at(void *pp)
{
	free(*(void **)pp);
}

static inline void close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Close and forget: the way to close an fd that lives in a struct. */
static inline void close_fd(int *fd)
{
	close_at(fd);
	*fd = -1;
}

static inline int take_fd(int *fd)
{
	int out = *fd;

	*fd = -1;
	return out;
}

#define take_ptr(pp)                            \
	__extension__({                         \
		__typeof__(*(pp)) out_ = *(pp); \
		*(pp) = NULL;                   \
		out_;                           \
	})
