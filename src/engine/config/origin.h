/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * origin.h - who set a key: so that a message can say where to look
 */
#include "engine/config/keys.h"

struct config_origin {
	char *where; /* "configuration '/etc/x': line 12", "annotation 'io...'"; NULL: the default */
};

struct config_origin *origins_new(void); /* one a row */
void origins_free(struct config_origin *origins);

/* Takes where. */
void origin_set(struct config *config, const struct config_key *key, char *where);

/* Never NULL; for the default, the file that could have set it. Borrowed until set again. */
const char *origin_get(const struct config *config, const struct config_key *key);
bool origin_is_set(const struct config *config, const struct config_key *key);
