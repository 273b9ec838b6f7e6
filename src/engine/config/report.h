/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * report.h - what a person must hear of although loading goes on
 *
 * Limits: WARNINGS_MAX lines; more are dropped, so that a hostile text cannot fill the log
 */
#include "engine/config/keys.h"

#define WARNINGS_MAX 100

void warn_add(char ***warnings, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The key was set. If it does nothing here and is not at its default: a warning, or
 * ERR_UNIMPLEMENTED where going on without it would be unsafe.
 */
int report_unbuilt(const struct config *config, const struct config_key *key, char ***warnings,
		   struct err *err);
