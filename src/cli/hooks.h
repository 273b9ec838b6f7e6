/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * hooks.h - run hooks (engine/hooks.h) and wait for them, or for an interrupt
 */
#include "engine/hooks.h"

/* Blocks: until the hooks have ended, or an interrupt */
int hooks_run(const char *kind, Grpc__Hook *const *hooks, size_t n, const char *state,
	      struct err *err);
