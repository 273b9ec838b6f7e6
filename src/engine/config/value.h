/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * value.h - a value on its way into a member, checked against the key's row
 */
#include "engine/config/keys.h"

struct config_value {
	enum config_type type; /* CONFIG_TRISTATE never: it is a bool or a string on the way */
	bool b;
	uint64_t u;
	double f;
	const char *s;
	char *const *list;
};

/* "a number", "true or false": what the key wants, for messages. */
const char *config_type_words(enum config_type type);

/*
 * Put v into the member. ERR_INVALID "'default_vcpus' wants a number" and the like; config is then
 * as before.
 */
int config_set(struct config *config, const struct config_key *key, const struct config_value *v,
	       struct err *err);

/* Is the member what the row's default says? */
bool config_is_default(const struct config *config, const struct config_key *key);

/* The default from the row's text. */
void config_set_default(struct config *config, const struct config_key *key);
void config_unset(struct config *config, const struct config_key *key); /* frees the member */

/* Is text one of the words of the closed set ("a,b,c")? */
bool config_is_choice(const char *choices, const char *text);

/* The member as TOML writes it: 12, true, "text", ["a", "b"]. Owned by the caller. */
char *config_format(const struct config *config, const struct config_key *key);
