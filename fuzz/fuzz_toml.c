/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that is accepted as a configuration, written out again key by key, is accepted again
 * and means the same. A refused one says why.
 */
#include <string.h>

#include "engine/config/keys.h"
#include "engine/config/value.h"
#include "fuzz.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static char *write_all_keys(const struct config *config)
{
	struct str out = { 0 };
	const char *section = "";

	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		scoped_free char *value = config_format(config, key);

		if (key->annotation_only)
			continue;
		if (strcmp(section, key->section) != 0)
			str_addf(&out, "[%s]\n", config_section_table(key->section));
		section = key->section;
		str_addf(&out, "%s = %s\n", key->name, value);
	}
	return str_take(&out);
}

static void check_again(const struct config *config)
{
	scoped(config_free_at) struct config *again = config_new_default();
	scoped_free char *text = write_all_keys(config);
	scoped_free char *text_again = NULL;
	scoped_strv char **warnings = NULL;
	struct err err = ERR_INIT;

	fuzz_assert(config_load_text(again, "again", text, strlen(text), &warnings, &err) == 0);
	text_again = write_all_keys(again);
	fuzz_assert(strcmp(text, text_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped(config_free_at) struct config *config = config_new_default();
	scoped_strv char **warnings = NULL;
	struct err err = ERR_INIT;

	if (config_load_text(config, "fuzz", (const char *)data, size, &warnings, &err) < 0)
		fuzz_assert(err.text[0] != '\0' && err.code != ERR_OK);
	else
		check_again(config);
	return 0;
}
