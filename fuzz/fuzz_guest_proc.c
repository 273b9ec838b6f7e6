/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as /proc has it, into metrics and storage options. Names in /proc/net/dev and
 * the like are chosen by whoever makes the device.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/check.h"
#include "agent/metrics.h"
#include "agent/storage_options.h"
#include "fuzz/fuzz.h"
#include "lib/base/mem.h"

static void try_options(char *text)
{
	struct storage_options o;
	struct err err = ERR_INIT;
	char *list[64];
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(text, "\n", &save); w && n < 64; w = strtok_r(NULL, "\n", &save))
		list[n++] = w;
	if (storage_options_parse(list, n, &o, &err) == 0 && o.mode > 07777)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped_free char *text = xstrndup((const char *)data, size);
	struct str out = { .max = 1 << 20 };
	struct err err = ERR_INIT;

	metrics_add_keys(&out, "a", text);
	metrics_add_words(&out, "b", text);
	metrics_add_cpus(&out, "c", text);
	metrics_add_netdev(&out, "d", text);
	metrics_add_disks(&out, "e", text);
	str_done(&out);
	if (check_path_below("path", text, "/run/kata-containers", &err) == 0 &&
	    strstr(text, "/../"))
		__builtin_trap();
	(void)check_id("id", text, &err);
	try_options(text);
	return 0;
}
