/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tmp.h - a directory of its own for each test, in *state, removed afterwards
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"

static inline int tmp_make(void **state)
{
	char name[] = "/tmp/test_base.XXXXXX";

	assert_non_null(mkdtemp(name));
	*state = xstrdup(name);
	return 0;
}

static inline int tmp_remove(void **state)
{
	struct err err = ERR_INIT;

	if (dir_remove(*state, &err) < 0)
		fail_msg("%s", err.text);
	free(*state);
	return 0;
}
