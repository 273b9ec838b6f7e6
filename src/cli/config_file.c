/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config_file.h"

#include <stdio.h>

#include "engine/config/config.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"

static void tell_warnings(char **warnings)
{
	for (size_t i = 0; i < strv_len(warnings); i++)
		log_warn(warnings[i]);
}

static int load(const struct cli *cli, struct config *config, char ***warnings, struct err *err)
{
	const struct config_find find = { .cli = cli->config_path };
	scoped_free char *path = NULL;

	if (config_find_file(&find, &path, err) < 0)
		return -1;
	return config_load(config, path, warnings, err);
}

static int apply(struct config *config, const Grpc__Spec *spec, char ***warnings, struct err *err)
{
	scoped_free struct config_annotation *list =
		xcalloc(spec->n_annotations + 1, sizeof(*list));
	struct config_facts facts;

	for (size_t i = 0; i < spec->n_annotations; i++)
		list[i] = (struct config_annotation){ spec->annotations[i]->key,
						      spec->annotations[i]->value };
	if (config_apply_annotations(config, list, spec->n_annotations, warnings, err) < 0 ||
	    config_facts_read(&facts, err) < 0)
		return -1;
	return config_validate(config, &facts, warnings, err);
}

struct config *config_file_load(const struct cli *cli, const Grpc__Spec *spec, struct err *err)
{
	scoped(config_free_at) struct config *config = config_new_default();
	scoped_strv char **warnings = NULL;

	if (load(cli, config, &warnings, err) < 0 ||
	    (spec && apply(config, spec, &warnings, err) < 0))
		return NULL;
	tell_warnings(warnings);
	return take_ptr(&config);
}

void config_file_print_paths(void)
{
	for (const char *const *at = config_known_files(); *at; at++)
		printf("%s\n", *at);
}
