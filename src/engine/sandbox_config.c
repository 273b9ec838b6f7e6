/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sandbox_config.h"

#include "engine/config/config.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

static int apply(struct config *config, const Grpc__Spec *spec, char ***warnings, struct err *err)
{
	scoped_free struct config_annotation *list =
		xcalloc(spec->n_annotations + 1, sizeof(*list));
	struct config_facts facts;

	for (size_t i = 0; i < spec->n_annotations; i++)
		list[i] = (struct config_annotation){ .key = spec->annotations[i]->key,
						      .value = spec->annotations[i]->value };
	if (config_apply_annotations(config, list, spec->n_annotations, warnings, err) < 0 ||
	    config_facts_read(&facts, err) < 0)
		return -1;
	return config_validate(config, &facts, warnings, err);
}

struct config *sandbox_config_load(const char *path, const Grpc__Spec *spec, char ***warnings,
				   struct err *err)
{
	scoped(config_free_at) struct config *config = config_new_default();

	if (config_load(config, path, warnings, err) < 0 ||
	    (spec && apply(config, spec, warnings, err) < 0))
		return NULL;
	return take_ptr(&config);
}
