/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * origin.h - who set a key: so that a message can say where to look
 */
#include "engine/config/keys.h"

struct config_origin {
	char *where; /* "configuration '/etc/x': line 12", "annotation 'io...'"; NULL: the default
		      */
	bool by_annotation;
};

struct config_origin *origins_new(void); /* one a row */
void origins_free(struct config_origin *origins);

/* Take where. */
void origin_set_file(struct config *config, const struct config_key *key, char *where);
void origin_set_annotation(struct config *config, const struct config_key *key, char *where);

/* Borrowed until set again; NULL: the default holds. */
const char *origin_get(const struct config *config, const struct config_key *key);
bool origin_is_annotation(const struct config *config, const struct config_key *key);
