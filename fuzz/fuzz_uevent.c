/* SPDX-License-Identifier: Apache-2.0 */
/* Every string of an event that is accepted lies, with its NUL, inside the message. */
#include <stdlib.h>
#include <string.h>

#include "agent/uevent.h"
#include "fuzz/fuzz.h"

static void check(const char *s, const char *text, size_t size)
{
	if (*s == '\0')
		return; /* may be the empty default */
	if (s < text || s >= text + size || !memchr(s, '\0', (size_t)(text + size - s)))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct err err = ERR_INIT;
	struct uevent e;

	if (uevent_parse(text, size, &e, &err) < 0)
		return 0;
	check(e.action, text, size);
	check(e.devpath, text, size);
	check(e.subsystem, text, size);
	check(e.devname, text, size);
	check(e.modalias, text, size);
	return 0;
}
