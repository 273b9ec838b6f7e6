/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/str.h"

static char *read_stdin(size_t max, struct err *err)
{
	struct str text = { .max = max };
	char buf[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		str_add_n(&text, buf, (size_t)n);
	if (n == 0 && !text.cut)
		return str_take(&text);
	if (n < 0)
		(void)err_sys(err, errno, "read standard input");
	else
		(void)err_set(err, ERR_EXHAUSTED, "read standard input: over %zu bytes", max);
	str_done(&text);
	return NULL;
}

char *input_read(const char *path, size_t max, struct err *err)
{
	char *text = NULL;

	if (strcmp(path, "-") == 0)
		return read_stdin(max, err);
	return file_read(path, max, &text, NULL, err) < 0 ? NULL : text;
}
