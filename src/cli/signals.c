/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "lib/base/str.h"

#define SIGNAL_MAX 64

int signal_parse(const char *text, int *ret, struct err *err)
{
	unsigned long long number;
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;

	if (parse_u64(text, SIGNAL_MAX, &number) && number > 0) {
		*ret = (int)number;
		return 0;
	}
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *known = sigabbrev_np(sig);

		if (known && strcasecmp(known, name) == 0) {
			*ret = sig;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "unknown signal '%s'", text);
}
