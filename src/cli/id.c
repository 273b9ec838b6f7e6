/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

int id_check(const char *id, struct err *err)
{
	size_t len = strlen(id);

	if (len == 0)
		return err_set(err, ERR_INVALID, "Missing container ID");
	if (len > ID_MAX)
		return err_set(err, ERR_INVALID,
			       "container ID is %zu characters long, at most %d are allowed", len,
			       ID_MAX);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)id[i];

		if (isascii(c) && (isalnum(c) || (i > 0 && strchr("_.-", c))))
			continue;
		return err_set(err, ERR_INVALID,
			       "container ID '%s': letters, digits, '_', '.' and '-' only, a "
			       "letter or digit first",
			       id);
	}
	return 0;
}

int arg_one_id(int argc, char **argv, int first, const char **ret_id, struct err *err)
{
	(void)argc;
	if (!argv[first])
		return err_set(err, ERR_INVALID, "Missing container ID");
	if (argv[first + 1])
		return err_set(err, ERR_INVALID, "too many arguments: '%s'", argv[first + 1]);
	if (id_check(argv[first], err) < 0)
		return -1;
	*ret_id = argv[first];
	return 0;
}
