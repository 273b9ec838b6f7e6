/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - make and free a configuration, and find its file
 */
#include "engine/config/config.h"

#include "engine/config/keys.h"
#include "engine/config/origin.h"
#include "engine/config/value.h"
#include "lib/base/mem.h"

struct config *config_new_default(void)
{
	struct config *config = xnew(struct config);

	config->path = xstrdup("");
	config->origins = origins_new();
	for (size_t i = 0; i < config_n_keys; i++)
		config_set_default(config, &config_keys[i]);
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config_n_keys; i++)
		config_unset(config, &config_keys[i]);
	origins_free(config->origins);
	free(config->path);
	free(config);
}

void config_free_at(struct config **config)
{
	config_free(*config);
}
