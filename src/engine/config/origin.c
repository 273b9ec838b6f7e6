/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.c - who set a key
 */
#include "engine/config/origin.h"

#include <stdlib.h>

#include "lib/base/mem.h"

static size_t index_of(const struct config_key *key)
{
	return (size_t)(key - config_keys);
}

struct config_origin *origins_new(void)
{
	return xcalloc(config_n_keys, sizeof(struct config_origin));
}

void origins_free(struct config_origin *origins)
{
	if (!origins)
		return;
	for (size_t i = 0; i < config_n_keys; i++)
		free(origins[i].where);
	free(origins);
}

static void set(struct config *config, const struct config_key *key, char *where,
		bool by_annotation)
{
	struct config_origin *origin = &config->origins[index_of(key)];

	free(origin->where);
	*origin = (struct config_origin){ .where = where, .by_annotation = by_annotation };
}

void origin_set_file(struct config *config, const struct config_key *key, char *where)
{
	set(config, key, where, false);
}

void origin_set_annotation(struct config *config, const struct config_key *key, char *where)
{
	set(config, key, where, true);
}

const char *origin_get(const struct config *config, const struct config_key *key)
{
	return config->origins[index_of(key)].where;
}

bool origin_is_annotation(const struct config *config, const struct config_key *key)
{
	return config->origins[index_of(key)].by_annotation;
}
