/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * golden.h - compare a text with the file of what it was when somebody last looked
 *
 * `make golden` writes the files anew instead. After cmocka.h.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

static inline void golden_check(const char *dir, const char *name, const char *got)
{
	scoped_free char *path = xasprintf("%s/%s.txt", dir, name);
	scoped_free char *want = NULL;
	struct err err = ERR_INIT;

	if (getenv("KATA_GOLDEN_UPDATE")) {
		if (file_replace(path, got, strlen(got), 0644, &err) < 0)
			fail_msg("%s", err.text);
		return;
	}
	if (file_read(path, 1u << 20, &want, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(got, want);
}
