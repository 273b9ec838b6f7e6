/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/id.h"

#include <ctype.h>
#include <string.h>

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
