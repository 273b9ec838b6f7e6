/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/check.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/str.h"

static bool is_id_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

int check_id(const char *what, const char *id, struct err *err)
{
	size_t len = strnlen(id, CHECK_ID_MAX + 1);

	if (len == 0)
		return err_set(err, ERR_INVALID, "%s is empty", what);
	if (len > CHECK_ID_MAX)
		return err_set(err, ERR_INVALID, "%s is over %d bytes", what, CHECK_ID_MAX);
	for (size_t i = 0; i < len; i++)
		if (!is_id_char(id[i]))
			return err_set(err, ERR_INVALID,
				       "%s '%s' holds a character that is none of "
				       "letters, digits, '_', '.', '-'",
				       what, id);
	if (!isalnum((unsigned char)id[0]))
		return err_set(err, ERR_INVALID, "%s '%s' starts with '%c'", what, id, id[0]);
	return 0;
}

int check_path(const char *what, const char *path, struct err *err)
{
	if (*path != '/')
		return err_set(err, ERR_INVALID, "%s '%s' is not absolute", what, path);
	if (strnlen(path, CHECK_PATH_MAX) == CHECK_PATH_MAX)
		return err_set(err, ERR_INVALID, "%s is over %d bytes", what, CHECK_PATH_MAX);
	for (const char *at = path; at; at = strchr(at, '/')) {
		size_t len;

		at++;
		len = strcspn(at, "/");
		if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
			return err_set(err, ERR_INVALID, "%s '%s' holds '.' or '..'", what, path);
	}
	return 0;
}

int check_path_below(const char *what, const char *path, const char *dir, struct err *err)
{
	size_t len = strlen(dir);

	if (check_path(what, path, err) < 0)
		return -1;
	if (!str_starts(path, dir) || path[len] != '/' ||
	    path[len + 1 + strspn(path + len + 1, "/")] == '\0')
		return err_set(err, ERR_DENIED, "%s '%s' is not below '%s'", what, path, dir);
	return 0;
}
