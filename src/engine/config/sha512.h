/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sha512.h - the hash of a file, by libnettle
 *
 * Blocks: until the whole file is read
 */
#include "lib/base/err.h"

#define SHA512_HEX_MAX 129 /* 128 digits and the NUL */

int sha512_of_file(const char *path, char ret_hex[static SHA512_HEX_MAX], struct err *err);
