/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * config_test.h - what the tests of config share
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/config/config.h"
#include "lib/base/mem.h"

/* One configuration, what was said about it, and the last error. */
struct trial {
	struct config *config;
	char **warnings;
	struct err err;
};

#define TRIAL_INIT ((struct trial){ .config = config_new_default() })

static inline void trial_done(struct trial *t)
{
	config_free(t->config);
	strv_free(t->warnings);
}

#define scoped_trial scoped(trial_done)

static inline int load(struct trial *t, const char *text)
{
	return config_load_text(t->config, "/c.toml", text, strlen(text), &t->warnings, &t->err);
}

static inline int annotate(struct trial *t, const char *key, const char *value)
{
	struct config_annotation a = { key, value };

	return config_apply_annotations(t->config, &a, 1, &t->warnings, &t->err);
}

/* Shows both texts when they differ. */
static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static inline void assert_one_warning(const struct trial *t, const char *text)
{
	if (strv_len(t->warnings) != 1)
		fail_msg("%zu warnings, the first '%s'", strv_len(t->warnings),
			 t->warnings ? t->warnings[0] : "");
	assert_string_equal(t->warnings[0], text);
}
