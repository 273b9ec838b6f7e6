/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * id.h - names of containers and sandboxes, which become part of paths
 *
 * Letters, digits, '_', '.', '-'; the first a letter or a digit; at most ID_MAX long.
 *
 * Source: Kata's check of container ids; the length is containerd's for identifiers, which keeps
 *         socket paths under their limit
 */
#include "lib/base/err.h"

#define ID_MAX 76

int id_check(const char *id, struct err *err);
