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

void origin_set(struct config *config, const struct config_key *key, char *where)
{
	struct config_origin *origin = &config->origins[index_of(key)];

	free(origin->where);
	origin->where = where;
}

const char *origin_get(const struct config *config, const struct config_key *key)
{
	const char *where = config->origins[index_of(key)].where;

	return where ? where : "default";
}

bool origin_is_set(const struct config *config, const struct config_key *key)
{
	return config->origins[index_of(key)].where != NULL;
}
