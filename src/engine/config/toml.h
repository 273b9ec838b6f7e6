/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * toml.h - a TOML text as a flat stream of keys
 *
 * The border to toml++: the only C++ of the project is behind this header, and it knows nothing of
 * configuration. No exception leaves it.
 *
 * Spec:   TOML 1.0
 * Limits: TOML_TEXT_MAX, TOML_DEPTH_MAX
 * Trust:  any bytes are fine
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TOML_TEXT_MAX  (1u << 20) /* bytes */
#define TOML_DEPTH_MAX 16         /* tables in tables */

enum toml_type {
	TOML_TABLE, /* a [section] begins; key is "" */
	TOML_BOOL,
	TOML_INT,
	TOML_FLOAT,
	TOML_STRING,
	TOML_STRINGS, /* a list, possibly empty, of nothing but strings */
	TOML_OTHER,   /* dates, mixed and nested lists, strings with a NUL in them */
};

/* Borrowed until the callback returns. */
struct toml_item {
	const char *section; /* "hypervisor.qemu"; "" for keys before the first section */
	const char *key;
	unsigned int line; /* from 1 */
	enum toml_type type;
	bool b;
	int64_t i;
	double f;
	const char *s;
	char *const *strings; /* NULL-terminated */
};

/* Not 0 stops the stream. */
typedef int toml_item_fn(void *arg, const struct toml_item *item);

#define TOML_WHY_MAX 160

struct toml_problem {
	unsigned int line; /* 0: not known */
	char why[TOML_WHY_MAX];
};

/*
 * Call fn for every item, in the order of the text. Returns 0, what fn returned, or -1 with
 * *ret_problem filled when the text is not TOML or over a limit; fn is then never called.
 */
int toml_read(const char *text, size_t len, toml_item_fn *fn, void *arg,
	      struct toml_problem *ret_problem);

#ifdef __cplusplus
}
#endif
