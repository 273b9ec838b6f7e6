/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - what a person must hear of although loading goes on
 */
#include "engine/config/report.h"

#include <stdarg.h>

#include "engine/config/origin.h"
#include "engine/config/value.h"
#include "lib/base/mem.h"

void warn_add(char ***warnings, const char *fmt, ...)
{
	scoped_free char *text = NULL;
	va_list ap;

	if (strv_len(*warnings) >= WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	strv_add(warnings, text);
}

int report_unbuilt(const struct config *config, const struct config_key *key, char ***warnings,
		   struct err *err)
{
	const char *where = origin_get(config, key);
	const char *effect = NULL;

	switch (key->state) {
	case KEY_BUILT:
	case KEY_MOOT:
		return 0;
	case KEY_IDLE:
		effect = "is not supported yet and has no effect";
		break;
	case KEY_OLD:
		effect = "has no effect in this runtime";
		break;
	case KEY_REFUSED:
		break;
	}
	if (config_is_default(config, key))
		return 0;
	if (!effect)
		return err_set(
			err, ERR_UNIMPLEMENTED,
			"%s: '%s' is not supported yet, and it would be unsafe to go on without",
			where, key->name);
	warn_add(warnings, "%s: '%s' %s", where, key->name, effect);
	return 0;
}
