/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find.c - which file to load
 */
#include <stdbool.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static bool is_given(const char *path)
{
	return path && path[0] != '\0';
}

static int check_annotation(const char *path, struct err *err)
{
	scoped_free char *real = realpath(path, NULL);

	if (real && (str_starts(real, CONFIG_DIR_ETC "/") ||
		     str_starts(real, CONFIG_DIR_DEFAULTS "/")))
		return 0;
	return err_set(err, ERR_DENIED,
		       "annotation 'io.katacontainers.config_path' must name a file below %s or %s",
		       CONFIG_DIR_ETC, CONFIG_DIR_DEFAULTS);
}

int config_find_file(const struct config_find *find, char **ret, struct err *err)
{
	const char *given[] = { find->annotation, find->option, find->env, find->cli };
	const char *known[] = { CONFIG_FILE_ETC, CONFIG_FILE_DEFAULTS };

	if (is_given(find->annotation) && check_annotation(find->annotation, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		if (!is_given(given[i]))
			continue;
		if (access(given[i], F_OK) < 0)
			return err_set(err, ERR_NOT_FOUND, "Cannot find usable config file (%s)",
				       given[i]);
		*ret = xstrdup(given[i]);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (access(known[i], F_OK) == 0) {
			*ret = xstrdup(known[i]);
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "Cannot find usable config file (%s, %s)",
		       CONFIG_FILE_ETC, CONFIG_FILE_DEFAULTS);
}
