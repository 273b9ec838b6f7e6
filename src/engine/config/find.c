/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find.c - which file to load
 */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const char *const known_files[] = {
	"/etc/kata-containers/configuration.toml",
	KATA_DATADIR "/defaults/kata-containers/configuration.toml",
	"/usr/share/defaults/kata-containers/configuration.toml",
	NULL,
};

const char *const *config_known_files(void)
{
	return known_files;
}

static bool is_given(const char *path)
{
	return path && path[0] != '\0';
}

/* Is path in the directory of file, or below? */
static bool is_beside(const char *file, const char *path)
{
	size_t dir_len = (size_t)(strrchr(file, '/') - file) + 1;

	return strncmp(file, path, dir_len) == 0;
}

static int check_annotation(const char *path, struct err *err)
{
	scoped_free char *real = realpath(path, NULL);

	for (size_t i = 0; real && known_files[i]; i++)
		if (is_beside(known_files[i], real))
			return 0;
	return err_set(
		err, ERR_DENIED,
		"annotation 'io.katacontainers.config_path' must name a file beside '%s' or '%s'",
		known_files[0], known_files[1]);
}

int config_find_file(const struct config_find *find, char **ret, struct err *err)
{
	const char *given[] = { find->annotation, find->option, find->env, find->cli };

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
	for (size_t i = 0; known_files[i]; i++) {
		if (access(known_files[i], F_OK) == 0) {
			*ret = xstrdup(known_files[i]);
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "Cannot find usable config file (%s, %s)",
		       known_files[0], known_files[1]);
}
