/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config_file.h"

#include <stdio.h>

#include "engine/config/config.h"
#include "engine/sandbox_config.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"

static void tell_warnings(char **warnings)
{
	for (size_t i = 0; i < strv_len(warnings); i++)
		log_warn(warnings[i]);
}

struct config *config_file_load(const struct cli *cli, const Grpc__Spec *spec, struct err *err)
{
	const struct config_find find = { .cli = cli->config_path };
	scoped_strv char **warnings = NULL;
	scoped_free char *path = NULL;
	struct config *config;

	if (config_find_file(&find, &path, err) < 0)
		return NULL;
	config = sandbox_config_load(path, spec, &warnings, err);
	if (config)
		tell_warnings(warnings);
	return config;
}

void config_file_print_paths(void)
{
	for (const char *const *at = config_known_files(); *at; at++)
		printf("%s\n", *at);
}
