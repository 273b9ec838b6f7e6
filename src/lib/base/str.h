/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * str.h - build a string from parts
 *
 * struct str grows on the heap up to a cap that its owner sets; what would go
 * over the cap is dropped and remembered in `cut`, so one check at the end does.
 */
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *data; /* NUL-terminated once anything was added; owned */
	size_t len;
	size_t max; /* bytes; 0 means STR_MAX */
	bool cut;
};

#define STR_MAX (16u << 20)

void str_add(struct str *s, const char *text);
void str_add_n(struct str *s, const void *data, size_t len);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text so far, never NULL; borrowed until the next call. */
const char *str_get(const struct str *s);

/* Hands over the text (never NULL) and empties *s. */
char *str_take(struct str *s);
void str_done(struct str *s);

/* Text helpers without a builder. */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/*
 * Whole-string numbers. Base 10, no sign for u64, no blanks, nothing behind.
 * Return false and leave *ret alone when text is anything else or out of range.
 */
bool parse_u64(const char *text, unsigned long long max, unsigned long long *ret);
bool parse_i64(const char *text, long long *ret);
