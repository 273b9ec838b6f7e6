/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the command line holds, the options stay within what they can be. */
#include <stdlib.h>
#include <string.h>

#include "agent/cmdline.h"
#include "fuzz/fuzz.h"
#include "lib/base/mem.h"

static void complain(void *arg, const char *name, const char *value, const char *why)
{
	size_t *n = arg;

	*n += strlen(name) + strlen(value) + strlen(why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_options o = AGENT_OPTIONS_INIT;
	scoped_free char *text = xstrndup((const char *)data, size);
	size_t n = 0;

	cmdline_parse(text, &o, complain, &n);
	if (o.container_pipe_size > 1u << 20 || o.log_level > LOG_LEVEL_DEBUG ||
	    !memchr(o.server_addr, '\0', sizeof(o.server_addr)))
		__builtin_trap();
	return 0;
}
